/** Time as an argument: the real clock, or a virtual one that tests and simulations move. */
import type { Milliseconds } from "../core/units.js";

export interface Clock {
  /** Wall time, milliseconds since the epoch. For stamps that leave the process. */
  now(): Milliseconds;
  /** Never goes back. For intervals, rates and deadlines. */
  monotonic(): Milliseconds;
  /** Resolves after `duration`, or at once when `signal` aborts (it does not throw). */
  sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void>;
}
