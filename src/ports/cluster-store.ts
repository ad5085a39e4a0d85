/**
 * What the schedulers of a cluster share and must not lose: who leads, which hosts are alive, and records (VMs, hosts,
 * settings). Two drivers implement it, drivers/stores/embedded (a folder beside one scheduler) and drivers/stores/etcd
 * (several schedulers), and one conformance suite holds both to it (test/stores).
 *
 * Every change is fenced: it takes effect only while the leadership it was made under still stands in the store itself.
 * A leader that was frozen, cut off or replaced can therefore not change anything any more, whatever it believes (Gray and
 * Cheriton, "Leases", SOSP 1989, with the fencing numbers that a lease alone lacks).
 *
 * Failures are thrown as `OperationalError`:
 * - `store-unreachable`: the store was not asked, or refused before it did anything. Nothing has changed; try again.
 * - `store-timeout`: a question got no answer in time. Nothing was to be changed.
 * - `store-outcome-unknown`: a change was sent and not answered. It may have happened, and it may still happen: `resolve`.
 * - `store-locked`: another process uses the embedded store.
 * - `store-failed`: the store refused for a reason that a repetition does not mend (no space, no permission).
 * - `state-corrupt`: what was stored cannot be read.
 */
import type { Milliseconds, Seconds } from "../core/units.js";

/**
 * Number of a state of the store: counts up with every change, over all keys, and never goes back. It stays a safe integer
 * (10,000 changes a second reach 2^53 after 28,000 years).
 */
export type Revision = number;

/** Most changes in one commit, and most bytes of keys and values together (etcd's own limits, with room for the fence). */
export const MOST_CHANGES = 100;
export const MOST_COMMIT_BYTES = 1024 * 1024;
/** Most bytes of a key, and of a host's name. Keys are paths of printable ASCII characters without spaces, such as `vms/web`. */
export const MOST_KEY_BYTES = 512;

export interface StoreRecord {
  readonly key: string;
  readonly value: string;
  /** Revision of the commit that wrote this value; compare-and-swap asks for it. */
  readonly revision: Revision;
}

/** One change of a commit. A key may occur once in a commit. */
export type Change =
  /** Only if there is no record of this key. */
  | { readonly kind: "create"; readonly key: string; readonly value: string }
  /** Only while the record is the one of this revision. */
  | { readonly kind: "replace"; readonly key: string; readonly value: string; readonly revision: Revision }
  | { readonly kind: "delete"; readonly key: string; readonly revision: Revision };

export type CommitOutcome =
  | { readonly kind: "committed"; readonly revision: Revision }
  /** Nothing was changed: the first change whose condition did not hold, and the record that is there instead. */
  | { readonly kind: "conflict"; readonly key: string; readonly found: StoreRecord | null }
  /** Nothing was changed: the leadership is over. `lost` has fired. */
  | { readonly kind: "fenced" };

export type ResolvedOutcome = "committed" | "not-committed" | "fenced";

/** The right to change the store, from winning a campaign until it is lost or given back. */
export interface Leadership {
  /** Higher than that of every leadership before it. A safe integer. */
  readonly epoch: number;
  /**
   * Aborts when the leadership is over, or can no longer be known to last: always before another candidate can have won,
   * measured by this process's own monotonic clock. A frozen process learns it when it wakes; until then the fence holds.
   * The reason is an `Error` whose message says why.
   */
  readonly lost: AbortSignal;
  /** Gives the leadership back, so that the next candidate need not wait for it to expire. Idempotent; never throws. */
  resign(): Promise<void>;
}

export interface Leader {
  /** What the leader gave to `campaign`: where it is. */
  readonly candidate: string;
  readonly epoch: number;
}

export type RecordChange =
  | { readonly kind: "put"; readonly record: StoreRecord }
  | { readonly kind: "deleted"; readonly key: string; readonly revision: Revision };

