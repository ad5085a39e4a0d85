/**
 * A candidate's seat in the queue for the leadership: a key of its own, bound to a lease of its own. Its creation revision
 * is its place in the queue, the epoch of its leadership, and what every commit is fenced by: once the key is gone, no key
 * with this creation revision can ever exist again.
 *
 * The lease has its own clock here. The server counts a lease's time from when it handled a renewal, so counted from when
 * the renewal was sent, less a margin, it ends here before it can end there. Both clocks must only run at the same speed.
 */
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import { OperationalError } from "../../../ports/errors.js";
import { Tenure } from "../tenure.js";
import type { Channel } from "./channel.js";
import { KeepAlive } from "./keep-alive.js";
import { type KeyValue, LEASE_REVOKE, TXN } from "./messages.js";
import type { RangeState } from "./range-watch.js";

/** Renewals per lease time: two may fail. */
const RENEWALS = 3;
/** Part of the lease time given up for clocks that run at different speeds and for timers that are late. */
const MARGIN = 0.15;
const RETRY_MS = 200;
const REVOKE_DEADLINE_MS = 2_000;

export interface SeatParts {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly key: string;
  readonly candidate: string;
  readonly lease: number;
  readonly ttlSeconds: number;
  /** When the lease was asked for, by the clock's monotonic time. */
  readonly grantedAt: number;
  readonly createRevision: number;
  readonly epoch: number;
}

export class Seat extends Tenure {
  readonly key: string;
  readonly createRevision: number;
  readonly lease: number;
  readonly candidate: string;
  /** Writes of the key so far: commits ask for it, so that `bar` can shut out those that were sent before. */
  version = 1;
  private validUntil: number;
  private revoked: Promise<void> | null = null;
  private readonly keepAlive: KeepAlive;

  constructor(private readonly parts: SeatParts) {
    super(parts.epoch);
    this.key = parts.key;
    this.createRevision = parts.createRevision;
    this.lease = parts.lease;
    this.candidate = parts.candidate;
    // A stream of its own: not to wait behind the renewals of thousands of hosts.
    this.keepAlive = new KeepAlive(parts.channel, parts.clock);
    this.validUntil = this.endOf(parts.grantedAt, parts.ttlSeconds);
    void this.renewForever();
    void this.watchTime();
  }

  /** Also by the clock: timers of a process that stood still have not fired yet. */
  override get isOver(): boolean {
    if (!super.isOver && this.parts.clock.monotonic() >= this.validUntil) {
      super.lose(`etcd has not confirmed the leadership for ${this.parts.ttlSeconds} s, less a margin`);
    }
    return super.isOver;
  }

  /** Notes what the store says of the key. */
  see(found: KeyValue | undefined): "held" | "gone" {
    if (found?.createRevision !== this.createRevision) {
      this.lose("the leader's key in etcd is gone");
      return "gone";
    }
    this.version = Math.max(this.version, found.version);
    return "held";
  }

  /**
   * Rewrites the key, so that no commit sent before can succeed any more, and reads `keys` in the same transaction.
   * Null: the seat is gone. Throws as `Channel.ask`.
   */
  async bar(keys: readonly string[], deadlineMs: number): Promise<RangeState | null> {
    const own = { kind: "range" as const, key: this.key };
    const put = { kind: "put" as const, key: this.key, value: this.candidate, lease: this.lease };
    const txn = {
      when: [{ key: this.key, createRevision: this.createRevision }],
      success: [put, own, ...keys.map((key) => ({ kind: "range" as const, key }))],
      failure: [own],
    };
    const { succeeded, revision, found } = await this.parts.channel.ask(TXN, txn, deadlineMs);
    this.see(found[0]?.[0]);
    return succeeded ? { revision, kvs: found.slice(1).flat() } : null;
  }

  /** Leaves the queue, or gives the leadership back. */
  resign(): Promise<void> {
    this.lose("resigned");
    this.revoked ??= this.revoke();
    return this.revoked;
  }

  private async revoke(): Promise<void> {
    try {
      await this.parts.channel.ask(LEASE_REVOKE, this.lease, REVOKE_DEADLINE_MS);
    } catch (error) {
      // It expires by itself.
      if (!(error instanceof OperationalError)) throw error;
    }
  }

  private endOf(sentAt: number, ttlSeconds: number): number {
    return sentAt + ttlSeconds * 1_000 * (1 - MARGIN);
  }

  private async renewForever(): Promise<void> {
    const { clock, ttlSeconds } = this.parts;
    const periodMs = (ttlSeconds * 1_000) / RENEWALS;
    await clock.sleep(milliseconds(periodMs), this.lost);
    while (!this.isOver) {
      const sentAt = clock.monotonic();
      try {
        const ttl = await this.keepAlive.renew(this.lease, periodMs);
        if (ttl === 0) this.lose("its lease in etcd is gone");
        else if (!this.isOver) this.validUntil = this.endOf(sentAt, ttl);
        await clock.sleep(milliseconds(periodMs), this.lost);
      } catch {
        // The channel has left the server and knows why; `watchTime` knows how long this may go on.
        await clock.sleep(milliseconds(RETRY_MS), this.lost);
      }
    }
  }

  private async watchTime(): Promise<void> {
    const { clock } = this.parts;
    while (!this.isOver) await clock.sleep(milliseconds(this.validUntil - clock.monotonic()), this.lost);
  }
}
