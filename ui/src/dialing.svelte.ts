// A number that somebody is about to call: what the service says of it, and from which number it is called.
import { listOf, route, type NumberLookup, type PhoneNumber } from "./backend";
import { Loaded } from "./loaded.svelte";
import { messageOf, type AppState } from "./state.svelte";

/** So long after the last key the service is asked. */
export const LOOK_UP_AFTER_MS = 250;
/** A shorter text is no number, and is not asked about. */
const DIGITS_MIN = 3;

export class Dialing {
  /** What was typed. */
  text = $state("");
  /** What the service says of it; null until it has. */
  lookup = $state.raw<NumberLookup | null>(null);
  /** Why it is no number, as far as it is typed. */
  error = $state<string | null>(null);
  placing = $state(false);
  readonly numbers = new Loaded<PhoneNumber[]>();
  readonly #app: AppState;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(app: AppState) {
    this.#app = app;
  }

  /** The number to call from. */
  readonly from = $derived(
    this.numbers.value?.find((number) => number.id === this.#app.settings?.local_phone_id) ??
      this.numbers.value?.find((number) => number.type === "internal") ??
      this.numbers.value?.[0],
  );

  /** Why there can be no call now, whatever the number. */
  readonly refused = $derived.by(
    () =>
      this.#app.occupied ??
      (this.numbers.value && !this.from ? "You don't have a number to call from" : null),
  );

  readonly ready = $derived(
    this.refused === null &&
      this.from !== undefined &&
      !this.placing &&
      digitsIn(this.text) > 0 &&
      !this.lookup?.refusal,
  );

  askNumbers(): void {
    const numbers = () => listOf(this.#app.backend, route.listPhoneNumbers, {});
    void this.numbers.ask(numbers);
  }

  set(text: string): void {
    this.text = text;
    this.lookup = null;
    this.error = null;
    const asked = ++this.#asked;
    clearTimeout(this.#timer);
    if (digitsIn(text) < DIGITS_MIN) return;
    this.#timer = setTimeout(() => void this.#lookUp(asked), LOOK_UP_AFTER_MS);
  }

  /** Calls it. */
  async call(): Promise<boolean> {
    const { from } = this;
    if (!this.ready || !from) return false;
    this.placing = true;
    this.error = null;
    try {
      await this.#app.dial(from.id, this.text.trim());
      return true;
    } catch (error) {
      this.error = messageOf(error);
      return false;
    } finally {
      this.placing = false;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
  }

  async #lookUp(asked: number): Promise<void> {
    try {
      const number = this.text.trim();
      const lookup = await this.#app.backend.call(route.lookUpNumber, null, { number });
      if (asked === this.#asked) this.lookup = lookup;
    } catch (error) {
      if (asked === this.#asked) this.error = messageOf(error);
    }
  }
}

export function digitsIn(text: string): number {
  return [...text].filter((letter) => /\p{Nd}/u.test(letter)).length;
}

/** A pasted text as a number: a link's scheme and lines around it are none of it. */
export function pasted(text: string): string {
  return text
    .trim()
    .replace(/^tel:(\/\/)?/i, "")
    .replace(/\s+/g, " ")
    .slice(0, 64);
}
