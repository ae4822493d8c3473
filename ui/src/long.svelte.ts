// A list that may be longer than memory: it comes page by page, by cursor, and only the pages around what
// is seen are kept. What was dropped is asked for again, by its cursor, when it is scrolled back to.
import type { PageOf } from "./backend";
import { messageOf } from "./state.svelte";

export type Source<T> = (cursor: string | null) => Promise<PageOf<T>>;

/** Where one page stands in the list. Its height is known once it was drawn, and stays. */
export type Slot<T> = {
  cursor: string | null;
  /** How many rows are before it. */
  first: number;
  count: number;
  height_px: number;
  /** Null while it is not kept. */
  rows: T[] | null;
};

/** What is drawn: a page, or the room of those that are not. */
export type Segment<T> =
  | { kind: "page"; at: number; slot: Slot<T> & { rows: T[] } }
  | { kind: "gap"; at: number; height_px: number };

/** So many rows a page has that a list asks for. */
export const PAGE_ROWS = 50;
/** So many pages are kept at most, unless more are seen at once. */
export const KEPT_PAGES_MAX = 6;

export class LongPages<T> {
  slots = $state.raw<Slot<T>[]>([]);
  /** Whether the first page has come. */
  begun = $state(false);
  /** Whether the last page is known. */
  complete = $state(false);
  error = $state<string | null>(null);
  loading = $state(false);
  /** Counts the lists that were shown from their start. */
  version = $state(0);
  #near = $state.raw<[number, number]>([0, 0]);
  /** The page that has the focus: it is drawn wherever it is. */
  #held = $state<number | null>(null);
  #source: Source<T> | null = null;
  #next: string | null = null;
  #seen: [number, number] = [0, 0];
  /** Pages that are to be read again although they are there. */
  #stale = new Set<number>();
  #asked = 0;

  /** How many rows are known. */
  readonly count = $derived(this.slots.reduce((sum, { count }) => sum + count, 0));

  readonly segments = $derived.by((): Segment<T>[] => {
    const segments: Segment<T>[] = [];
    this.slots.forEach((slot, at) => {
      const { rows } = slot;
      if (rows && this.#isDrawn(at)) {
        segments.push({ kind: "page", at, slot: { ...slot, rows } });
        return;
      }
      const last = segments.at(-1);
      if (last?.kind === "gap") last.height_px += slot.height_px;
      else segments.push({ kind: "gap", at, height_px: slot.height_px });
    });
    return segments;
  });

