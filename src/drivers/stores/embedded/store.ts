/**
 * The embedded store: a folder beside one scheduler, the whole state in memory. See files.ts for what lies in the folder,
 * group-log.ts for commits, ../folder-lock.ts for who may use it. One process at a time; its candidates lead one after the other.
 */
import { assert } from "../../../core/assert.js";
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
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
import type { Log } from "../../../ports/log.js";
import { checkChanges, firstConflict, verdict } from "../changes.js";
import { type FolderLock, type Locked, lockFolder } from "../folder-lock.js";
import { History } from "../history.js";
import { Tenure } from "../tenure.js";
import { createLog, deleteOlder, type FileName, newestGeneration, recover, writeSnapshot } from "./files.js";
import { GroupLog } from "./group-log.js";
import { EmbeddedLeases } from "./leases.js";
import { commitEntry, type Entry, recordChanges, recordsBelow, type State } from "./state.js";

/** Changes that a slow reader of a watch may lag behind before it gets a snapshot. */
const KEPT_CHANGES = 20_000;

export interface EmbeddedSettings {
  /** Made if it is not there. On a local disk. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Epochs are higher than this: for a cluster that moved here from another store (docs/cluster-store.md). */
  readonly epochAbove?: number;
  /** For tests: a log is replaced when it is larger than this and twice the last snapshot. */
  readonly smallestRotationBytes?: number;
  readonly keptChanges?: number;
}

export const clusterStoreIn = (folder: string): Locked => ({
  folder,
  name: "the cluster's store",
  remedy: "stop that scheduler first, or use etcd for several",
  newestGeneration: () => newestGeneration(folder),
});

/** Throws `store-locked` when another process uses the folder, `state-corrupt` when its contents are damaged. */
export async function openEmbeddedStore(settings: EmbeddedSettings): Promise<ClusterStore> {
  const { folder, log } = settings;
  const lock = await lockFolder(clusterStoreIn(folder), settings.clock);
  try {
    const { state, tornBytes } = await recover(folder);
    if (tornBytes > 0) log.warn({ folder, tornBytes }, "cut off what a crash left at the end of the store's log");
    const first: FileName = { kind: "snapshot", generation: lock.generation, number: 0 };
    const snapshotBytes = await writeSnapshot(folder, first, state);
    const file = await createLog(folder, { ...first, kind: "log" });
    await deleteOlder(folder, first);
    return new EmbeddedStore(settings, lock, state, (parts) => new GroupLog(parts, file, snapshotBytes));
  } catch (error) {
    await lock.release();
    throw error;
  }
}

class EmbeddedLeadership extends Tenure {
  constructor(
    epoch: number,
    readonly candidate: string,
    private readonly ended: () => void,
  ) {
    super(epoch);
  }

  override lose(reason: string): void {
    const first = !this.isOver;
    super.lose(reason);
    if (first) this.ended();
  }

  async resign(): Promise<void> {
    this.lose("resigned");
  }
}

type MakeLog = (parts: ConstructorParameters<typeof GroupLog>[0]) => GroupLog;

class EmbeddedStore implements ClusterStore {
  readonly leases: EmbeddedLeases;
  private readonly group: GroupLog;
  private readonly history: History<RecordChange>;
  /** Candidates wait for the promise of the one before them. */
  private lastTenure: Promise<void> = Promise.resolve();
  private current: EmbeddedLeadership | null = null;
  private problem: string | null = null;
  private isClosed = false;

  constructor(
    private readonly settings: EmbeddedSettings,
    private readonly lock: FolderLock,
    private readonly state: State,
    makeLog: MakeLog,
  ) {
    const { folder, log, smallestRotationBytes } = settings;
    const named = (kind: FileName["kind"], number: number) => ({ kind, generation: lock.generation, number });
    this.history = new History(state.revision, settings.keptChanges ?? KEPT_CHANGES);
    this.group = makeLog({
      state,
      log,
      ...(smallestRotationBytes === undefined ? {} : { smallestRotationBytes }),
      openLog: (number) => createLog(folder, named("log", number)),
      snapshot: async (number, copy) => {
        const bytes = await writeSnapshot(folder, named("snapshot", number), copy);
        await deleteOlder(folder, named("snapshot", number));
        return bytes;
      },
      isHeld: () => lock.isHeld(),
      applied: (entries) => this.applied(entries),
      broken: (reason) => this.broken(reason),
    });
    this.leases = new EmbeddedLeases({
      state,
      clock: settings.clock,
      submit: (decide) => this.group.submit(decide),
      holds: (fence) => fence === this.current,
      failed: (error) => log.warn({ err: error }, "silent hosts could not be written down"),
    });
  }

