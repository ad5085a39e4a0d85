/**
 * A cluster store in memory, for schedulers that are made and thrown away by the dozen: fenced, compare-and-swap, watched, with
 * the faults of a real one. It can be told to forget the fence, to show that somebody would notice. What the real stores promise
 * is held by a suite of their own.
 */
import type { Seconds } from "../core/units.js";
import type {
  Change,
  ClusterStore,
  CommitOutcome,
  HostLeases,
  Leader,
  Leadership,
  LeaseUpdate,
  ResolvedOutcome,
  Snapshot,
  StoreRecord,
  StoreUpdate,
  WatchOptions,
} from "../ports/cluster-store.js";
import { OperationalError } from "../ports/errors.js";

class Tenure implements Leadership {
  readonly ending = new AbortController();
  readonly lost: AbortSignal = this.ending.signal;
  constructor(
    private readonly core: StoreCore,
    readonly epoch: number,
    readonly candidate: string,
  ) {}
  async resign(): Promise<void> {
    this.core.depose(this, "resigned");
  }
}

interface Candidate {
  readonly name: string;
  readonly win: (tenure: Tenure) => void;
}

/** not-done: it never happens. done: it happened, and nobody heard. late: it happens after the answer was given up. */
export type StoreFault = "fine" | "unreachable" | "lost-not-done" | "lost-done" | "lost-late";

/** What all connections share: the store's own servers. */
export class StoreCore {
  readonly records = new Map<string, StoreRecord>();
  readonly leases = new Set<string>();
  revision = 0;
  private epoch = 0;
  private tenure: Tenure | null = null;
  private readonly queue: Candidate[] = [];
  private readonly watchers = new Set<() => void>();
  /** Changes under way whose answer was lost: they happen when somebody else writes, unless they were barred. */
  private readonly late = new Map<string, { readonly changes: readonly Change[]; readonly fence: Leadership }>();
  /** Of the next commits, one each. */
  readonly faults: StoreFault[] = [];
  /** Of those after them. */
  usualFault: StoreFault = "fine";
  /** False: a store that does not look who writes, nor over what. */
  fences = true;

  connect(): ClusterStore {
    return new Connection(this);
  }

  leader(): Leader | null {
    return this.tenure === null ? null : { candidate: this.tenure.candidate, epoch: this.tenure.epoch };
  }

  campaign(name: string, signal: AbortSignal): Promise<Tenure> {
    return new Promise((resolve, reject) => {
      const candidate = { name, win: resolve };
      signal.addEventListener("abort", () => {
        const at = this.queue.indexOf(candidate);
        if (at >= 0) this.queue.splice(at, 1);
        reject(signal.reason);
      });
      if (signal.aborted) reject(signal.reason);
      else this.queue.push(candidate);
      this.elect();
    });
  }

  /** The leader's tenure is over. `tell`: it learns so itself; a frozen one, later. */
  depose(tenure: Tenure | null = this.tenure, why = "deposed", tell = true): void {
    if (tenure === null) return;
    if (this.tenure === tenure) this.tenure = null;
    if (tell) tenure.ending.abort(new Error(why));
    this.elect();
  }

  current(): Tenure | null {
    return this.tenure;
  }

  /** A process died in the queue or as the leader. */
  bury(name: string): void {
    const at = this.queue.findIndex((candidate) => candidate.name === name);
    if (at >= 0) this.queue.splice(at, 1);
    if (this.tenure?.candidate === name) this.depose(this.tenure, "died");
  }

  private elect(): void {
    if (this.tenure !== null) return;
    const next = this.queue.shift();
    if (next === undefined) return;
    this.tenure = new Tenure(this, ++this.epoch, next.name);
    next.win(this.tenure);
  }

  commit(changes: readonly Change[], fence: Leadership): CommitOutcome {
    const fault = this.faults.shift() ?? this.usualFault;
    if (fault === "unreachable") throw failure("store-unreachable", "no connection");
    if (fault === "lost-not-done") throw failure("store-outcome-unknown", "no answer");
    if (fault === "lost-late") {
      this.late.set(keyOf(changes), { changes, fence });
      throw failure("store-outcome-unknown", "no answer");
    }
    this.arrive();
    const outcome = this.apply(changes, fence);
    if (fault === "lost-done") throw failure("store-outcome-unknown", "no answer");
    return outcome;
  }

