/** So many at once, the others wait their turn: endpoints that are all slow must not use up connections or memory. */

export class Turnstile {
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  get inside(): number {
    return this.#inside;
  }

  /** Gives the function to leave with, to be called once; null when `signal` aborted before there was room. */
  async enter(signal: AbortSignal): Promise<(() => void) | null> {
    if (this.#inside >= this.most) await this.#turn(signal);
    else this.#inside++;
    if (signal.aborted) {
      this.#leave();
      return null;
    }
    return () => this.#leave();
  }

  /** Resolves with a place inside; an aborted one takes its place too, and gives it on. */
  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        this.#inside++;
        resolve();
      };
      this.#waiting.push(go);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    // The place goes on as it is.
    if (next !== undefined) next();
    else this.#inside--;
  }
}
