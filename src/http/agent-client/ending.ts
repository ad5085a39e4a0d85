/**
 * The end of a question that gets no answer: its deadline, or that nobody waits any more. A plain emitter, as undici takes one
 * too, and a timer that is cleared: `AbortSignal.timeout` keeps a timer for every question until its deadline, long after the
 * answer, and then makes an exception.
 */
import { EventEmitter } from "node:events";
import { whenAborted } from "../../ports/signals.js";

export interface Ending {
  /** For undici. */
  readonly signal: EventEmitter;
  /** It ended at its deadline. */
  readonly late: boolean;
  /** The question is answered. */
  release(): void;
}

export function endingAt(deadlineMs: number, signal: AbortSignal | undefined): Ending {
  const emitter = new EventEmitter();
  let late = false;
  const end = (): void => void emitter.emit("abort");
  const timer = setTimeout(() => {
    late = true;
    end();
  }, deadlineMs);
  const forget = signal === undefined ? null : whenAborted(signal, end);
  return {
    signal: emitter,
    get late() {
      return late;
    },
    release: () => {
      clearTimeout(timer);
      forget?.();
    },
  };
}
