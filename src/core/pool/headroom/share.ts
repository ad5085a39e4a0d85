/**
 * Sharing before the critical size (spec 1.3, after SlackVM): an oversubscribed pool with few VMs cannot average their
 * peaks out, so the oversubscribed pools pin their VMs to all of their pCPUs and the free ones together. Off at size 0.
 */
import { type CpuSet, cpuSetOf } from "../../cpuset.js";
import type { CpuPool } from "../model.js";
import type { Geometry } from "./geometry.js";

/** Pools without VMs take no part, as in SlackVM. */
const takesPart = (pool: CpuPool): boolean => pool.ratio > 1 && pool.members.length > 0;

/**
 * Whether the oversubscribed pools share now: one of them is below the critical size. The seeds' second condition,
 * free + vCPUs >= ceil(vCPUs / smallest ratio), holds for every ratio above 1 and is not written out.
 */
export const isSharing = (pools: readonly CpuPool[], criticalSize: number): boolean =>
  criticalSize > 0 && pools.some((pool) => takesPart(pool) && pool.members.length < criticalSize);

/** The pCPUs of all pools that share, and those that no pool is pinned to. While pools share, nothing is lent to them. */
export function sharedSet(geometry: Geometry, pools: readonly CpuPool[]): CpuSet {
  const apart = new Set(pools.flatMap((pool) => (takesPart(pool) ? [] : pool.pinnedTo)));
  const ids = geometry.topology.ids.filter((id, position) => geometry.usable[position] === 1 && !apart.has(id));
  return cpuSetOf(ids);
}
