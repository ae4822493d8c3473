// Imports of leads, made up: what a file and a task that goes on by itself would do. Whatever file is
// chosen, it has the same four rows.
import {
  Failure,
  type Import,
  type ImportField,
  type ImportLine,
  type ImportLineQuery,
  type ImportPreview,
  type ImportRequest,
  type ImportSettings,
  type List,
} from "../backend";

const NONE = { rows: 0, created: 0, updated: 0, skipped: 0 };
const ALL = { rows: 4, created: 2, updated: 1, skipped: 1 };
const NAMES = ["Company", "Contact", "Phone", "Shoe size"];
const FIELDS: ImportField[] = ["lead_name", "contact_name", "office_phone", "ignored"];
const ROWS = [
  ["Umbrella", "Uma Unger", "+15557000900", "38"],
  ["Umbrella", "Ulf Unger", "(555) 700-0901", "44"],
  ["Soylent", "Sol Roth", "none", "43"],
  ["Globex", "Gina Grant", "+15557000100", "39"],
];
const LINES: ImportLine[] = [
  { line: 2, outcome: "created", name: "Umbrella", lead_id: null, why: "" },
  {
    line: 3,
    outcome: "updated",
    name: "Umbrella",
    lead_id: null,
    why: "This row names the company of the lead of line 2.",
  },
  {
    line: 4,
    outcome: "created",
    name: "Soylent",
    lead_id: null,
    why: "Left out “none”: This isn't a phone number. Enter one like +44 20 7946 0958.",
  },
  {
    line: 5,
    outcome: "skipped",
    name: "Globex",
    lead_id: "lead_globex",
    why: "This row has a phone number of a lead you already have, and nothing in it is new.",
  },
];

export class FakeImports {
  all: Import[] = [];
  #settings: ImportSettings = {};

  /** What a route about imports answers; undefined for any other. */
  call(route: string, id: string | null, input: unknown, now: string, user: string): unknown {
    switch (route) {
      case "LIST_IMPORTS":
        return { data: [...this.all].reverse(), has_more: false, cursor: null };
      case "CREATE_IMPORT":
        return this.#create(input as ImportRequest, now, user);
      case "GET_IMPORT":
        return this.#goOn(id, now);
      case "PREVIEW_IMPORT":
        return this.#preview(id, input as ImportSettings);
      case "LIST_IMPORT_LINES":
        return this.#lines(input as ImportLineQuery);
      case "START_IMPORT":
        return this.#change(id, { state: "running" });
      case "CANCEL_IMPORT":
        return this.#change(id, { state: "cancelled", date_ended: now });
      case "UNDO_IMPORT":
        return this.#change(id, { state: "undoing" });
      default:
        return undefined;
    }
  }

  upload(id: string, offset: number, base64: string): Import {
    return this.#change(id, { bytes_uploaded: offset + atob(base64).length });
  }

  #create({ file_name, bytes }: ImportRequest, now: string, user_id: string): Import {
    const made: Import = {
      id: `impo_new${this.all.length + 1}`,
      file_name,
      bytes,
      bytes_uploaded: 0,
      state: "uploading",
      message: null,
      planned: NONE,
      done: NONE,
      undoable: false,
      kept: 0,
      user_id,
      date_created: now,
      date_ended: null,
    };
    this.all.push(made);
    return made;
  }

  /** Each time that it's asked for, it's a step further. */
  #goOn(id: string | null, now: string): Import {
    switch (this.#find(id).state) {
      case "previewing":
        return this.#change(id, { state: "ready", planned: ALL });
      case "running":
        return this.#change(id, { state: "done", done: ALL, undoable: true, date_ended: now });
      case "undoing":
        return this.#change(id, { state: "undone", undoable: false, kept: 1, date_ended: now });
      default:
        return this.#find(id);
    }
  }

  #preview(id: string | null, settings: ImportSettings): ImportPreview {
    this.#settings = {
      encoding: "utf-8",
      delimiter: "comma",
      quote: "double",
      header: true,
      duplicates: "update",
      ...Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)),
    };
    const fields = this.#settings.columns ?? FIELDS;
    return {
      import: this.#change(id, { state: "previewing", planned: NONE }),
      settings: { ...this.#settings, columns: fields },
      columns: NAMES.map((name, at) => ({
        name: this.#settings.header ? name : "",
        field: fields[at] ?? "ignored",
        sample: ROWS.map((row) => row[at] ?? ""),
      })),
    };
  }

  #lines({ outcome }: ImportLineQuery): List<ImportLine> {
    const data = LINES.filter((line) => !outcome || line.outcome === outcome);
    return { data, has_more: false, cursor: null };
  }

  #find(id: string | null): Import {
    const found = this.all.find((one) => one.id === id);
    if (!found) throw new Failure({ code: "not_found", message: "There's no such import." });
    return found;
  }

  #change(id: string | null, change: Partial<Import>): Import {
    const changed = { ...this.#find(id), ...change };
    this.all = this.all.map((one) => (one.id === id ? changed : one));
    return changed;
  }
}