  async campaign(candidate: string, signal: AbortSignal): Promise<Leadership> {
    this.mustBeOpen();
    const before = this.lastTenure;
    let leave: (next?: Promise<void>) => void = () => undefined;
    this.lastTenure = new Promise((resolve) => {
      leave = (next) => resolve(next);
    });
    try {
      await abortable(before, signal);
      this.mustBeOpen();
      const above = this.settings.epochAbove ?? 0;
      const epoch = await this.group.submit((draft) => {
        const next = Math.max(draft.epoch, above) + 1;
        draft.add({ epoch: next, candidate });
        return next;
      });
      signal.throwIfAborted();
      this.current = new EmbeddedLeadership(epoch, candidate, () => {
        this.current = null;
        leave();
      });
      return this.current;
    } catch (error) {
      leave(before);
      throw error;
    }
  }

  async leader(): Promise<Leader | null> {
    return this.current && { candidate: this.current.candidate, epoch: this.current.epoch };
  }

  async commit(changes: readonly Change[], fence: Leadership): Promise<CommitOutcome> {
    checkChanges(changes);
    if (fence !== this.current) return this.fenced(fence);
    return this.group.submit((draft): CommitOutcome => {
      if (fence !== this.current) return this.fenced(fence);
      const conflict = firstConflict(changes, draft.find);
      if (conflict) return conflict;
      const revision = draft.revision + 1;
      draft.add(commitEntry(revision, changes));
      return { kind: "committed", revision };
    });
  }

  async resolve(changes: readonly Change[], fence: Leadership): Promise<ResolvedOutcome> {
    checkChanges(changes);
    if (fence !== this.current) return this.fenced(fence).kind;
    // Behind everything that was asked before.
    return this.group.submit((draft) => verdict(changes, draft.find));
  }

  async get(key: string): Promise<StoreRecord | null> {
    this.mustBeOpen();
    return this.state.records.get(key) ?? null;
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    this.mustBeOpen();
    return { revision: this.state.revision, records: recordsBelow(this.state, prefix) };
  }

  async *watch(prefix: string, { after, signal }: WatchOptions): AsyncIterable<StoreUpdate> {
    const keyOf = (change: RecordChange): string => (change.kind === "put" ? change.record.key : change.key);
    let seen = after ?? -1;
    do {
      const news = this.history.since(seen);
      if (news === null) {
        const snapshot = await this.snapshot(prefix);
        seen = snapshot.revision;
        yield { kind: "snapshot", ...snapshot };
        continue;
      }
      seen = news.revision;
      const changes = news.items.filter((change) => keyOf(change).startsWith(prefix));
      if (changes.length > 0) yield { kind: "changes", revision: seen, changes };
    } while (await this.history.next(seen, signal));
  }

  status(): StoreStatus {
    const reachable = this.problem === null;
    const silence = reachable ? milliseconds(0) : null;
    return { kind: "embedded", where: this.settings.folder, reachable, silence, problem: this.problem };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.problem ??= "it is closed";
    this.current?.lose("the store is closed");
    this.leases.stop();
    this.history.close();
    await this.group.close(this.problem);
    await this.lock.release();
  }

  private fenced(fence: Leadership): { readonly kind: "fenced" } {
    assert(fence instanceof EmbeddedLeadership, "the leadership is one of this store");
    return { kind: "fenced" };
  }

  private mustBeOpen(): void {
    if (this.problem === null) return;
    throw new OperationalError("store-unreachable", `the cluster's store takes nothing: ${this.problem}`, false);
  }

  private applied(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.leases.applied(entry);
      const changes = recordChanges(entry);
      if ("r" in entry) this.history.append(entry.r, changes);
    }
  }

  private broken(reason: string): void {
    this.problem = reason;
    this.settings.log.error({ folder: this.settings.folder, reason }, "the cluster's store has stopped");
    this.current?.lose(reason);
  }
}

/** Throws the signal's reason when it aborts first. */
function abortable(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
