/**
 * What busy pools give back: a pool that is counted below its ratio (core/dynamic) holds more pCPUs than its VMs were sold. Where pools yield, that
 * surplus is theirs until somebody buys it: a newcomer that does not fit otherwise gets of it what it is short of, and no VM is
 * refused that the same pools, as they were sold, would take. From the pool with the largest surplus first; no pool yields what was sold.
 */
import type { Result } from "../../result.js";
import { type Ratio, ratio } from "../../units.js";
import { exactRatio, poolSize, ratioAbove } from "../exact-ratio.js";
import { type CpuPool, effectiveRatioOf, type HostState, type PoolDynamics } from "../model.js";
import { adjustPools } from "./adjust.js";
import { largestMember } from "./draft.js";
import type { Geometry } from "./geometry.js";

const soldPcpus = ({ ratio, allocatedVcpus, members }: CpuPool): number =>
  poolSize(allocatedVcpus, largestMember(members), exactRatio(ratio));

/** 0 for a pool that is not counted below its ratio. */
const surplusOf = (pool: CpuPool): number =>
  effectiveRatioOf(pool) < pool.ratio ? Math.max(0, pool.pcpus.length - soldPcpus(pool)) : 0;

/** The host after its busy pools gave up `wanted` pCPUs, or all that they can; the same host where they have none. */
export function yielded(geometry: Geometry, criticalSize: number, host: HostState, wanted: number): HostState {
  const busy = host.pools.filter((pool) => surplusOf(pool) > 0).sort((a, b) => surplusOf(b) - surplusOf(a));
  if (busy.length === 0) return host;
  let left = wanted;
  const wishes = new Map<Ratio, PoolDynamics>();
  for (const pool of busy) {
    const given = Math.min(left, surplusOf(pool));
    left -= given;
    if (given > 0) wishes.set(pool.ratio, { ...pool.dynamics!, effectiveRatio: without(pool, given) });
  }
  return adjustPools(geometry, criticalSize, host, wishes);
}

/** What the pool is counted with once it has given so many. */
function without(pool: CpuPool, given: number): Ratio {
  if (given === surplusOf(pool)) return pool.ratio;
  const counted = ratioAbove(pool.allocatedVcpus / (pool.pcpus.length - given));
  return ratio(Math.min(counted, pool.ratio));
}

/** What `fit` decides of the host as it is; where pCPUs are missing, of the host after its pools gave up those (`give`), or all that they can. */
export function fitYielding(
  host: HostState,
  fit: (host: HostState) => Result<HostState>,
  give: (host: HostState, wanted: number) => HostState,
): Result<HostState> {
  const asItIs = fit(host);
  if (asItIs.ok || asItIs.refusal.code !== "no-cpu-capacity") return asItIs;
  const { neededPcpus, freePcpus } = asItIs.refusal.details as { neededPcpus: number; freePcpus: number };
  for (const wanted of [neededPcpus - freePcpus, Number.POSITIVE_INFINITY]) {
    const given = give(host, wanted);
    if (given === host) break;
    const after = fit(given);
    if (after.ok) return after;
  }
  return asItIs;
}
