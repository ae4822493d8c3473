// Imports of leads in words.
import type {
  Import,
  ImportCounts,
  ImportDelimiter,
  ImportDuplicates,
  ImportEncoding,
  ImportField,
  ImportOutcome,
  ImportQuote,
  ImportState,
} from "../backend";
import { count } from "./words";

/** The longest file that the service takes, in bytes. */
export const FILE_BYTES_MAX = 256 * 1024 * 1024;

export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}

export const ENCODING_NAMES: Record<ImportEncoding, string> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16",
  "utf-16be": "UTF-16 (big-endian)",
  "windows-1252": "Windows-1252 (Western)",
};

export const DELIMITER_NAMES: Record<ImportDelimiter, string> = {
  comma: "Comma",
  semicolon: "Semicolon",
  tab: "Tab",
  pipe: "Vertical bar",
};

export const QUOTE_NAMES: Record<ImportQuote, string> = {
  double: "Double quotes",
  single: "Single quotes",
  none: "None",
};

export const DUPLICATES_NAMES: Record<ImportDuplicates, string> = {
  update: "Add what's new to them",
  skip: "Leave them as they are",
};

export const FIELD_NAMES: Record<ImportField, string> = {
  ignored: "Don't import",
  lead_name: "Company",
  contact_name: "Contact name",
  first_name: "First name",
  last_name: "Last name",
  office_phone: "Phone (office)",
  mobile_phone: "Phone (mobile)",
  home_phone: "Phone (home)",
  direct_phone: "Phone (direct)",
  fax: "Fax",
  other_phone: "Phone (other)",
  office_email: "Email (office)",
  home_email: "Email (home)",
  other_email: "Email (other)",
  status: "Lead status",
  owner: "Lead owner",
  description: "Description",
  lead_id: "Lead ID",
};

export const OUTCOME_NAMES: Record<ImportOutcome, string> = {
  created: "New lead",
  updated: "Adds to a lead",
  skipped: "Skipped",
};

export const STATE_NAMES: Record<ImportState, string> = {
  uploading: "Uploading",
  previewing: "Checking",
  ready: "Not started",
  running: "Importing",
  done: "Done",
  cancelled: "Cancelled",
  interrupted: "Interrupted",
  undoing: "Undoing",
  undone: "Undone",
  failed: "Failed",
};

/** Whether something goes on by itself. */
export function isAtWork(state: ImportState): boolean {
  return state === "previewing" || state === "running" || state === "undoing";
}

/** Whether nothing comes of it any more. */
export function isOver(state: ImportState): boolean {
  return ["done", "cancelled", "undone", "failed"].includes(state);
}

/** What a number of rows does, or did. */
export function countsText({ created, updated, skipped }: ImportCounts): string {
  return [
    count(created, "new lead"),
    `${count(updated, "row")} added to leads`,
    `${count(skipped, "row")} skipped`,
  ].join(" · ");
}

/** Whether a field can be that of several columns. */
export function isRepeatable(field: ImportField): boolean {
  return field === "ignored" || /phone|email|fax|description/.test(field);
}

/** The columns with this one changed: what there's one of is taken from where it was. */
export function withField(
  columns: readonly ImportField[],
  at: number,
  field: ImportField,
): ImportField[] {
  return columns.map((now, place) => {
    if (place === at) return field;
    return now === field && !isRepeatable(field) ? "ignored" : now;
  });
}

/** Why an import can't be started yet; null when it can. */
export function missing(columns: readonly ImportField[]): string | null {
  const names = columns.some((field) => field !== "ignored" && /name|phone|email/.test(field));
  return names
    ? null
    : "Choose at least one column with a name, a phone number or an email address.";
}

/** What came of an import, in a sentence or two. */
export function resultText({ state, message, done, kept }: Import): string {
  const rest = message ? ` ${message}` : "";
  switch (state) {
    case "done":
      return `The import is done: ${countsText(done)}.`;
    case "cancelled":
      return done.rows > 0
        ? `The import was cancelled after ${count(done.rows, "row")}. What it did until then stays.${rest}`
        : `The import was cancelled. Nothing was changed.${rest}`;
    case "failed":
      return done.rows > 0
        ? `The import failed after ${count(done.rows, "row")}.${rest}`
        : `The import failed. Nothing was changed.${rest}`;
    case "interrupted":
      return `The import was interrupted after ${count(done.rows, "row")}.${rest} You can continue or undo it.`;
    case "undone":
      return kept > 0
        ? `The import was undone. ${count(kept, "lead")} stayed as they are, because someone changed or called them since.`
        : "The import was undone.";
    default:
      return STATE_NAMES[state];
  }
}
