/**
 * Clocks that do not follow the machine's: `virtualClock` stands still until a test or a simulation advances it;
 * `scaledClock` runs faster (or slower) than another clock, for demonstrations that play an hour in a minute.
 *
 * A virtual clock is deterministic: sleepers wake in the order of their due times, equal times in the order in which they
 * went to sleep, and everything a sleeper sets off by promises is done before the next one wakes. It cannot wait for real
 * input and output (files, sockets): code that does them must be awaited by the test itself.
 */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";

export interface VirtualClock extends Clock {
  /** Moves time on by `durationMs`, waking every sleeper that comes due, in order. */
  advance(durationMs: number): Promise<void>;
  /** Jumps from sleeper to sleeper until `promise` settles, and gives what it gives. Throws when nobody sleeps any more. */
  runUntil<T>(promise: Promise<T>): Promise<T>;
  /** How many sleep now. */
  sleepers(): number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** One turn of the event loop: every promise reaction that can run has run. */
const settlePromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Turns of the event loop `runUntil` grants to real input and output before it calls the promise stuck. */
const IDLE_TURNS = 2000;

/** `startMs`: milliseconds since the epoch at which it stands. `monotonic` starts at 0. */
export function virtualClock(startMs = 0): VirtualClock {
  let elapsedMs = 0;
  let nextOrder = 0;
  const asleep = new Set<Sleeper>();

  const earliest = (): Sleeper | undefined => {
    let first: Sleeper | undefined;
    for (const sleeper of asleep) {
      if (!first || sleeper.dueMs < first.dueMs || (sleeper.dueMs === first.dueMs && sleeper.order < first.order)) {
        first = sleeper;
      }
    }
    return first;
  };
  const wake = async (sleeper: Sleeper): Promise<void> => {
    elapsedMs = Math.max(elapsedMs, sleeper.dueMs);
    sleeper.wake();
    await settlePromises();
  };

  return {
    now: () => milliseconds(startMs + elapsedMs),
    monotonic: () => milliseconds(elapsedMs),
    sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
      if (signal?.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wakeUp = () => {
          asleep.delete(sleeper);
          signal?.removeEventListener("abort", wakeUp);
          resolve();
        };
        const sleeper = { dueMs: elapsedMs + Math.max(0, duration), order: nextOrder++, wake: wakeUp };
        asleep.add(sleeper);
        signal?.addEventListener("abort", wakeUp, { once: true });
      });
    },
    sleepers: () => asleep.size,
    async advance(durationMs: number): Promise<void> {
      await settlePromises();
      const untilMs = elapsedMs + durationMs;
      for (let next = earliest(); next && next.dueMs <= untilMs; next = earliest()) await wake(next);
      elapsedMs = Math.max(elapsedMs, untilMs);
      await settlePromises();
    },
    async runUntil<T>(promise: Promise<T>): Promise<T> {
      let settled = false;
      const mark = () => {
        settled = true;
      };
      promise.then(mark, mark);
      for (let idle = 0; !settled; ) {
        await settlePromises();
        if (settled) break;
        const next = earliest();
        if (next) await wake(next);
        else if (++idle > IDLE_TURNS) throw new Error("virtual clock: the promise is open and nobody sleeps");
      }
      return promise;
    },
  };
}

/** A clock that passes `speed` seconds while `base` passes one, standing at `startMs` (since the epoch) now. */
export function scaledClock(base: Clock, speed: number, startMs: number): Clock {
  const originMs = base.monotonic();
  const elapsed = () => (base.monotonic() - originMs) * speed;
  return {
    now: () => milliseconds(startMs + elapsed()),
    monotonic: () => milliseconds(elapsed()),
    sleep: (duration, signal) => base.sleep(milliseconds(duration / speed), signal),
  };
}
