/**
 * Samples on their way to the store: taken at once, written in batches, one after the other, and again with pauses while the store is
 * away. What waits is bounded: beyond it the oldest go, and are counted, so that a store that stays away costs history and not memory.
 */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";
import type { Sample, SampleStore } from "../../ports/sample-store.js";

export interface WriterSettings {
  /** Samples that may wait; each is a host or a VM at one time. */
  readonly most: number;
  /** Given to the store at once. */
  readonly batch: number;
  readonly firstPause: Milliseconds;
  readonly longestPause: Milliseconds;
}

export const DEFAULT_WRITER: WriterSettings = {
  // A thousand hosts with twenty VMs for ten minutes, some 500 MB.
  most: 1_000_000,
  batch: 5_000,
  firstPause: milliseconds(500),
  longestPause: milliseconds(30_000),
};

/** Dropped at once when there is no more room: moving what is left costs as much for one sample as for many. */
const DROPPED_PART = 0.05;

export interface WriterCounts {
  readonly waiting: number;
  readonly written: number;
  readonly dropped: number;
  readonly failedWrites: number;
  /** Why the last write failed; null when it did not. */
  readonly problem: string | null;
}

export class SampleWriter {
  #waiting: Sample[] = [];
  #written = 0;
  #dropped = 0;
  #failedWrites = 0;
  #problem: string | null = null;
  #wake: (() => void) | null = null;

  constructor(
    private readonly store: Pick<SampleStore, "write">,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly settings: WriterSettings = DEFAULT_WRITER,
  ) {}

  counts(): WriterCounts {
    return {
      waiting: this.#waiting.length,
      written: this.#written,
      dropped: this.#dropped,
      failedWrites: this.#failedWrites,
      problem: this.#problem,
    };
  }

  put(samples: readonly Sample[]): void {
    for (const sample of samples) this.#waiting.push(sample);
    this.#dropBeyond();
    this.#wake?.();
  }

  /** Until `signal` aborts; what waits then is tried once more. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake?.();
    signal.addEventListener("abort", wake);
    let pause = this.settings.firstPause;
    while (!signal.aborted) {
      if (this.#waiting.length === 0) await this.#more(signal);
      else if (await this.#writeOne()) pause = this.settings.firstPause;
      else {
        await this.clock.sleep(pause, signal);
        pause = milliseconds(Math.min(pause * 2, this.settings.longestPause));
      }
    }
    signal.removeEventListener("abort", wake);
    while (this.#waiting.length > 0 && (await this.#writeOne()));
    if (this.#waiting.length > 0)
      this.log.error({ samples: this.#waiting.length }, "samples are lost: the store did not take them");
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = null;
        resolve();
      };
      if (signal.aborted || this.#waiting.length > 0) done();
      else this.#wake = done;
    });
  }

  #dropBeyond(): void {
    if (this.#waiting.length <= this.settings.most) return;
    const over = Math.ceil(this.#waiting.length - this.settings.most * (1 - DROPPED_PART));
    if (this.#dropped === 0)
      this.log.error({ most: this.settings.most }, "too many samples wait for the store: the oldest go");
    this.#dropped += over;
    this.#waiting = this.#waiting.slice(over);
  }

  /** False: to be tried again. A batch that the store will never take is dropped. */
  async #writeOne(): Promise<boolean> {
    const batch = this.#waiting.slice(0, this.settings.batch);
    try {
      await this.store.write(batch);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#failedWrites++;
      this.#tell(error);
      if (error.retryable) return false;
      this.#dropped += this.#remove(batch);
      return true;
    }
    this.#written += batch.length;
    this.#remove(batch);
    if (this.#problem !== null) this.log.info({}, "the store takes samples again");
    this.#problem = null;
    return true;
  }

  /** Some may have been dropped while the store was asked: those at the front. */
  #remove(batch: readonly Sample[]): number {
    const last = this.#waiting.indexOf(batch.at(-1)!);
    this.#waiting = this.#waiting.slice(last + 1);
    return batch.length;
  }

  #tell(error: OperationalError): void {
    if (this.#problem !== error.message)
      this.log.warn({ code: error.code, err: error }, "the store did not take samples");
    this.#problem = error.message;
  }
}
