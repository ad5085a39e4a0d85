/**
 * Clocks that do not follow the machine's: `virtualClock` stands still until a test or a simulation advances it;
 * `scaledClock` runs faster (or slower) than another clock, for demonstrations that play an hour in a minute.
 *
 * A virtual clock is deterministic: sleepers wake in the order of their due times, equal times in the order in which they
 * went to sleep, and everything a sleeper sets off by promises is done before the next one wakes. It cannot wait for real
 * input and output (files, sockets): code that does them must be awaited by the test itself.
 */
import { setMaxListeners } from "node:events";
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
  /** Null: it woke, or was woken before its time. */
  wake: (() => void) | null;
}

const isBefore = (a: Sleeper, b: Sleeper): boolean => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

/** A binary heap. Who wakes before its time stays in it, and is passed over: taking it out would need its place. */
class Sleepers {
  readonly #heap: Sleeper[] = [];
  asleep = 0;

  push(sleeper: Sleeper): void {
    this.asleep++;
    const heap = this.#heap;
    let at = heap.push(sleeper) - 1;
    for (let up = (at - 1) >> 1; at > 0 && isBefore(sleeper, heap[up]!); up = (at - 1) >> 1) {
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = sleeper;
  }

  /** The next to wake; undefined: nobody sleeps. */
  first(): Sleeper | undefined {
    while (this.#heap.length > 0 && this.#heap[0]!.wake === null) this.#drop();
    return this.#heap[0];
  }

  #drop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++;
      if (!isBefore(heap[down]!, last)) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
  }
}

/** One turn of the event loop: every promise reaction that can run has run. */
const settlePromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Turns of the event loop `runUntil` grants to real input and output before it calls the promise stuck. */
const IDLE_TURNS = 2000;

/**
 * `startMs`: milliseconds since the epoch at which it stands; `monotonic` starts at 0. `afterEach` is called when everything that a
 * sleeper has set off is done; what it throws ends the run.
 */
export function virtualClock(startMs = 0, afterEach: () => void = () => undefined): VirtualClock {
  let elapsedMs = 0;
  let nextOrder = 0;
  const sleepers = new Sleepers();

  const wake = async (sleeper: Sleeper): Promise<void> => {
    elapsedMs = Math.max(elapsedMs, sleeper.dueMs);
    sleeper.wake?.();
    await settlePromises();
    afterEach();
  };

  return {
    now: () => milliseconds(startMs + elapsedMs),
    monotonic: () => milliseconds(elapsedMs),
    sleep(duration: Milliseconds, signal?: AbortSignal): Promise<void> {
      if (signal?.aborted) return Promise.resolve();
      // As on real clocks, any number may sleep until the same end.
      if (signal !== undefined) setMaxListeners(0, signal);
      return new Promise((resolve) => {
        const wakeUp = () => {
          sleeper.wake = null;
          sleepers.asleep--;
          signal?.removeEventListener("abort", wakeUp);
          resolve();
        };
        const sleeper: Sleeper = { dueMs: elapsedMs + Math.max(0, duration), order: nextOrder++, wake: wakeUp };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", wakeUp, { once: true });
      });
    },
    sleepers: () => sleepers.asleep,
    async advance(durationMs: number): Promise<void> {
      await settlePromises();
      const untilMs = elapsedMs + durationMs;
      for (let next = sleepers.first(); next && next.dueMs <= untilMs; next = sleepers.first()) await wake(next);
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
        const next = sleepers.first();
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
