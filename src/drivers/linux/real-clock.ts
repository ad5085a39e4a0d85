/** The machine's own time: `Date` for stamps, `performance.now` (CLOCK_MONOTONIC) for intervals. */
import { setMaxListeners } from "node:events";
import { performance } from "node:perf_hooks";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";

/** setTimeout holds its delay in 32 bits and fires at once beyond; longer sleeps are made of several. */
const LONGEST_TIMER_MS = 2_147_483_647;

export function realClock(): Clock {
  return {
    now: () => milliseconds(Date.now()),
    monotonic: () => milliseconds(performance.now()),
    async sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
      // Any number may sleep until the same end; Node would take the eleventh for a leak.
      if (signal !== undefined) setMaxListeners(0, signal);
      for (let left: number = duration; left > 0 && !signal?.aborted; left -= LONGEST_TIMER_MS) {
        await timer(Math.min(left, LONGEST_TIMER_MS), signal);
      }
    },
  };
}

function timer(durationMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(handle);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const handle = setTimeout(finish, durationMs);
    signal?.addEventListener("abort", finish, { once: true });
  });
}
