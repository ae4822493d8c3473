// Something that a page asks the shell for: loading, there, or refused with a reason.
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

/** A list that comes a page at a time. */
export class Pages<T> {
  items = $state.raw<T[] | null>(null);
  hasMore = $state(false);
  error = $state<string | null>(null);
  loading = $state(false);
  #question: ((skip: number) => Promise<{ data: T[]; has_more: boolean }>) | null = null;
  #asked = 0;

  /** Asks for the first page; what was there stays until it comes. */
  ask(question: (skip: number) => Promise<{ data: T[]; has_more: boolean }>): void {
    this.#question = question;
    this.again();
  }

  /** Asks for the first page once more. */
  again(): void {
    void this.#page([]);
  }

  /** Asks for the page after what is there. */
  more(): void {
    if (!this.loading) void this.#page(this.items ?? []);
  }

  async #page(before: T[]): Promise<void> {
    if (!this.#question) return;
    const mine = ++this.#asked;
    this.loading = true;
    this.error = null;
    try {
      const { data, has_more } = await this.#question(before.length);
      if (mine !== this.#asked) return;
      this.items = [...before, ...data];
      this.hasMore = has_more;
    } catch (error) {
      if (mine === this.#asked) this.error = messageOf(error);
    } finally {
      if (mine === this.#asked) this.loading = false;
    }
  }
}
