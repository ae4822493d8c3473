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
