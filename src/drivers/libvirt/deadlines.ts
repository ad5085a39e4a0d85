/** Deadlines of many waiting calls on one clock, with one sleeper for all of them. */
import { milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";

export interface Waiting {
  readonly dueMs: number;
  /** Called once when the time has come; the entry is forgotten before. */
  readonly expire: () => void;
}

/** Without one of its own, every abort makes an exception with a stack trace: a third of what a call alone costs. */
const NOT_NEEDED = new Error("nothing waits any more");

export class Deadlines {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  #sleep: { readonly untilMs: number; readonly wake: AbortController } | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives the entry to forget when the answer came in time. */
  add(durationMs: number, expire: () => void): Waiting {
    const entry: Waiting = { dueMs: this.#clock.monotonic() + durationMs, expire };
    this.#waiting.add(entry);
    if (this.#sleep === null || entry.dueMs < this.#sleep.untilMs) this.#sleepUntil(entry.dueMs);
    return entry;
  }

  forget(entry: Waiting): void {
    this.#waiting.delete(entry);
    // The sleeper goes on: a timer that is armed anyway is cheaper than one armed per call, and it must not outlive us.
    if (this.#waiting.size === 0) this.#stop();
  }

  clear(): void {
    this.#waiting.clear();
    this.#stop();
  }

  #stop(): void {
    this.#sleep?.wake.abort(NOT_NEEDED);
    this.#sleep = null;
  }

  #sleepUntil(untilMs: number): void {
    this.#sleep?.wake.abort(NOT_NEEDED);
    const wake = new AbortController();
    const sleep = { untilMs, wake };
    this.#sleep = sleep;
    const duration = milliseconds(Math.max(0, untilMs - this.#clock.monotonic()));
    void this.#clock.sleep(duration, wake.signal).then(() => {
      if (this.#sleep === sleep) this.#expire();
    });
  }

  #expire(): void {
    this.#sleep = null;
    const nowMs = this.#clock.monotonic();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting) {
      if (entry.dueMs <= nowMs) {
        this.#waiting.delete(entry);
        entry.expire();
      } else nextMs = Math.min(nextMs, entry.dueMs);
    }
    if (this.#waiting.size > 0 && this.#sleep === null) this.#sleepUntil(nextMs);
  }
}
