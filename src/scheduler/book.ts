/**
 * The records of one kind, in memory and in the store, in step: the store is written first, under the leader's fence, and
 * memory follows. A commit whose answer was lost is resolved before anything else happens to its record. Leaves out
 * locking: at most one change of a record is under way (locks.ts).
 */
import { assert } from "../core/assert.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import type { Change, ClusterStore, Leadership, Revision, StoreRecord } from "../ports/cluster-store.js";
import { OperationalError } from "../ports/errors.js";
import type { RecordKind } from "./record-model.js";
import type { Alongside } from "./removals.js";
import { NotLeader } from "./service.js";

export interface Tenure {
  readonly store: ClusterStore;
  readonly clock: Clock;
  readonly leadership: Leadership;
  readonly lost: AbortSignal;
  /** The store says that the leadership is over, or holds what this leader did not write. */
  readonly ended: (why: string) => void;
}

/** once: a store that cannot be reached is the caller's trouble. insist: until it is written, or the leadership is over. */
export type Persistence = "once" | "insist";

const RETRY: Milliseconds = milliseconds(200);

export class Book<T> {
  private readonly records = new Map<string, { readonly record: T; readonly revision: Revision }>();

  constructor(
    private readonly kind: RecordKind<T>,
    private readonly tenure: Tenure,
    /** Told of every change once it is in the store. */
    private readonly changed: (name: string, before: T | null, after: T | null) => void,
  ) {}

  get size(): number {
    return this.records.size;
  }

  get(name: string): T | null {
    return this.records.get(name)?.record ?? null;
  }

  *values(): IterableIterator<T> {
    for (const { record } of this.records.values()) yield record;
  }

  /** Takes over what the store holds. Throws `state-corrupt`. */
  load(stored: readonly StoreRecord[]): void {
    for (const { key, value, revision } of stored) {
      const record = this.kind.decode(key, value);
      this.records.set(this.kind.nameOf(record), { record, revision });
      this.changed(this.kind.nameOf(record), null, record);
    }
  }

  /**
   * Creates or replaces. Throws `NotLeader` when the leadership is over (the record is then the next leader's), and the
   * store's `OperationalError`, with the record unchanged in the store and here.
   */
  async put(record: T, persistence: Persistence): Promise<void> {
    const name = this.kind.nameOf(record);
    const key = this.keyOf(name);
    const value = JSON.stringify(record);
    const known = this.records.get(name);
    const change: Change =
      known === undefined ? { kind: "create", key, value } : { kind: "replace", key, value, revision: known.revision };
    const revision = await this.commit([change], persistence);
    this.records.set(name, { record, revision });
    this.changed(name, known?.record ?? null, record);
  }

  /** As `put`. `alongside`: happens with it or not at all. */
  async delete(name: string, persistence: Persistence, alongside: Alongside | null = null): Promise<void> {
    const known = this.records.get(name);
    assert(known !== undefined, `there is no record ${this.keyOf(name)}`);
    const change: Change = { kind: "delete", key: this.keyOf(name), revision: known.revision };
    try {
      const revision = await this.commit([change, ...(alongside?.changes ?? [])], persistence);
      alongside?.committed(revision);
    } catch (error) {
      alongside?.failed();
      throw error;
    }
    this.records.delete(name);
    this.changed(name, known.record, null);
  }

  // Inside

  private keyOf(name: string): string {
    return this.kind.prefix + encodeURIComponent(name);
  }

  private async commit(changes: readonly Change[], persistence: Persistence): Promise<Revision> {
    for (;;) {
      this.mustLead();
      try {
        return await this.commitOnce(changes);
      } catch (error) {
        if (!(error instanceof OperationalError) || !error.retryable || persistence === "once") throw error;
        await this.tenure.clock.sleep(RETRY, this.tenure.lost);
      }
    }
  }

  private async commitOnce(changes: readonly Change[]): Promise<Revision> {
    const { store, leadership } = this.tenure;
    try {
      const outcome = await store.commit(changes, leadership);
      if (outcome.kind === "committed") return outcome.revision;
      if (outcome.kind === "fenced") return this.end("the store says that another scheduler leads");
      return this.end(`the store's record ${outcome.key} is not as this leader left it`);
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "store-outcome-unknown") throw error;
      return this.resolve(changes, error);
    }
  }

  /** A commit that perhaps happened. Asks until the store knows. */
  private async resolve(changes: readonly Change[], first: OperationalError): Promise<Revision> {
    const { store, leadership, lost, clock } = this.tenure;
    for (;;) {
      this.mustLead();
      try {
        const outcome = await store.resolve(changes, leadership);
        if (outcome === "fenced") return this.end("the store says that another scheduler leads");
        if (outcome === "not-committed") throw notCommitted(first);
        return await this.revisionOf(changes);
      } catch (error) {
        const again = error instanceof OperationalError && error.retryable && !(error instanceof NotCommitted);
        if (!again) throw error;
        await clock.sleep(RETRY, lost);
      }
    }
  }

  /** Of a commit that happened: what it wrote has it. A mere deletion leaves no record that needs one. */
  private async revisionOf(changes: readonly Change[]): Promise<Revision> {
    const written = changes.find(({ kind }) => kind !== "delete");
    if (written === undefined) return 0;
    const found = await this.tenure.store.get(written.key);
    return found === null ? this.end(`the store lost the record ${written.key}`) : found.revision;
  }

  private mustLead(): void {
    if (this.tenure.lost.aborted) throw new NotLeader(null);
  }

  private end(why: string): never {
    this.tenure.ended(why);
    throw new NotLeader(null);
  }
}

/** Certain now that nothing was written. */
class NotCommitted extends OperationalError {}

const notCommitted = (cause: OperationalError): NotCommitted =>
  new NotCommitted("store-unreachable", `the store did not take the change: ${cause.message}`, true, { cause });
