/**
 * The dense tables that placement works on, from a topology: distances, and for each position (place in topology order)
 * the core, last-level cache group, NUMA cell and package it belongs to, each numbered from 0 in topology order.
 */
import { assert } from "../assert.js";
import { distanceTable } from "./distance.js";
import type { CacheIndex, Pcpu, Topology, TopologyIndex } from "./model.js";

/** Numbers equal keys alike, from 0 in order of first appearance. */
function dense(keys: readonly string[]): { readonly numbers: Uint16Array; readonly count: number } {
  const seen = new Map<string, number>();
  const numbers = Uint16Array.from(keys, (key) => {
    const known = seen.get(key);
    if (known !== undefined) return known;
    seen.set(key, seen.size);
    return seen.size - 1;
  });
  return { numbers, count: seen.size };
}

/** SMT siblings share a core; excluded ones count, so that a core half excluded keeps its name. */
const coreKey = (pcpu: Pcpu): string => String(Math.min(pcpu.id, ...pcpu.smtSiblings));

const outermost = (pcpu: Pcpu): CacheIndex | undefined =>
  pcpu.caches.reduce<CacheIndex | undefined>(
    (best, cache) => (best === undefined || cache.level >= best.level ? cache : best),
    undefined,
  );

export interface LastLevelGroup {
  /** Equal on the pCPUs of one group. */
  readonly key: string;
  /** The cache that makes the group; null where none does. */
  readonly cache: CacheIndex | null;
}

/**
 * The L3 group is the L3 (or L4) domain. A host without L3 groups by its outermost cache where several cores share it
 * (L2 clusters of small cores), else by package and NUMA cell: a private L2 is no group worth keeping together.
 */
export function lastLevelGroups(pcpus: readonly Pcpu[]): readonly LastLevelGroup[] {
  const coresOf = new Map<string, Set<string>>();
  const outermosts = pcpus.map((pcpu) => {
    const cache = outermost(pcpu);
    if (cache === undefined) return null;
    const key = `L${cache.level} ${cache.domain}`;
    const cores = coresOf.get(key) ?? new Set();
    coresOf.set(key, cores.add(coreKey(pcpu)));
    return { key, cache };
  });
  return pcpus.map((pcpu, i) => {
    const group = outermosts[i]!;
    if (group !== null && (group.cache.level >= 3 || coresOf.get(group.key)!.size > 1)) return group;
    return { key: `package ${pcpu.packageId} cell ${pcpu.cellId}`, cache: null };
  });
}

/** Builds the tables; O(n^2) for the distances (milliseconds at 256 pCPUs). Do it once per host. */
export function indexTopology(topology: Topology): TopologyIndex {
  const { pcpus } = topology;
  assert(pcpus.length <= 0xffff, `a host has at most 65535 pCPUs, not ${pcpus.length}`);
  const ids = pcpus.map((pcpu) => pcpu.id);
  const positionOf = new Map(ids.map((id, position) => [id, position]));
  assert(positionOf.size === ids.length, "a topology lists each pCPU once");
  const core = dense(pcpus.map(coreKey));
  const l3 = dense(lastLevelGroups(pcpus).map((group) => group.key));
  const cell = dense(pcpus.map((pcpu) => String(pcpu.cellId)));
  const packages = dense(pcpus.map((pcpu) => String(pcpu.packageId)));
  return {
    topology,
    ids,
    positionOf,
    distance: distanceTable(topology),
    coreOf: core.numbers,
    l3Of: l3.numbers,
    cellOf: cell.numbers,
    packageOf: packages.numbers,
    coreCount: core.count,
    l3Count: l3.count,
    cellCount: cell.count,
    packageCount: packages.count,
  };
}
