// One import of leads, from the file that was chosen to what came of it: what the Import page shows.
import { route } from "./backend";
import type { Backend, Import, ImportPreview, ImportSettings } from "./backend";
import { Failure } from "./backend";
import { FILE_BYTES_MAX, isAtWork, megabytes } from "./lib/imports";
import { messageOf } from "./state.svelte";

/** So much of a file is handed to the shell at once. */
const PART_BYTES = 512 * 1024;
const POLL_MS = 700;
/** A part that couldn't be handed over is tried again so often. */
const TRIES_MAX = 5;
const RETRY_MS = 1_500;

export class Importing {
  /** The import that is shown; null before a file was chosen. */
  current = $state.raw<Import | null>(null);
  preview = $state.raw<ImportPreview | null>(null);
  /** What was chosen of the settings; the rest is detected. */
  settings = $state.raw<ImportSettings>({});
  error = $state<string | null>(null);
  /** Something was asked for and isn't answered yet. */
  busy = $state(false);
  /** Counts what the lines of the import were when they were read anew. */
  version = $state(0);
  readonly #backend: Backend;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was begun before the page went elsewhere ends. */
  #turn = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** How much of the file was uploaded, or of its rows dealt with: 0 to 1. */
  readonly progress = $derived.by(() => {
    const { state, bytes, bytes_uploaded, planned, done } = this.current ?? {};
    if (state === "uploading") return bytes ? (bytes_uploaded ?? 0) / bytes : 0;
    return planned?.rows ? Math.min(1, (done?.rows ?? 0) / planned.rows) : 0;
  });

  /** Uploads a file, and looks at it. */
  async choose(file: File): Promise<void> {
    const turn = this.#begin();
    if (file.size === 0) return this.#refuse("This file is empty. Choose another one.");
    if (file.size > FILE_BYTES_MAX) {
      const limit = megabytes(FILE_BYTES_MAX);
      return this.#refuse(`Files can be up to ${limit}. Split this one, then import the parts.`);
    }
    await this.#do(turn, async () => {
      const request = { file_name: file.name, bytes: file.size };
      this.current = await this.#backend.call(route.createImport, null, request);
      await this.#upload(turn, this.current, file);
      if (this.#is(turn)) await this.#look(turn);
    });
  }

  async #upload(turn: number, begun: Import, file: File): Promise<void> {
    let { bytes_uploaded: offset } = begun;
    let tries = 0;
    while (offset < file.size && this.#is(turn)) {
      try {
        const part = await base64Of(file.slice(offset, offset + PART_BYTES));
        const told = await this.#backend.uploadImportPart(begun.id, offset, part);
        offset = told.bytes_uploaded;
        tries = 0;
        if (this.#is(turn)) this.current = told;
      } catch (error) {
        tries += 1;
        const isLost = error instanceof Failure && error.code === "unreachable";
        if (!isLost || tries > TRIES_MAX) throw error;
        await new Promise((done) => setTimeout(done, RETRY_MS));
        // How much arrived is for the service to say.
        const now = await this.#backend.call(route.getImport, begun.id, null);
        offset = now.bytes_uploaded;
      }
    }
  }

  /** Shows an import that was begun before. */
  async open(id: string): Promise<void> {
    if (this.current?.id === id) return;
    const turn = this.#begin();
    await this.#do(turn, async () => {
      const found = await this.#backend.call(route.getImport, id, null);
      if (!this.#is(turn)) return;
      this.current = found;
      const isWhole = found.bytes_uploaded === found.bytes;
      if (isWhole && ["uploading", "previewing", "ready"].includes(found.state)) {
        await this.#look(turn);
      }
      this.#watch(turn);
    });
  }

  /** Reads the file in another way. */
  async set(change: ImportSettings): Promise<void> {
    const turn = this.#begin(true);
    // What the columns are is looked at anew when they're cut otherwise.
    const recut = "delimiter" in change || "quote" in change || "header" in change;
    const before = recut ? { ...this.settings, columns: null } : this.settings;
    this.settings = { ...before, ...change };
    await this.#do(turn, () => this.#look(turn));
  }

  async #look(turn: number): Promise<void> {
    const { current } = this;
    if (!current) return;
    const seen = await this.#backend.call(route.previewImport, current.id, this.settings);
    if (!this.#is(turn)) return;
    this.preview = seen;
    this.current = seen.import;
    this.#watch(turn);
  }

  start = (): Promise<void> => this.#ask((id) => this.#backend.call(route.startImport, id, null));
  cancel = (): Promise<void> => this.#ask((id) => this.#backend.call(route.cancelImport, id, null));
  undo = (): Promise<void> => this.#ask((id) => this.#backend.call(route.undoImport, id, null));

  async #ask(doing: (id: string) => Promise<Import>): Promise<void> {
    const id = this.current?.id;
    if (!id) return;
    const turn = this.#begin(true);
    await this.#do(turn, async () => {
      const told = await doing(id);
      if (!this.#is(turn)) return;
      this.current = told;
      this.version += 1;
      this.#watch(turn);
    });
  }

  /** Shows none, or stops to ask: the page is left. What is at work goes on. */
  close(): void {
    this.#begin();
  }

  #begin(goesOn = false): number {
    clearTimeout(this.#timer);
    this.error = null;
    if (!goesOn) {
      this.current = this.preview = null;
      this.settings = {};
    }
    return ++this.#turn;
  }

  #is(turn: number): boolean {
    return turn === this.#turn;
  }

  async #do(turn: number, doing: () => Promise<void>): Promise<void> {
    this.busy = true;
    try {
      await doing();
    } catch (error) {
      if (this.#is(turn)) this.error = messageOf(error);
    } finally {
      if (this.#is(turn)) this.busy = false;
    }
  }

  #refuse(why: string): void {
    this.busy = false;
    this.error = why;
  }

  /** Asks how far it is, until it's at rest. */
  #watch(turn: number): void {
    clearTimeout(this.#timer);
    if (!this.#is(turn) || !this.current || !isAtWork(this.current.state)) return;
    const { id, state } = this.current;
    this.#timer = setTimeout(() => void this.#poll(turn, id, state), POLL_MS);
  }

  async #poll(turn: number, id: string, before: Import["state"]): Promise<void> {
    try {
      const now = await this.#backend.call(route.getImport, id, null);
      if (!this.#is(turn)) return;
      this.current = now;
      if (now.state !== before) this.version += 1;
    } catch {
      // It goes on without being watched; the banner says that the connection is away.
    }
    this.#watch(turn);
  }
}

function base64Of(part: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onerror = () =>
      failed(
        new Failure({
          code: "not_possible",
          message: "The file couldn't be read. Check that it's still there.",
        }),
      );
    reader.onload = () => {
      const text = String(reader.result);
      done(text.slice(text.indexOf(",") + 1));
    };
    reader.readAsDataURL(part);
  });
}
