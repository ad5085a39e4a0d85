/**
 * Renews leases: any number on one stream, answers matched by the lease's number. A renewal that is not answered in time
 * makes the channel leave its server, so that the next one goes to another.
 */
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import { type Channel, isPassing } from "./channel.js";
import { GrpcError, type MessageStream, STATUS } from "./grpc.js";
import { LEASE_KEEP_ALIVE, type LeaseAnswer } from "./messages.js";

interface Waiter {
  readonly resolve: (ttlSeconds: number) => void;
  readonly reject: (error: unknown) => void;
}

type Stream = MessageStream<number, LeaseAnswer>;

export class KeepAlive {
  private stream: Promise<Stream> | null = null;
  private active: Stream | null = null;
  private waiting = new Map<number, Waiter[]>();

  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
  ) {}

  /** Seconds that the lease now has, 0 when there is none. Throws `GrpcError`. */
  async renew(lease: number, deadlineMs: number): Promise<number> {
    return (await this.renewAll([lease], deadlineMs))[0]!;
  }

  /** The same for many, in their order. */
  async renewAll(leases: readonly number[], deadlineMs: number): Promise<readonly number[]> {
    const stream = await this.open();
    const answered = new AbortController();
    const answers = leases.map((lease) => this.answerTo(lease));
    const all = Promise.all(answers).finally(() => answered.abort());
    for (const lease of leases) stream.send(lease);
    const late = async (): Promise<never> => {
      await this.clock.sleep(milliseconds(deadlineMs), answered.signal);
      if (answered.signal.aborted) return all as Promise<never>;
      const error = new GrpcError(
        STATUS.deadlineExceeded,
        `leases were not renewed in ${Math.round(deadlineMs)} ms`,
        true,
      );
      this.fail(stream, error);
      stream.cancel();
      this.channel.leaveCurrent(error.message);
      throw error;
    };
    return Promise.race([all, late()]);
  }

  private answerTo(lease: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const queue = this.waiting.get(lease);
      if (queue) queue.push({ resolve, reject });
      else this.waiting.set(lease, [{ resolve, reject }]);
    });
  }

  private open(): Promise<Stream> {
    this.stream ??= this.begin();
    return this.stream;
  }

  private async begin(): Promise<Stream> {
    try {
      const stream = await this.channel.stream(LEASE_KEEP_ALIVE);
      this.active = stream;
      void this.read(stream);
      return stream;
    } catch (error) {
      this.stream = null;
      throw error;
    }
  }

  private async read(stream: Stream): Promise<void> {
    let failure: unknown = new GrpcError(STATUS.cancelled, "the renewals were broken off", true);
    try {
      for await (const { id, ttl } of stream.answers()) {
        this.channel.answered(null);
        const queue = this.waiting.get(id);
        queue?.shift()?.resolve(ttl);
        if (queue?.length === 0) this.waiting.delete(id);
      }
    } catch (error) {
      failure = error;
      if (isPassing(error)) this.channel.leaveCurrent(error.message);
    }
    this.fail(stream, failure);
  }

  /** The next renewal begins a new stream. */
  private fail(stream: Stream, error: unknown): void {
    if (this.active !== stream) return;
    this.active = null;
    this.stream = null;
    const waiters = [...this.waiting.values()].flat();
    this.waiting = new Map();
    for (const { reject } of waiters) reject(error);
  }
}
