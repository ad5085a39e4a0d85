/**
 * How many pCPUs a host's pools take for a VM and give back when it leaves, from counts alone, in the arithmetic of the
 * agent's policy (spec 1.3): exact fractions for `headroom`, the doubles of the seeds for the others. Leaves out which
 * pCPUs: a pool of `vmstack` that may not reach beyond its L3 group can still refuse, and the agent says so.
 */
import { type ExactRatio, exactRatio, exactRatioProblem, poolSize } from "../pool/exact-ratio.js";
import { templateRatio } from "../pool/request.js";
import { seedAvailable, seedGrowth, seedUnused } from "../pool/seed-arithmetic.js";
import type { Ratio } from "../units.js";
import type { HostClass, PoolCounts, VmShape } from "./model.js";

/** vCPUs of one VM that go to the pool of one ratio. */
export interface Demand {
  readonly ratio: Ratio;
  readonly vcpus: number;
}

/** By ratio, in order of first appearance; empty when the VM carries no ratio and the host has no template. */
export function demandOf(template: readonly Ratio[] | null, shape: VmShape): readonly Demand[] {
  if (template === null) return shape.ratio === null ? [] : [{ ratio: shape.ratio, vcpus: shape.vcpus }];
  const vcpus = new Map<Ratio, number>();
  for (let index = 0; index < shape.vcpus; index++) {
    const ratio = templateRatio(template, index);
    vcpus.set(ratio, (vcpus.get(ratio) ?? 0) + 1);
  }
  return [...vcpus].map(([ratio, count]) => ({ ratio, vcpus: count }));
}

/** What `vmstack` gives while a pool has this many VMs, and every other policy always. */
const effectiveRatio = (host: HostClass, ratio: Ratio, vmCount: number): number =>
  host.policy === "vmstack" && vmCount < host.criticalSize ? 1 : ratio;

/** The whole growth of a seed's pool; infinite where the seeds refuse because rounding left the pool short. */
function seedGrowthOf(host: HostClass, pool: PoolCounts, { ratio, vcpus }: Demand): number {
  const effective = effectiveRatio(host, ratio, pool.vmCount + 1);
  if (host.template === null) {
    const grow = seedGrowth(pool.pcpus, effective, pool.allocatedVcpus, vcpus, vcpus);
    const short = seedAvailable(pool.pcpus + grow, effective, pool.allocatedVcpus) < vcpus;
    return short ? Number.POSITIVE_INFINITY : grow;
  }
  let { pcpus } = pool;
  for (let here = 0; here < vcpus; here++) {
    const allocated = pool.allocatedVcpus + here;
    pcpus += seedGrowth(pcpus, effective, allocated, 1, here + 1);
    if (seedAvailable(pcpus, effective, allocated) < 1) return Number.POSITIVE_INFINITY;
  }
  return pcpus - pool.pcpus;
}

const exactOrNull = (ratio: Ratio): ExactRatio | null => (exactRatioProblem(ratio) === null ? exactRatio(ratio) : null);

/** What a pool of `headroom` is counted with; null: it takes nothing. */
export const exactPoolRatio = ({ effectiveRatio, ratio }: PoolCounts): ExactRatio | null =>
  exactOrNull(effectiveRatio ?? ratio);

/** pCPUs that the pool (undefined: none of this ratio yet) takes for the demand of one VM. */
export function poolGrowth(host: HostClass, pool: PoolCounts | undefined, demand: Demand): number {
  const { vcpus } = demand;
  // The rule that no VM is oversubscribed with itself: a first VM gets a pCPU for each vCPU.
  if (pool === undefined) return vcpus;
  if (host.policy !== "headroom") return seedGrowthOf(host, pool, demand);
  const exact = exactPoolRatio(pool);
  if (exact === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, poolSize(pool.allocatedVcpus + vcpus, vcpus, exact) - pool.pcpus);
}

export function poolOf<P extends PoolCounts>(pools: readonly P[], ratio: Ratio): P | undefined {
  for (const pool of pools) if (pool.ratio === ratio) return pool;
  return undefined;
}

/**
 * pCPUs that all pools of the host take for a VM of this shape, whether it has them or not; infinite where the policy refuses
 * whatever is free.
 */
export function growthPcpus(host: HostClass, shape: VmShape): number {
  const { ratio } = shape;
  if (host.template === null && ratio !== null)
    return poolGrowth(host, poolOf(host.pools, ratio), { ratio, vcpus: shape.vcpus });
  if (host.template === null) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (const demand of demandOf(host.template, shape))
    sum += poolGrowth(host, poolOf(host.pools, demand.ratio), demand);
  return sum;
}

/** pCPUs that a pool keeps after a VM left it; `pool` counts without the VM. `largest`: vCPUs of its largest VM. */
export function keptPcpus(host: HostClass, pool: PoolCounts, largest: number): number {
  if (host.policy === "headroom")
    return Math.min(pool.pcpus, poolSize(pool.allocatedVcpus, largest, exactRatio(pool.effectiveRatio ?? pool.ratio)));
  const effective = effectiveRatio(host, pool.ratio, pool.vmCount);
  return pool.pcpus - seedUnused(pool.pcpus, effective, pool.allocatedVcpus, largest);
}
