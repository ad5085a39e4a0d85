/**
 * The latest VMs that are gone, with the ids of the requests that made and removed them. A client that got no answer repeats its
 * request, perhaps when another one has removed the VM meanwhile and another scheduler leads: without these the repetition of
 * a deploy would make the VM anew. Written in the very commit that deletes a VM's record, with the oldest one in exchange.
 */
import type { Change, Revision, StoreRecord } from "../ports/cluster-store.js";
import { REMOVED_RECORDS, type VmRecord } from "./record-model.js";

interface Kept {
  readonly key: string;
  readonly revision: Revision;
  readonly record: VmRecord;
}

/** Part of a commit; exactly one of the two is called once its outcome is known. */
export interface Alongside {
  readonly changes: readonly Change[];
  readonly committed: (revision: Revision) => void;
  readonly failed: () => void;
}

export class Removals {
  /** Oldest first. */
  private readonly kept: Kept[] = [];
  private readonly makers = new Map<string, VmRecord>();
  private readonly removers = new Map<string, VmRecord>();

  constructor(private readonly most: number) {}

  /** Takes over what the store holds. Throws `state-corrupt`. */
  load(stored: readonly StoreRecord[]): void {
    const byAge = stored.toSorted((a, b) => a.revision - b.revision);
    for (const { key, value, revision } of byAge)
      this.keep({ key, revision, record: REMOVED_RECORDS.decode(key, value) });
  }

  /** Oldest first. */
  *all(): IterableIterator<VmRecord> {
    for (const { record } of this.kept) yield record;
  }

  /** The VM that a deploy of this id made; null: none that is remembered. */
  madeBy(requestId: string): VmRecord | null {
    return this.makers.get(requestId) ?? null;
  }

  removedBy(requestId: string): VmRecord | null {
    return this.removers.get(requestId) ?? null;
  }

  /** `id`: a fresh one. */
  alongside(record: VmRecord, id: string): Alongside {
    const key = REMOVED_RECORDS.prefix + id;
    // Taken out before the commit: two removals at once must not both delete the same one.
    const oldest = this.kept.length >= this.most ? this.kept.shift() : undefined;
    const changes: Change[] = [{ kind: "create", key, value: JSON.stringify(record) }];
    if (oldest !== undefined) changes.push({ kind: "delete", key: oldest.key, revision: oldest.revision });
    return {
      changes,
      committed: (revision) => {
        if (oldest !== undefined) this.forget(oldest);
        this.keep({ key, revision, record });
      },
      failed: () => void (oldest !== undefined && this.kept.unshift(oldest)),
    };
  }

  private keep(kept: Kept): void {
    const { requestId, removal } = kept.record;
    this.kept.push(kept);
    if (requestId !== null) this.makers.set(requestId, kept.record);
    if (removal !== null) this.removers.set(removal, kept.record);
  }

  private forget({ record }: Kept): void {
    if (record.requestId !== null) this.makers.delete(record.requestId);
    if (record.removal !== null) this.removers.delete(record.removal);
  }
}
