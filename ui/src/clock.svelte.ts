// One clock for everything that ticks. It tells the time once a second, on the second, so that all
// numbers change together.

export class Clock {
  /** Milliseconds since 1970 by this machine. */
  now = $state(Date.now());
  #timer: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    this.stop();
    this.now = Date.now();
    this.#timer = setTimeout(() => this.start(), 1000 - (this.now % 1000));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
