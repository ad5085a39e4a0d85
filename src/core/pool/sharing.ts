/**
 * Sharing before critical size (spec 1.3): pools with a ratio above 1 and few VMs are too small to average out peaks. While
 * one of them is, all of them are pinned to the union of their CPU sets and the free pCPUs; otherwise each pool to its own.
 */
import type { Draft } from "./draft.js";

/** Which pools take part: SlackVM leaves out those without VMs, SweetSpotVM does not; VMStack never shares. */
export type SharingRule = "never" | "pools-with-vms" | "all-pools";

/** Indexes of the pools that share, or none. */
export function sharingPools(draft: Draft, rule: SharingRule, criticalSize: number): readonly number[] {
  if (rule === "never") return [];
  const oversubscribed: number[] = [];
  let allocated = 0;
  let smallestRatio = Number.POSITIVE_INFINITY;
  let tooSmall = false;
  for (let index = 0; index < draft.pools.length; index++) {
    const pool = draft.pools[index]!;
    if (pool.ratio <= 1 || (rule === "pools-with-vms" && pool.members.length === 0)) continue;
    oversubscribed.push(index);
    allocated += pool.allocated;
    smallestRatio = Math.min(smallestRatio, pool.ratio);
    tooSmall ||= pool.members.length < criticalSize;
  }
  if (!tooSmall || draft.freeCount + allocated < Math.ceil(allocated / smallestRatio)) return [];
  return oversubscribed;
}

/** Decides anew what every pool is pinned to. */
export function balance(draft: Draft, rule: SharingRule, criticalSize: number): void {
  const sharing = sharingPools(draft, rule, criticalSize);
  for (const pool of draft.pools) pool.pinnedTo = pool.own;
  if (sharing.length === 0) return;
  const mask = new Uint8Array(draft.ground.size);
  const shares = new Uint8Array(draft.pools.length);
  for (const index of sharing) shares[index] = 1;
  for (let position = 0; position < mask.length; position++) {
    const owner = draft.owner[position]!;
    if (owner < 0 || shares[owner] === 1) mask[position] = 1;
  }
  const union = draft.ground.cpuSetOfMask(mask);
  for (const index of sharing) draft.pools[index]!.pinnedTo = union;
}
