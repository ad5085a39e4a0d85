/**
 * Host leases of the embedded store. Which host has one is written to the log; until when is only in memory, so that
 * renewing costs nothing: after a restart each has a whole period again.
 */
import { assert } from "../../../core/assert.js";
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import type { HostLeases, Leadership, LeaseUpdate } from "../../../ports/cluster-store.js";
import { checkKey } from "../changes.js";
import { History } from "../history.js";
import { checkPeriod } from "../lease-period.js";
import type { Draft } from "./draft.js";
import type { Entry, State } from "./state.js";

/** Woken later than this, the process itself stood still and heard nobody: no host is to blame. */
const STOOD_STILL_MS = 1_000;
/** Ended leases that a slow reader may lag behind before it gets a snapshot. */
const KEPT_UPDATES = 10_000;

type Change = Exclude<LeaseUpdate, { kind: "snapshot" }>;
type Submit = <T>(decide: (draft: Draft) => T) => Promise<T>;

export interface LeaseParts {
  readonly state: State;
  readonly clock: Clock;
  readonly submit: Submit;
  readonly holds: (fence: Leadership) => boolean;
  readonly failed: (error: unknown) => void;
}

export class EmbeddedLeases implements HostLeases {
  private readonly deadlines = new Map<string, number>();
  private readonly history = new History<Change>(0, KEPT_UPDATES);
  private readonly closed = new AbortController();
  /** Aborted to look at the deadlines again. */
  private nap = new AbortController();
  private wakesAt = 0;

  constructor(private readonly parts: LeaseParts) {
    this.renewAll();
    void this.expireForever();
  }

  async open(host: string, period: number, fence: Leadership): Promise<"opened" | "fenced"> {
    checkKey(host);
    checkPeriod(period);
    return this.parts.submit((draft) => {
      if (!this.parts.holds(fence)) return "fenced";
      draft.add({ host, period });
      return "opened";
    });
  }

  async keepAlive(hosts: readonly string[]): Promise<readonly string[]> {
    const now = this.parts.clock.monotonic();
    return hosts.filter((host) => {
      const deadline = this.deadlines.get(host);
      if (deadline === undefined || deadline <= now) return true;
      this.renew(host, now);
      return false;
    });
  }

  async close(host: string, fence: Leadership): Promise<"closed" | "fenced"> {
    return this.parts.submit((draft) => {
      if (!this.parts.holds(fence)) return "fenced";
      if (draft.hasLease(host)) draft.add({ host, period: null });
      return "closed";
    });
  }

  async *watch(signal: AbortSignal): AsyncIterable<LeaseUpdate> {
    let seen = -1;
    do {
      const news = this.history.since(seen);
      if (news === null) {
        seen = this.history.revision;
        yield { kind: "snapshot", hosts: [...this.parts.state.leases.keys()].sort() };
      } else {
        seen = news.revision;
        yield* news.items;
      }
    } while (await this.history.next(seen, signal));
  }

  /** Told of every durable entry. */
  applied(entry: Entry): void {
    if (!("host" in entry)) return;
    const { host, period } = entry;
    const change: Change[] = [];
    if (period === null) {
      this.deadlines.delete(host);
      change.push({ kind: "ended", host });
    } else {
      if (!this.deadlines.has(host)) change.push({ kind: "opened", host });
      // The state is that after the whole group of commits, in which the lease may have ended again.
      this.deadlines.set(host, this.parts.clock.monotonic() + period * 1_000);
      if (this.deadlines.get(host)! < this.wakesAt) this.nap.abort();
    }
    if (change.length > 0) this.history.append(this.history.revision + 1, change);
  }

  stop(): void {
    this.closed.abort();
    this.nap.abort();
    this.history.close();
  }

  private renew(host: string, now: number): void {
    const period = this.parts.state.leases.get(host);
    assert(period !== undefined, `the lease of ${host} has a period`);
    this.deadlines.set(host, now + period * 1_000);
  }

  private renewAll(): void {
    const now = this.parts.clock.monotonic();
    for (const host of this.parts.state.leases.keys()) this.renew(host, now);
  }

  private async expireForever(): Promise<void> {
    const { clock } = this.parts;
    while (!this.closed.signal.aborted) {
      let next = Number.MAX_SAFE_INTEGER;
      for (const deadline of this.deadlines.values()) next = Math.min(next, deadline);
      this.nap = new AbortController();
      this.wakesAt = next;
      await clock.sleep(milliseconds(next - clock.monotonic()), this.nap.signal);
      const woken = clock.monotonic();
      if (this.closed.signal.aborted || woken < next) continue;
      if (woken > next + STOOD_STILL_MS) this.renewAll();
      else await this.expire(woken);
    }
  }

  private async expire(now: number): Promise<void> {
    const due = [...this.deadlines].flatMap(([host, deadline]) => (deadline <= now ? [host] : []));
    try {
      await this.parts.submit((draft) => {
        // A host may have been opened again in between.
        const silent = due.filter((host) => draft.hasLease(host) && (this.deadlines.get(host) ?? now + 1) <= now);
        for (const host of silent) draft.add({ host, period: null });
      });
    } catch (error) {
      this.parts.failed(error);
      await this.parts.clock.sleep(milliseconds(STOOD_STILL_MS), this.closed.signal);
    }
  }
}
