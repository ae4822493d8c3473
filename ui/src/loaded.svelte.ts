// Something that a page asks the shell for: loading, there, or refused with a reason.
import type { PageOf } from "./backend";
import { messageOf } from "./state.svelte";

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state<string | null>(null);
  loading = $state(false);
  #asked = 0;

  /** Asks; the answer to an older question is dropped. What was there stays until the answer comes. */
  async ask(question: () => Promise<T>): Promise<void> {
    const mine = ++this.#asked;
    this.loading = true;
    this.error = null;
    try {
      const value = await question();
      if (mine === this.#asked) this.value = value;
    } catch (error) {
      if (mine === this.#asked) this.error = messageOf(error);
    } finally {
      if (mine === this.#asked) this.loading = false;
    }
  }
}

type Source<T> = (cursor: string | null) => Promise<PageOf<T>>;

/** A list that comes a page at a time. */
export class Pages<T> {
  items = $state.raw<T[] | null>(null);
  hasMore = $state(false);
  error = $state<string | null>(null);
  loading = $state(false);
  #source: Source<T> | null = null;
  #cursor: string | null = null;
  #asked = 0;

  /** Asks for the first page; what was there stays until it comes. */
  ask(source: Source<T>): void {
    this.#source = source;
    this.again();
  }

  /** Asks for the first page once more. */
  again(): void {
    void this.#page([], null);
  }

  /** Asks for the page after what is there. */
  more(): void {
    if (!this.loading) void this.#page(this.items ?? [], this.#cursor);
  }

  async #page(before: T[], from: string | null): Promise<void> {
    if (!this.#source) return;
    const mine = ++this.#asked;
    this.loading = true;
    this.error = null;
    try {
      const { data, cursor } = await this.#source(from);
      if (mine !== this.#asked) return;
      this.items = [...before, ...data];
      this.#cursor = cursor;
      this.hasMore = cursor !== null;
    } catch (error) {
      if (mine === this.#asked) this.error = messageOf(error);
    } finally {
      if (mine === this.#asked) this.loading = false;
    }
  }
}
