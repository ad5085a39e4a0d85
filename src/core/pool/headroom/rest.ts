/**
 * Elastic pools (spec 1.3): which pCPUs of a pool rest while its vCPUs need only some of them, and who runs there meanwhile.
 * Whole L3 groups come to rest first, then whole cores, as a pool that shrinks gives them back; a pool that needs one pCPU
 * more has one more of the same. What is only lent to an elastic pool rests too. Each resting part goes to one borrower as
 * a whole, so that pools run apart at all times.
 */
import { type CpuSet, cpuSetOf } from "../../cpuset.js";
import type { CpuPool } from "../model.js";
import { attribute } from "./attribute.js";
import type { Geometry } from "./geometry.js";

/** pCPUs that the pool's vCPUs keep of its own; null: it lets none rest. */
function activeOf(geometry: Geometry, pool: CpuPool): readonly number[] | null {
  const most = pool.dynamics?.activePcpus ?? null;
  if (most === null || most >= pool.pcpus.length) return null;
  return attribute(geometry, pool.pcpus, pool.pcpus, most, false);
}

/** The pools with what each runs on. Costs nothing where no pool is elastic. */
export function withRest(geometry: Geometry, pools: readonly CpuPool[]): readonly CpuPool[] {
  if (pools.every(({ dynamics }) => dynamics === undefined || dynamics.activePcpus === null)) return pools;
  const active = pools.map((pool) => activeOf(geometry, pool));
  const borrowed = borrowedBy(pools, active);
  return pools.map((pool, i): CpuPool => {
    const own: readonly number[] = active[i] ?? pool.pinnedTo;
    const more = borrowed[i]!;
    return own === pool.pinnedTo && more.length === 0 ? pool : { ...pool, runsOn: cpuSetOf([...own, ...more]) };
  });
}

/** What rests of each pool goes to the borrower with least of it so far, for its vCPUs. Only what is a pool's own is lent on. */
function borrowedBy(pools: readonly CpuPool[], active: readonly (readonly number[] | null)[]): readonly CpuSet[] {
  const borrowed: number[][] = pools.map(() => []);
  const borrowers = [...pools.keys()].filter((i) => pools[i]!.dynamics?.borrows === true && active[i] === null);
  for (const [i, pool] of pools.entries()) {
    const kept = new Set(active[i] ?? pool.pcpus);
    const resting = pool.pcpus.filter((id) => !kept.has(id));
    if (resting.length === 0 || borrowers.length === 0) continue;
    const share = (at: number): number => borrowed[at]!.length / pools[at]!.allocatedVcpus;
    const to = borrowers.reduce((least, at) => (share(at) < share(least) ? at : least));
    borrowed[to]!.push(...resting);
  }
  return borrowed.map((ids) => cpuSetOf(ids));
}
