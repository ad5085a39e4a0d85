/**
 * The contents of the embedded store, and the entries of its log that change them. Applying the entries of a log in order to
 * the state that it began with gives the state now: this is all there is to recovery.
 */
import type { Change, RecordChange, Revision, StoreRecord } from "../../../ports/cluster-store.js";

/** An entry of the log; short names, since there are many. */
export type Entry =
  /** A commit: its revision, what it wrote, what it deleted. */
  | { readonly r: Revision; readonly put: readonly (readonly [string, string])[]; readonly del: readonly string[] }
  /** A leadership began: its epoch and its candidate. */
  | { readonly epoch: number; readonly candidate: string }
  /** A lease was opened with a period in seconds, or ended (null). */
  | { readonly host: string; readonly period: number | null };

export interface State {
  revision: Revision;
  /** Of the latest leadership. */
  epoch: number;
  readonly records: Map<string, StoreRecord>;
  /** Hosts with a lease, and their period in seconds. */
  readonly leases: Map<string, number>;
}

export const emptyState = (): State => ({ revision: 0, epoch: 0, records: new Map(), leases: new Map() });

/** Shares the records, which never change. */
export const copyState = (state: State): State => ({
  ...state,
  records: new Map(state.records),
  leases: new Map(state.leases),
});

export function commitEntry(revision: Revision, changes: readonly Change[]): Entry {
  return {
    r: revision,
    put: changes.flatMap((change) => (change.kind === "delete" ? [] : [[change.key, change.value] as const])),
    del: changes.flatMap((change) => (change.kind === "delete" ? [change.key] : [])),
  };
}

/** What an entry changed among the records: nothing for epochs and leases. */
export function recordChanges(entry: Entry): readonly RecordChange[] {
  if (!("r" in entry)) return [];
  const { r: revision } = entry;
  return [
    ...entry.put.map(([key, value]) => ({ kind: "put" as const, record: { key, value, revision } })),
    ...entry.del.map((key) => ({ kind: "deleted" as const, key, revision })),
  ];
}

export function applyEntry(state: State, entry: Entry): void {
  if ("epoch" in entry) {
    state.epoch = entry.epoch;
  } else if ("host" in entry) {
    if (entry.period === null) state.leases.delete(entry.host);
    else state.leases.set(entry.host, entry.period);
  } else {
    state.revision = entry.r;
    for (const [key, value] of entry.put) state.records.set(key, { key, value, revision: entry.r });
    for (const key of entry.del) state.records.delete(key);
  }
}

const byKey = (a: StoreRecord, b: StoreRecord): number => (a.key < b.key ? -1 : 1);

export const recordsBelow = (state: State, prefix: string): readonly StoreRecord[] =>
  [...state.records.values()].filter(({ key }) => key.startsWith(prefix)).sort(byKey);
