/**
 * The cluster's store in etcd (3.4 and newer), for several schedulers. Below the prefix: `records/KEY`, `hosts/NAME` and
 * `leader/LEASE`. The client is our own, over gRPC as etcd speaks it; docs/decisions says why.
 */
import { milliseconds } from "../../../core/units.js";
import type {
  Change,
  ClusterStore,
  CommitOutcome,
  Leader,
  Leadership,
  RecordChange,
  ResolvedOutcome,
  Snapshot,
  StoreRecord,
  StoreStatus,
  StoreUpdate,
  WatchOptions,
} from "../../../ports/cluster-store.js";
import { OperationalError } from "../../../ports/errors.js";
import { joined } from "../../../ports/signals.js";
import { checkKey } from "../changes.js";
import { Channel, type ChannelSettings } from "./channel.js";
import { Commits, toRecord } from "./commits.js";
import { campaign, type ElectionParts, findLeader } from "./election.js";
import { EtcdLeases } from "./host-leases.js";
import { RANGE, type WatchEvent } from "./messages.js";
import { type RangeState, readPatiently, readPrefix, watchRange } from "./range-watch.js";
import type { Seat } from "./seat.js";

const LEADER_TTL_SECONDS = 6;
/** etcd grants no shorter leases (its election timeout). */
const SHORTEST_TTL_SECONDS = 2;

export interface EtcdSettings extends ChannelSettings {
  /** Several clusters can share an etcd, each below its own prefix, such as `/headroom/`. */
  readonly prefix: string;
  /** How long a leader that is not heard of keeps the others waiting. Whole seconds from 2; 6 without it. */
  readonly leaderTtlSeconds?: number;
  /** Epochs are higher than this: for an etcd that was restored from a backup or took over (docs/cluster-store.md). */
  readonly epochAbove?: number;
}

/** Connects with the first call. Throws `bad-settings`. */
export function etcdStore(settings: EtcdSettings): ClusterStore {
  const { prefix, leaderTtlSeconds = LEADER_TTL_SECONDS } = settings;
  if (!/^\/[!-~]*\/$/.test(prefix)) {
    throw new OperationalError(
      "bad-settings",
      `${JSON.stringify(prefix)} is no prefix in etcd: /NAME/ is wanted`,
      false,
    );
  }
  if (!Number.isInteger(leaderTtlSeconds) || leaderTtlSeconds < SHORTEST_TTL_SECONDS) {
    throw new OperationalError(
      "bad-settings",
      `a leader's lease of ${leaderTtlSeconds} s: 2 or more are wanted`,
      false,
    );
  }
  return new EtcdStore(settings, new Channel(settings), leaderTtlSeconds);
}

class EtcdStore implements ClusterStore {
  readonly leases: EtcdLeases;
  private readonly records: string;
  private readonly commits: Commits;
  private readonly election: ElectionParts;
  private readonly seats = new Set<Seat>();
  private readonly campaigns = new Set<Promise<unknown>>();
  private readonly leaving = new AbortController();

  constructor(
    private readonly settings: EtcdSettings,
    private readonly channel: Channel,
    ttlSeconds: number,
  ) {
    const { prefix, clock, epochAbove = 0 } = settings;
    this.records = `${prefix}records/`;
    this.commits = new Commits(channel, clock, this.records);
    this.leases = new EtcdLeases(channel, clock, `${prefix}hosts/`);
    this.election = { channel, clock, prefix: `${prefix}leader/`, ttlSeconds, epochAbove };
  }

  async campaign(candidate: string, signal: AbortSignal): Promise<Leadership> {
    const ended = joined(signal, this.leaving.signal);
    const running = campaign(this.election, candidate, ended.signal);
    this.campaigns.add(running);
    try {
      const seat = await running;
      this.leases.forget();
      this.seats.add(seat);
      seat.lost.addEventListener("abort", () => this.seats.delete(seat), { once: true });
      return seat;
    } finally {
      ended.release();
      this.campaigns.delete(running);
    }
  }

  leader(): Promise<Leader | null> {
    return findLeader(this.election);
  }

  commit(changes: readonly Change[], fence: Leadership): Promise<CommitOutcome> {
    return this.commits.commit(changes, fence);
  }

  resolve(changes: readonly Change[], fence: Leadership): Promise<ResolvedOutcome> {
    return this.commits.resolve(changes, fence);
  }

  async get(key: string): Promise<StoreRecord | null> {
    checkKey(key);
    const { kvs } = await this.channel.ask(RANGE, { key: this.records + key });
    return kvs[0] ? toRecord(this.records, kvs[0]) : null;
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    return this.toSnapshot(await readPrefix(this.channel, this.records + prefix));
  }

  async *watch(prefix: string, { after, signal }: WatchOptions): AsyncIterable<StoreUpdate> {
    const ended = joined(signal, this.channel.closing);
    try {
      yield* this.watchUntil(ended.signal, prefix, after);
    } finally {
      ended.release();
    }
  }

  private async *watchUntil(ended: AbortSignal, prefix: string, after: number | undefined): AsyncIterable<StoreUpdate> {
    let from = after === undefined ? null : after + 1;
    while (!ended.aborted) {
      if (from === null) {
        const read = await readPatiently(this.channel, this.records + prefix, ended);
        if (read === null) return;
        from = read.revision + 1;
        yield { kind: "snapshot", ...this.toSnapshot(read) };
      }
      const target = { key: this.records + prefix, isPrefix: true, from };
      for await (const step of watchRange(this.channel, this.settings.clock, target, ended)) {
        if (step.kind === "compacted") break;
        yield { kind: "changes", revision: step.revision, changes: step.events.map((event) => this.toChange(event)) };
      }
      from = null;
    }
  }

  status(): StoreStatus {
    const { silenceMs, whyUnreachable: problem, endpoint } = this.channel;
    const silence = silenceMs === null ? null : milliseconds(silenceMs);
    return { kind: "etcd", where: endpoint, reachable: problem === null, silence, problem };
  }

  async close(): Promise<void> {
    this.leaving.abort(new OperationalError("store-unreachable", "the cluster's store is closed", false));
    await Promise.allSettled(this.campaigns);
    await Promise.all([...this.seats].map((seat) => seat.resign()));
    this.channel.close();
  }

  private toSnapshot({ revision, kvs }: RangeState): Snapshot {
    return { revision, records: kvs.map((kv) => toRecord(this.records, kv)) };
  }

  private toChange({ kind, kv }: WatchEvent): RecordChange {
    const record = toRecord(this.records, kv);
    return kind === "put" ? { kind: "put", record } : { kind: "deleted", key: record.key, revision: record.revision };
  }
}
