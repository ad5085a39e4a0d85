/**
 * What the two stores share about the changes of a commit, pure: whether they are well formed, whether their conditions
 * hold, and what the records say about a commit that was never answered.
 */
import { assert } from "../../core/assert.js";
import {
  type Change,
  type CommitOutcome,
  MOST_CHANGES,
  MOST_COMMIT_BYTES,
  MOST_KEY_BYTES,
  type ResolvedOutcome,
  type StoreRecord,
} from "../../ports/cluster-store.js";

type Find = (key: string) => StoreRecord | null;
type Conflict = Extract<CommitOutcome, { kind: "conflict" }>;

const KEY = /^[!-~]+$/;

export function checkKey(key: string): void {
  assert(KEY.test(key) && key.length <= MOST_KEY_BYTES, `${JSON.stringify(key)} is no key of a store`);
}

/** Throws `Bug` unless the store can take these changes as one commit. */
export function checkChanges(changes: readonly Change[]): void {
  assert(changes.length > 0, "a commit changes something");
  assert(changes.length <= MOST_CHANGES, `a commit of ${changes.length} changes; ${MOST_CHANGES} are the most`);
  let bytes = 0;
  for (const change of changes) {
    checkKey(change.key);
    // To etcd, revision 0 is a record that does not exist.
    const names = change.kind === "create" || (Number.isSafeInteger(change.revision) && change.revision > 0);
    assert(names, `${change.kind} of ${change.key} names the revision of a record`);
    bytes += change.key.length + (change.kind === "delete" ? 0 : Buffer.byteLength(change.value));
  }
  assert(bytes <= MOST_COMMIT_BYTES, `a commit of ${bytes} bytes; ${MOST_COMMIT_BYTES} are the most`);
  assert(new Set(changes.map(({ key }) => key)).size === changes.length, "a commit names each key once");
}

/** The first change whose condition does not hold. */
export function firstConflict(changes: readonly Change[], find: Find): Conflict | null {
  for (const change of changes) {
    const found = find(change.key);
    const holds = change.kind === "create" ? found === null : found?.revision === change.revision;
    if (!holds) return { kind: "conflict", key: change.key, found };
  }
  return null;
}

/**
 * What became of a commit that can no longer happen, from the records that are there now. A commit happens as a whole, so
 * every change must look done; values of records differ from commit to commit (they name the request), so equal values mean
 * that it was this one.
 */
export function verdict(changes: readonly Change[], find: Find): Exclude<ResolvedOutcome, "fenced"> {
  return changes.every((change) => looksDone(change, find(change.key))) ? "committed" : "not-committed";
}

function looksDone(change: Change, found: StoreRecord | null): boolean {
  if (change.kind === "delete") return found === null;
  if (found === null || found.value !== change.value) return false;
  return change.kind === "create" || found.revision > change.revision;
}