  /** Asks another question; what was there stays until the first page of it comes. */
  ask(source: Source<T>): void {
    this.#source = source;
    this.#asked += 1;
    this.loading = false;
    void this.#read(null, ({ data, cursor }) => {
      this.begun = true;
      this.version += 1;
      this.#stale.clear();
      this.#held = null;
      this.#near = [0, 0];
      this.slots = [{ cursor: null, first: 0, count: data.length, height_px: 0, rows: data }];
      this.#goOn(cursor);
    });
  }

  /** Reads what is there again, in its place: something of it may have changed. */
  again(): void {
    if (!this.begun) {
      if (this.#source && !this.loading) this.ask(this.#source);
      return;
    }
    this.error = null;
    // The first page goes first, also when it is not seen: a source may read the whole with it.
    this.#stale = new Set(this.slots.flatMap(({ rows }, at) => (rows || at === 0 ? [at] : [])));
    this.#work();
  }

  /** Asks for the page after the last one that is known. */
  more(): void {
    if (this.loading || this.complete || !this.begun) return;
    this.error = null;
    void this.#read(this.#next, ({ data, cursor }) => {
      const slot = { cursor: this.#next, first: this.count, count: data.length, height_px: 0 };
      this.slots = [...this.slots, { ...slot, rows: data }];
      this.#goOn(cursor);
    });
  }

  /** Tries again what failed. */
  retry(): void {
    this.error = null;
    this.#work();
    if (!this.loading) this.more();
  }

  /** That part of the list is seen, in pixels from its start. */
  see(from_px: number, to_px: number): void {
    this.#seen = [from_px, to_px];
    this.#work();
  }

  /** A page was drawn, and is so high. */
  measured(at: number, height_px: number): void {
    const slot = this.slots[at];
    if (!slot || slot.height_px === height_px) return;
    this.slots = this.slots.with(at, { ...slot, height_px });
  }

  /** The focus is in this page, or in none. */
  hold(at: number | null): void {
    this.#held = at;
  }

  #isDrawn(at: number): boolean {
    const [from, to] = this.#near;
    return (at >= from && at <= to) || at === this.#held || this.slots[at]?.height_px === 0;
  }

  /** Whether the height of everything that is there is known. */
  #isDrawnWhole(): boolean {
    return this.slots.every(({ height_px }) => height_px > 0);
  }

  /** Finds what is near, forgets what is far, and reads what is missing; one page at a time. */
  #work(): void {
    const [from_px, to_px] = this.#seen;
    const margin_px = to_px - from_px;
    let [from, to] = [this.slots.length - 1, 0];
    let top_px = 0;
    this.slots.forEach(({ height_px }, at) => {
      const bottom_px = top_px + height_px;
      if (bottom_px >= from_px - margin_px && top_px <= to_px + margin_px) {
        from = Math.min(from, at);
        to = Math.max(to, at);
      }
      top_px = bottom_px;
    });
    if (from > to) [from, to] = [Math.max(0, from), Math.max(0, this.slots.length - 1)];
    if (from !== this.#near[0] || to !== this.#near[1]) this.#near = [from, to];
    this.#forget();
    if (this.loading || this.error) return;
    const wanted = this.slots.findIndex(
      ({ rows }, at) => (rows === null && this.#isDrawn(at)) || this.#stale.has(at),
    );
    if (wanted >= 0) this.#readAgain(wanted);
    else if (this.#isDrawnWhole() && top_px <= to_px + margin_px) this.more();
  }

  #readAgain(at: number): void {
    const slot = this.slots[at];
    if (!slot) return;
    void this.#read(slot.cursor, ({ data, cursor }) => {
      this.#stale.delete(at);
      const next = at + 1 < this.slots.length ? this.slots[at + 1]?.cursor : this.#next;
      const read = { ...slot, count: data.length, rows: data };
      const slots = this.slots.with(at, read);
      if (cursor === next && data.length === slot.count) {
        this.slots = slots;
        return;
      }
      // Rows came or went: what follows begins elsewhere now.
      this.slots = slots.slice(0, at + 1);
      this.#stale = new Set([...this.#stale].filter((other) => other <= at));
      this.#goOn(cursor);
    });
  }

  #goOn(cursor: string | null): void {
    this.#next = cursor;
    this.complete = cursor === null;
  }

  #forget(): void {
    const kept = this.slots.flatMap(({ rows }, at) => (rows ? [at] : []));
    const middle = (this.#near[0] + this.#near[1]) / 2;
    const far = kept
      .filter((at) => !this.#isDrawn(at))
      .sort((a, b) => Math.abs(b - middle) - Math.abs(a - middle))
      .slice(0, Math.max(0, kept.length - KEPT_PAGES_MAX));
    if (far.length === 0) return;
    this.slots = this.slots.map((slot, at) => (far.includes(at) ? { ...slot, rows: null } : slot));
  }

  async #read(cursor: string | null, take: (page: PageOf<T>) => void): Promise<void> {
    if (!this.#source) return;
    const mine = this.#asked;
    this.loading = true;
    this.error = null;
    try {
      const page = await this.#source(cursor);
      if (mine !== this.#asked) return;
      take(page);
    } catch (error) {
      if (mine === this.#asked) this.error = messageOf(error);
    } finally {
      if (mine === this.#asked) {
        this.loading = false;
        this.#work();
      }
    }
  }
}

/** A list that is answered whole, as a source: it is asked for with the first page. */
export function whole<T>(ask: () => Promise<T[]>, page_rows = PAGE_ROWS): Source<T> {
  let all: T[] = [];
  return async (cursor) => {
    if (cursor === null) all = await ask();
    const skip = Number(cursor ?? 0);
    const data = all.slice(skip, skip + page_rows);
    return { data, cursor: skip + data.length < all.length ? String(skip + data.length) : null };
  };
}
