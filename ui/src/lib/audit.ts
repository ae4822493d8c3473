// Lines of the audit log as people read them: by name, where the log has an id.
import type { AuditEntry, Call, Group, PhoneNumber, Role, User } from "../backend";
import { dollarsText } from "./money";
import { END_WORDS, fullName, MODE_NAMES, PERMISSION_NAMES, phoneText, PLAN_NAMES } from "./words";

/** What there is by name just now. What was deleted is not in it. */
export type Directory = {
  users: ReadonlyMap<string, User>;
  roles: readonly Role[];
  groups: readonly Group[];
  numbers: readonly PhoneNumber[];
  calls: readonly Pick<Call, "id" | "lead">[];
};

/** A part of a sentence; `id` is what stands in the log for it, for who needs to look it up. */
export type Named = { text: string; id: string | null };

const ID =
  /\b(?:user|orga|memb|role|group|lead|stat|cont|phon|acti|leg|invi|minv|ledg|audi|devi|impo)_\w+/g;

/** What an id of each kind is called when it is not there any more. */
const GONE: Record<string, string> = {
  user: "a former member",
  memb: "a member",
  role: "a deleted role",
  group: "a deleted group",
  phon: "a deleted number",
  lead: "a lead",
  stat: "a lead status",
  acti: "a call",
  orga: "the organization",
  cont: "a contact",
  leg: "",
  invi: "",
  minv: "",
  ledg: "",
  audi: "",
  devi: "",
  impo: "an import",
};

function nameOf(id: string, { users, roles, groups, numbers, calls }: Directory): string | null {
  const user = users.get(id);
  if (user) return fullName(user);
  const found = [...roles, ...groups].find((one) => one.id === id);
  if (found) return found.name;
  const number = numbers.find((one) => one.id === id);
  if (number) return `${number.label} ${phoneText(number.number)}`.trim();
  const call = calls.find((one) => one.id === id);
  return call ? `a call with ${call.lead.display_name}` : null;
}

/** That id by name, or by what it was. */
export function named(id: string, directory: Directory): Named {
  const kind = id.slice(0, id.indexOf("_"));
  return { text: nameOf(id, directory) ?? GONE[kind] ?? id, id };
}

/** Whom or what it was done to: whoever has a name is named, and what says nothing to a person (a leg
 * of a call, an invitation that is described beside it) is left out. */
export function targetsOf(line: AuditEntry, directory: Directory): Named[] {
  return (
    (line.target ?? "")
      .split(" ")
      .filter((id) => id !== "")
      .map((id) => named(id, directory))
      .filter(({ text }) => text !== "")
      // What is no id, such as an email address, stays as it was written.
      .map(({ text, id }) => ({ text: text === id ? text : capital(text), id }))
  );
}

/** What was done. Of a call that ended the log said once that its coaches were put out of it. */
export function doneIn({ action, detail }: AuditEntry): AuditEntry["action"] {
  const byNoOne = ["call_ended", "connection_lost", "service_stopped"].includes(detail ?? "");
  return action === "coach_removed" && byNoOne ? "coach_leave" : action;
}

/** More of it, in a person's words. */
export function detailOf(line: AuditEntry, directory: Directory): string {
  const detail = line.detail ?? "";
  switch (line.action) {
    case "coach_mode":
    case "coach_moved_to_listen":
      return wordOf(MODE_NAMES, detail);
    case "plan_changed":
      return wordOf(PLAN_NAMES, detail);
    case "phone_number_changed":
      return phoneText(detail);
    case "topped_up": {
      const amount = /^(\d+) micro-dollars$/.exec(detail);
      return amount ? dollarsText(Number(amount[1])) : detail;
    }
    case "coach_leave":
    case "coach_removed":
      return wordOf(END_WORDS, detail);
    case "role_changed": {
      // `Trainee (new): call_coach_listen`
      const [, name, held] = /^(.*): ([a-z_ ]+)$/.exec(detail) ?? [];
      if (name === undefined || held === undefined) return detail;
      const words = held.split(" ").map((word) => wordOf(PERMISSION_NAMES, word));
      return `${name}: ${words.join(", ")}`;
    }
    default:
      return detail.replace(ID, (id) => named(id, directory).text);
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function wordOf(words: Record<string, string>, word: string): string {
  return words[word] ?? word.replaceAll("_", " ");
}
