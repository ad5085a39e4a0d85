/**
 * The loop of a controller that works alone beside the guests, as the vCPU balancer and the memory coordinator do: a round
 * every interval, until the signal. A round that is under way is always finished. A hypervisor that goes away is waited for
 * with growing pauses; what the guests have stays as it is meanwhile. What a round decides is the controller's.
 */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import { joined } from "../../ports/signals.js";

export interface Controller<Report> {
  /**
   * Observe, plan, apply. Null: a first reading, on which nothing can be decided yet. Throws `OperationalError` when the
   * hypervisor cannot be observed; guests that come and go meanwhile are not an error.
   */
  round(): Promise<Report | null>;
}

export interface LoopOptions<Report> {
  readonly hypervisor: Pick<Hypervisor, "subscribe">;
  readonly clock: Clock;
  /** From the beginning of one round to the beginning of the next. */
  readonly interval: Milliseconds;
  /** Ends after the first round that decided; a failure is thrown instead of waited for. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly onReport: (report: Report) => void;
  /** The hypervisor did not answer; the next round is after `pause`, or as soon as it is back. */
  readonly onLost: (error: OperationalError, pause: Milliseconds) => void;
}

/** A hypervisor that is away for long is asked about once a minute: often enough to be back soon, and no load on its host. */
export const LONGEST_PAUSE_MS = 60_000;

/** Twice as long after each failure in a row, from the interval on. */
export const pauseAfter = (failures: number, interval: Milliseconds): Milliseconds =>
  milliseconds(Math.max(interval, Math.min(LONGEST_PAUSE_MS, interval * 2 ** Math.min(failures - 1, 16))));

/** Resolves when the signal aborted, or with `once` when a round decided. Throws what no later round can mend. */
export async function runController<Report>(
  controller: Controller<Report>,
  options: LoopOptions<Report>,
): Promise<void> {
  const { clock, interval, once, signal, onReport, onLost } = options;
  let failures = 0;
  while (!signal.aborted) {
    const began = clock.monotonic();
    try {
      const report = await controller.round();
      failures = 0;
      if (report !== null) {
        onReport(report);
        if (once) return;
      }
      await clock.sleep(untilNext(began, clock.monotonic(), interval), signal);
    } catch (error) {
      if (once || !isLoss(error)) throw error;
      failures++;
      const pause = pauseAfter(failures, interval);
      onLost(error, pause);
      await sleepUntilBack(options, pause);
    }
  }
}

/** Whatever the hypervisor failed at, the next round asks anew; only what it cannot do at all ends the loop. */
const isLoss = (error: unknown): error is OperationalError =>
  error instanceof OperationalError && (error.retryable || error.code.startsWith("hypervisor-"));

/** Rounds stay on the grid of the interval: one that took longer than that costs the next its turn, not its distance. */
function untilNext(began: Milliseconds, now: Milliseconds, interval: Milliseconds): Milliseconds {
  const passed = now - began;
  return milliseconds(interval * (Math.floor(passed / interval) + 1) - passed);
}

async function sleepUntilBack<Report>(
  { hypervisor, clock, signal }: LoopOptions<Report>,
  pause: Milliseconds,
): Promise<void> {
  const back = new AbortController();
  const unsubscribe = hypervisor.subscribe((event) => {
    if (event.kind === "reconnected") back.abort();
  });
  const either = joined(signal, back.signal);
  await clock.sleep(pause, either.signal);
  either.release();
  unsubscribe();
}
