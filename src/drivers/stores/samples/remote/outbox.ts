/**
 * Samples on their way to a server. They go out together, half a second after the first at the latest, one request after the
 * other. What could not be sent for want of an answer stays, and is tried again; beyond a bound nothing more is taken. What a
 * server refuses for good is dropped, and said.
 */
import { OperationalError } from "../../../../ports/errors.js";
import type { Log } from "../../../../ports/log.js";
import type { Sample } from "../../../../ports/sample-store.js";
import { checkSamples } from "../check.js";

const SEND_AFTER_MS = 500;
const RETRY_AFTER_MS = 2_000;
/** Per request: some ten thousand values. */
const BATCH = 500;
const MOST_WAITING = 100_000;

/** Of a failure that was told to whoever asked: the next in line is not to blame. */
const ignored = (): void => undefined;

export class Outbox {
  private waiting: Sample[] = [];
  private underWay = 0;
  private timer: NodeJS.Timeout | null = null;
  private sending: Promise<void> = Promise.resolve();
  private isClosed = false;
  /** The first since the last flush. */
  private refused: OperationalError | null = null;
  problem: string | null = null;

  constructor(
    private readonly name: string,
    private readonly log: Log,
    private readonly send: (samples: readonly Sample[]) => Promise<void>,
  ) {}

  get unflushed(): number {
    return this.waiting.length + this.underWay;
  }

  mustBeOpen(): void {
    if (this.isClosed) throw new OperationalError("store-unreachable", `${this.name} is closed`, false);
  }

  async write(samples: readonly Sample[]): Promise<void> {
    this.mustBeOpen();
    checkSamples(samples);
    if (this.waiting.length >= MOST_WAITING) {
      const why = this.problem ?? "it does not keep up";
      throw new OperationalError(
        "store-unreachable",
        `${this.waiting.length} samples wait for ${this.name}: ${why}`,
        true,
      );
    }
    for (const sample of samples) if (Object.keys(sample.values).length > 0) this.waiting.push(sample);
    if (this.waiting.length >= BATCH) await this.sendNow().catch(this.told);
    else this.sendAfter(SEND_AFTER_MS);
  }

  /** Throws also what a server refused since the last time. */
  async flush(): Promise<void> {
    await this.sendNow();
    const { refused } = this;
    this.refused = null;
    if (refused !== null) throw refused;
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      await this.flush();
    } finally {
      if (this.timer !== null) clearTimeout(this.timer);
    }
  }

  private readonly told = (error: unknown): void => {
    this.log.warn({ err: error }, `${this.name} did not take samples`);
  };

  private sendAfter(ms: number): void {
    if (!this.isClosed) this.timer ??= setTimeout(() => void this.sendNow().catch(this.told), ms);
  }

  private sendNow(): Promise<void> {
    const next = this.sending.then(() => this.sendAll());
    this.sending = next.catch(ignored);
    return next;
  }

  private async sendAll(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, BATCH);
      this.underWay = batch.length;
      try {
        await this.send(batch);
        this.problem = null;
      } catch (error) {
        this.problem = error instanceof Error ? error.message : String(error);
        if (!(error instanceof OperationalError) || error.retryable) {
          this.waiting = batch.concat(this.waiting);
          this.sendAfter(RETRY_AFTER_MS);
          throw error;
        }
        this.refused ??= error;
        this.told(error);
      } finally {
        this.underWay = 0;
      }
    }
  }
}