/** Records below a prefix, as of `revision`, ordered by key (by UTF-8 bytes). */
export interface Snapshot {
  readonly revision: Revision;
  readonly records: readonly StoreRecord[];
}

export type StoreUpdate =
  /** Everything, in place of what was known: at the start, and where the changes since then are not kept any more. */
  | { readonly kind: "snapshot"; readonly revision: Revision; readonly records: readonly StoreRecord[] }
  /** One or several commits, whole ones, in their order. */
  | { readonly kind: "changes"; readonly revision: Revision; readonly changes: readonly RecordChange[] };

export interface WatchOptions {
  /** Goes on behind this revision, without a gap. Without it, the first update is a snapshot. */
  readonly after?: Revision;
  readonly signal: AbortSignal;
}

export type LeaseUpdate =
  /** Every host that has a lease, in place of what was known. */
  | { readonly kind: "snapshot"; readonly hosts: readonly string[] }
  | { readonly kind: "opened"; readonly host: string }
  /** The lease expired or was closed. */
  | { readonly kind: "ended"; readonly host: string };

/**
 * A lease for each host that is alive. The leader opens it when a host registers and renews it when the host is heard of;
 * a host that is silent for longer than the period loses it, whether or not anybody leads at that moment. Leases outlive
 * leaderships: the next leader renews them without opening them again. A restart of the store gives each a whole period.
 */
export interface HostLeases {
  /** Opens the lease, or renews it and gives it this period (2 s to 1 h). */
  open(host: string, period: Seconds, fence: Leadership): Promise<"opened" | "fenced">;
  /** Renews many at once. Gives those that have no lease (any more): to be opened again. */
  keepAlive(hosts: readonly string[]): Promise<readonly string[]>;
  /** Ends the lease at once. No error when there is none. */
  close(host: string, fence: Leadership): Promise<"closed" | "fenced">;
  /** A snapshot, then changes, until `signal` aborts; mends itself as `ClusterStore.watch` does. */
  watch(signal: AbortSignal): AsyncIterable<LeaseUpdate>;
}

export interface StoreStatus {
  readonly kind: "embedded" | "etcd";
  /** The folder, or the endpoint in use (of how many). */
  readonly where: string;
  /** False while the store cannot be asked or written. */
  readonly reachable: boolean;
  /** Since the last answer; null before the first. */
  readonly silence: Milliseconds | null;
  /** Why it is not reachable; null when it is. */
  readonly problem: string | null;
}

export interface ClusterStore {
  readonly leases: HostLeases;
  /**
   * Waits until this candidate leads. `candidate`: where it can be reached, for `leader`. While the store is not reachable
   * it goes on trying. Throws the signal's reason when `signal` aborts before it has won (it then leaves the queue), and
   * `store-failed` where trying again makes no sense.
   */
  campaign(candidate: string, signal: AbortSignal): Promise<Leadership>;
  /** Null while nobody leads. */
  leader(): Promise<Leader | null>;
  /** All changes or none. A change of the outcome `committed` survives a crash of everything. */
  commit(changes: readonly Change[], fence: Leadership): Promise<CommitOutcome>;
  /**
   * What became of a commit that threw `store-outcome-unknown`: first bars it from happening later, then looks. Holds for
   * keys that this leader has not changed since. `fenced`: the next leader finds what there is.
   */
  resolve(changes: readonly Change[], fence: Leadership): Promise<ResolvedOutcome>;
  /** Sees every commit that was answered before the question was asked. */
  get(key: string): Promise<StoreRecord | null>;
  snapshot(prefix: string): Promise<Snapshot>;
  /**
   * Every change below `prefix`, each once and in order, until `signal` aborts or the store is closed. It reconnects by
   * itself and goes on where it was; `status` says whether it is cut off. A reader that is slow gets larger updates.
   */
  watch(prefix: string, options: WatchOptions): AsyncIterable<StoreUpdate>;
  status(): StoreStatus;
  /** Resigns, ends watches, releases everything. Idempotent. */
  close(): Promise<void>;
}
