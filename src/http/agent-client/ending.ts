/**
 * The end of a question that gets no answer: its deadline, or that nobody waits any more. A plain emitter, as undici takes one
 * too, and a timer that is cleared: `AbortSignal.timeout` keeps a timer for every question until its deadline, long after the
 * answer, and then makes an exception; `AbortSignal.any` and listeners by the thousand on one signal are slow as well.
 */
import { EventEmitter } from "node:events";

export interface Ending {
  /** For undici. */
  readonly signal: EventEmitter;
  /** It ended at its deadline. */
  readonly late: boolean;
  /** The question is answered. */
  release(): void;
}

/** What waits on a signal that lives for long: one listener for all. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

function waitingOn(signal: AbortSignal): Set<() => void> {
  let all = waiting.get(signal);
  if (all === undefined) {
    const fresh = new Set<() => void>();
    all = fresh;
    waiting.set(signal, fresh);
    signal.addEventListener("abort", () => {
      for (const end of [...fresh]) end();
    });
  }
  return all;
}

export function endingAt(deadlineMs: number, signal: AbortSignal | undefined): Ending {
  const emitter = new EventEmitter();
  const others = signal === undefined ? null : waitingOn(signal);
  let late = false;
  const end = (): void => void emitter.emit("abort");
  const timer = setTimeout(() => {
    late = true;
    end();
  }, deadlineMs);
  others?.add(end);
  return {
    signal: emitter,
    get late() {
      return late;
    },
    release: () => {
      clearTimeout(timer);
      others?.delete(end);
    },
  };
}