  /** Bars the commit from happening later, then looks. */
  resolve(changes: readonly Change[], fence: Leadership): ResolvedOutcome {
    this.late.delete(keyOf(changes));
    if (this.isFenced(fence)) return "fenced";
    return changes.every((change) => this.isDone(change)) ? "committed" : "not-committed";
  }

  private arrive(): void {
    for (const [key, { changes, fence }] of this.late) {
      this.late.delete(key);
      this.apply(changes, fence);
    }
  }

  private isDone(change: Change): boolean {
    const found = this.records.get(change.key);
    return change.kind === "delete" ? found === undefined : found?.value === change.value;
  }

  private isFenced(fence: Leadership): boolean {
    return this.fences && this.tenure?.epoch !== fence.epoch;
  }

  private apply(changes: readonly Change[], fence: Leadership): CommitOutcome {
    if (this.isFenced(fence)) return { kind: "fenced" };
    for (const change of this.fences ? changes : []) {
      const found = this.records.get(change.key) ?? null;
      const holds = change.kind === "create" ? found === null : found?.revision === change.revision;
      if (!holds) return { kind: "conflict", key: change.key, found };
    }
    this.revision++;
    for (const change of changes) {
      if (change.kind === "delete") this.records.delete(change.key);
      else this.records.set(change.key, { key: change.key, value: change.value, revision: this.revision });
    }
    this.tell();
    return { kind: "committed", revision: this.revision };
  }

  snapshot(prefix: string): Snapshot {
    const records = [...this.records.values()].filter(({ key }) => key.startsWith(prefix));
    return { revision: this.revision, records: records.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  tell(): void {
    for (const wake of [...this.watchers]) wake();
  }

  /** Resolves at the next change, or when `signal` aborts. */
  change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.watchers.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.watchers.add(wake);
      signal.addEventListener("abort", wake);
      if (signal.aborted) wake();
    });
  }
}

const keyOf = (changes: readonly Change[]): string => changes.map(({ key }) => key).join(" ");

const failure = (code: "store-unreachable" | "store-outcome-unknown", message: string): OperationalError =>
  new OperationalError(code, message, true);

class Connection implements ClusterStore {
  readonly leases: HostLeases;
  constructor(private readonly core: StoreCore) {
    this.leases = {
      open: async (host: string, _: Seconds) => {
        core.leases.add(host);
        core.tell();
        return "opened";
      },
      keepAlive: async (hosts) => hosts.filter((host) => !core.leases.has(host)),
      close: async (host) => {
        core.leases.delete(host);
        core.tell();
        return "closed";
      },
      watch: (signal) => this.watchLeases(signal),
    };
  }

  campaign(candidate: string, signal: AbortSignal): Promise<Leadership> {
    return this.core.campaign(candidate, signal);
  }

  async leader(): Promise<Leader | null> {
    return this.core.leader();
  }

  async commit(changes: readonly Change[], fence: Leadership): Promise<CommitOutcome> {
    return this.core.commit(changes, fence);
  }

  async resolve(changes: readonly Change[], fence: Leadership): Promise<ResolvedOutcome> {
    return this.core.resolve(changes, fence);
  }

  async get(key: string): Promise<StoreRecord | null> {
    return this.core.records.get(key) ?? null;
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    return this.core.snapshot(prefix);
  }

  /** A slow reader's watch: always the whole picture. */
  async *watch(prefix: string, { signal }: WatchOptions): AsyncIterable<StoreUpdate> {
    while (!signal.aborted) {
      yield { kind: "snapshot", ...this.core.snapshot(prefix) };
      await this.core.change(signal);
    }
  }

  private async *watchLeases(signal: AbortSignal): AsyncIterable<LeaseUpdate> {
    while (!signal.aborted) {
      yield { kind: "snapshot", hosts: [...this.core.leases] };
      await this.core.change(signal);
    }
  }

  status() {
    return { kind: "embedded", where: "memory", reachable: true, silence: null, problem: null } as const;
  }

  async close(): Promise<void> {
    this.core.tell();
  }
}
