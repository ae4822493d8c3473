// A lead in a form: what is typed, and what of it is sent.
import type { ContactLabel, Lead, LeadRequest } from "../backend";

export type PhoneDraft = { phone: string; type: ContactLabel };
export type EmailDraft = { email: string; type: ContactLabel };
export type ContactDraft = {
  /** Null for one that is new. */
  id: string | null;
  name: string;
  phones: PhoneDraft[];
  emails: EmailDraft[];
};
export type LeadDraft = {
  name: string;
  description: string;
  status_id: string | null;
  owner_id: string | null;
  contacts: ContactDraft[];
};

export const LABELS: ContactLabel[] = ["office", "mobile", "home", "direct", "fax", "other"];

/** So many contacts a lead has at most, and so many numbers and email addresses a contact. */
export const CONTACTS_MAX = 100;
export const PER_CONTACT_MAX = 10;

export const noPhone = (): PhoneDraft => ({ phone: "", type: "office" });
export const noEmail = (): EmailDraft => ({ email: "", type: "office" });
export const noContact = (): ContactDraft => ({
  id: null,
  name: "",
  phones: [noPhone()],
  emails: [noEmail()],
});

/** The form of a lead as it is, or of a new one. */
export function draftOf(lead: Lead | null): LeadDraft {
  return {
    name: lead?.display_name ?? "",
    description: lead?.description ?? "",
    status_id: lead?.status_id ?? null,
    owner_id: lead?.owner_id ?? null,
    contacts: lead
      ? lead.contacts.map(({ id, name, phones, emails }) => ({
          id,
          name,
          // The number as it is shown, which is read again as it is.
          phones: phones.map(({ phone_formatted, type }) => ({ phone: phone_formatted, type })),
          emails: emails.map(({ email, type }) => ({ email, type })),
        }))
      : [noContact()],
  };
}

/** Without lines that hold nothing: what stays is sent, line by line, so that a refusal names its line. */
export function withoutBlanks(draft: LeadDraft): LeadDraft {
  const contacts = draft.contacts.map((contact) => ({
    ...contact,
    phones: contact.phones.filter(({ phone }) => phone.trim() !== ""),
    emails: contact.emails.filter(({ email }) => email.trim() !== ""),
  }));
  return {
    ...draft,
    contacts: contacts.filter(
      ({ name, phones, emails }) => name.trim() !== "" || phones.length > 0 || emails.length > 0,
    ),
  };
}

/** What is sent. */
export function requestOf(draft: LeadDraft, lead: Lead | null): LeadRequest {
  return {
    name: draft.name.trim(),
    description: draft.description.trim(),
    status_id: draft.status_id,
    owner_id: draft.owner_id,
    contacts: draft.contacts.map(({ id, name, phones, emails }) => ({
      id,
      name: name.trim(),
      phones: phones.map(({ phone, type }) => ({ phone: phone.trim(), type })),
      emails: emails.map(({ email, type }) => ({ email: email.trim(), type })),
    })),
    date_updated: lead?.date_updated ?? null,
  };
}
