/**
 * The host's pCPUs as nested boxes: packages hold NUMA cells, cells hold groups that share a last-level cache, groups hold
 * cores, cores hold pCPUs. From the topology where it is known; otherwise one box with the pCPUs that pools name. Pure.
 */
import type { TopologyAnswer } from "../../../src/http/schemas/answers.js";
import { readCpuSet } from "./cpu-set.js";
import type { PoolRow } from "./host-row.js";

export interface Core {
  readonly pcpus: readonly number[];
}
export interface CacheGroup {
  readonly key: string;
  readonly cores: readonly Core[];
}
export interface Cell {
  readonly id: number;
  readonly groups: readonly CacheGroup[];
}
export interface Package {
  readonly id: number;
  readonly cells: readonly Cell[];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return [...groups];
}

type Pcpu = TopologyAnswer["pcpus"][number];

const coreKey = ({ id, smtSiblings }: Pcpu): string => String(Math.min(id, ...readCpuSet(smtSiblings)));

function lastCacheKey({ id, caches }: Pcpu): string {
  const last = caches.at(-1);
  return last === undefined ? `pcpu ${id}` : `${last.level}/${last.domain}`;
}

export const packagesOf = (topology: TopologyAnswer): readonly Package[] =>
  groupBy(topology.pcpus, ({ packageId }) => String(packageId)).map(([id, inPackage]) => ({
    id: Number(id),
    cells: groupBy(inPackage, ({ cellId }) => String(cellId)).map(([cell, inCell]) => ({
      id: Number(cell),
      groups: groupBy(inCell, lastCacheKey).map(([key, inGroup]) => ({
        key,
        cores: groupBy(inGroup, coreKey).map(([, inCore]) => ({ pcpus: inCore.map((pcpu) => pcpu.id) })),
      })),
    })),
  }));

/** Which pool holds each pCPU. */
export function poolOfPcpu(pools: readonly PoolRow[]): ReadonlyMap<number, PoolRow> {
  const owner = new Map<number, PoolRow>();
  for (const pool of pools) for (const id of readCpuSet(pool.pcpus)) owner.set(id, pool);
  return owner;
}

/** Without a topology: one box, pCPUs by number, free ones at its end. */
export function flatPackages(pools: readonly PoolRow[]): readonly Package[] {
  const ids = [...poolOfPcpu(pools).keys()].sort((a, b) => a - b);
  return [{ id: 0, cells: [{ id: 0, groups: [{ key: "all", cores: ids.map((id) => ({ pcpus: [id] })) }] }] }];
}
