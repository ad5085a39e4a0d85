/**
 * Carries estimates to one sink, beside the estimator and never in its way: what is offered waits here, the newest of each host
 * only, until the sink takes it. A failure is tried again after a while that doubles up to a limit, with some chance in it so
 * that many do not come back at once; one that a repetition does not mend is told, and the next estimates try again.
 */
import { milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import { OperationalError } from "../ports/errors.js";
import type { EstimateSink, HostEstimate } from "../ports/estimates.js";
import type { Log } from "../ports/log.js";
import { joined } from "../ports/signals.js";

export interface CourierParts {
  readonly sink: EstimateSink;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly firstRetryMs?: number;
}

export interface CourierStatus {
  readonly name: string;
  /** Hosts whose newest estimate the sink has not taken. */
  readonly waiting: number;
  readonly delivered: number;
  readonly failures: number;
  readonly problem: string | null;
}

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
/** Hosts told of at once: a body of some hundred kilobytes. */
const BATCH = 500;

export class Courier {
  readonly #waiting = new Map<string, HostEstimate>();
  #wake: (() => void) | null = null;
  #pausing: AbortController | null = null;
  #delivered = 0;
  #failures = 0;
  #problem: string | null = null;
  #retryMs: number;

  constructor(private readonly parts: CourierParts) {
    this.#retryMs = parts.firstRetryMs ?? FIRST_RETRY_MS;
  }

  /** Returns at once. */
  offer(estimates: readonly HostEstimate[]): void {
    for (const estimate of estimates) {
      // An estimate that comes again goes to the end: who was held up comes first.
      this.#waiting.delete(estimate.host);
      this.#waiting.set(estimate.host, estimate);
    }
    this.#wake?.();
  }

  /** The sink answers again: what waits does not wait any longer. */
  hurry(): void {
    this.#retryMs = this.parts.firstRetryMs ?? FIRST_RETRY_MS;
    this.#pausing?.abort();
  }

  status(): CourierStatus {
    return {
      name: this.parts.sink.name,
      waiting: this.#waiting.size,
      delivered: this.#delivered,
      failures: this.#failures,
      problem: this.#problem,
    };
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#waiting.size === 0) await this.#offered(signal);
      else if (!(await this.flush(signal))) await this.#pause(signal);
    }
  }

  /** One attempt at all that waits. False: the sink did not take everything, and a later attempt may. */
  async flush(signal: AbortSignal): Promise<boolean> {
    while (this.#waiting.size > 0 && !signal.aborted) {
      const batch = [...this.#waiting.values()].slice(0, BATCH);
      const failure = await this.#deliver(batch, signal);
      if (failure === "later") return false;
      for (const estimate of batch)
        if (this.#waiting.get(estimate.host) === estimate) this.#waiting.delete(estimate.host);
      if (failure === "never") continue;
      this.#delivered += batch.length;
      this.#problem = null;
      this.#retryMs = this.parts.firstRetryMs ?? FIRST_RETRY_MS;
    }
    return true;
  }

  async #deliver(batch: readonly HostEstimate[], signal: AbortSignal): Promise<"later" | "never" | null> {
    const { sink, log } = this.parts;
    try {
      await sink.deliver(batch, signal);
      return null;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (signal.aborted) return "later";
      this.#failures += 1;
      this.#problem = error.message;
      log.warn({ err: error, sink: sink.name, hosts: batch.length }, "estimates could not be delivered");
      return error.retryable ? "later" : "never";
    }
  }

  /** Until something is offered or `signal` aborts. */
  #offered(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#wake = null;
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.parts;
    const wait = milliseconds(this.#retryMs * (0.5 + random() / 2));
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
    this.#pausing = new AbortController();
    const either = joined(signal, this.#pausing.signal);
    await clock.sleep(wait, either.signal);
    either.release();
    this.#pausing = null;
  }
}
