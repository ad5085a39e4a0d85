/**
 * Host leases: a key for each host below one prefix, bound to a lease of its own; the value is the period in seconds. The
 * leader's process renews all of them on one stream, so that hosts need no connection to etcd.
 */
import { assert } from "../../../core/assert.js";
import type { Clock } from "../../../ports/clock.js";
import type { HostLeases, Leadership, LeaseUpdate } from "../../../ports/cluster-store.js";
import { OperationalError } from "../../../ports/errors.js";
import { joined } from "../../../ports/signals.js";
import { checkKey } from "../changes.js";
import { checkPeriod } from "../lease-period.js";
import { type Channel, isPassing, refused, unanswered } from "./channel.js";
import { seatOf } from "./commits.js";
import { newLease } from "./election.js";
import { KeepAlive } from "./keep-alive.js";
import { LEASE_GRANT, LEASE_REVOKE, TXN, type Txn } from "./messages.js";
import { readPatiently, readPrefix, watchRange } from "./range-watch.js";
import type { Seat } from "./seat.js";

/** Ten thousand renewals take less than a second; a server that needs longer for so many is left. */
const RENEW_DEADLINE_MS = 4_000;
const MOST_AT_ONCE = 5_000;

export class EtcdLeases implements HostLeases {
  /** The lease of each host, as far as known to this process. */
  private leases = new Map<string, number>();
  private isLoaded = false;
  /** The last change of each host that is under way. */
  private readonly turns = new Map<string, Promise<void>>();
  private readonly keepAlives: KeepAlive;

  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
    private readonly prefix: string,
  ) {
    this.keepAlives = new KeepAlive(channel, clock);
  }

  /** A new leadership: others may have opened leases since. */
  forget(): void {
    this.leases = new Map();
    this.isLoaded = false;
  }

  async open(host: string, period: number, fence: Leadership): Promise<"opened" | "fenced"> {
    checkKey(host);
    checkPeriod(period);
    return this.inTurn(host, () => this.openNow(host, period, fence));
  }

  async close(host: string, fence: Leadership): Promise<"closed" | "fenced"> {
    checkKey(host);
    return this.inTurn(host, () => this.closeNow(host, fence));
  }

  /** Opening takes a question more than closing: without turns, what was asked for first could take effect last. */
  private inTurn<T>(host: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.turns.get(host) ?? Promise.resolve()).then(work);
    const finish = (): void => {
      if (this.turns.get(host) === over) this.turns.delete(host);
    };
    const over: Promise<void> = turn.then(finish, finish);
    this.turns.set(host, over);
    return turn;
  }

  private async openNow(host: string, period: number, fence: Leadership): Promise<"opened" | "fenced"> {
    const seat = seatOf(fence);
    if (seat.isOver) return "fenced";
    const lease = newLease();
    await this.channel.ask(LEASE_GRANT, { id: lease, ttl: period });
    const key = this.prefix + host;
    const success = [
      { kind: "range" as const, key },
      { kind: "put" as const, key, value: String(period), lease },
    ];
    const found = await this.fenced(seat, success);
    if (found === null) {
      await this.revoke(lease);
      return "fenced";
    }
    this.leases.set(host, lease);
    // Repeated by the channel, the transaction may have found its own lease.
    const old = found[0]?.[0]?.lease ?? 0;
    if (old !== 0 && old !== lease) await this.revoke(old);
    return "opened";
  }

  async keepAlive(hosts: readonly string[]): Promise<readonly string[]> {
    if (!this.isLoaded && hosts.some((host) => !this.leases.has(host))) await this.load();
    const known = hosts.flatMap((host) => {
      const lease = this.leases.get(host);
      return lease === undefined ? [] : [{ host, lease }];
    });
    for (let start = 0; start < known.length; start += MOST_AT_ONCE) {
      const part = known.slice(start, start + MOST_AT_ONCE);
      const ttls = await this.renew(part.map(({ lease }) => lease));
      for (const [index, { host, lease }] of part.entries()) {
        // A lease that was opened meanwhile is not the one that is gone.
        if (ttls[index] === 0 && this.leases.get(host) === lease) this.leases.delete(host);
      }
    }
    return hosts.filter((host) => !this.leases.has(host));
  }

  private async closeNow(host: string, fence: Leadership): Promise<"closed" | "fenced"> {
    const seat = seatOf(fence);
    if (seat.isOver) return "fenced";
    const key = this.prefix + host;
    const found = await this.fenced(seat, [
      { kind: "range", key },
      { kind: "delete", key },
    ]);
    if (found === null) return "fenced";
    this.leases.delete(host);
    const lease = found[0]?.[0]?.lease ?? 0;
    if (lease !== 0) await this.revoke(lease);
    return "closed";
  }

  async *watch(signal: AbortSignal): AsyncIterable<LeaseUpdate> {
    const ended = joined(signal, this.channel.closing);
    try {
      yield* this.watchUntil(ended.signal);
    } finally {
      ended.release();
    }
  }

  private async *watchUntil(ended: AbortSignal): AsyncIterable<LeaseUpdate> {
    const nameOf = (key: string): string => key.slice(this.prefix.length);
    for (;;) {
      const read = await readPatiently(this.channel, this.prefix, ended);
      if (read === null) return;
      const { kvs, revision } = read;
      const known = new Set(kvs.map(({ key }) => nameOf(key)));
      yield { kind: "snapshot", hosts: [...known] };
      const target = { key: this.prefix, isPrefix: true, from: revision + 1 };
      for await (const step of watchRange(this.channel, this.clock, target, ended)) {
        if (step.kind === "compacted") break;
        for (const { kind, kv } of step.events) {
          const host = nameOf(kv.key);
          const isNews = kind === "put" ? !known.has(host) : known.has(host);
          if (kind === "put") known.add(host);
          else known.delete(host);
          if (isNews) yield { kind: kind === "put" ? "opened" : "ended", host };
        }
      }
    }
  }

  private async fenced(seat: Seat, success: Txn["success"]) {
    const own = { kind: "range" as const, key: seat.key };
    const when = [{ key: seat.key, createRevision: seat.createRevision }];
    const answer = await this.channel.ask(TXN, { when, success, failure: [own] });
    if (answer.succeeded) return answer.found;
    assert(seat.see(answer.found[0]?.[0]) === "gone", "a fenced transaction fails only when the seat is gone");
    return null;
  }

  private async renew(leases: readonly number[]): Promise<readonly number[]> {
    try {
      return await this.keepAlives.renewAll(leases, RENEW_DEADLINE_MS);
    } catch (error) {
      throw isPassing(error) ? unanswered(error) : refused(error);
    }
  }

  private async load(): Promise<void> {
    const { kvs } = await readPrefix(this.channel, this.prefix);
    for (const { key, lease } of kvs) {
      const host = key.slice(this.prefix.length);
      if (!this.leases.has(host)) this.leases.set(host, lease);
    }
    this.isLoaded = true;
  }

  /** Of a lease that nothing depends on any more: it would expire by itself. */
  private async revoke(lease: number): Promise<void> {
    try {
      await this.channel.ask(LEASE_REVOKE, lease);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
    }
  }
}
