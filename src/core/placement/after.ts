/**
 * A host's summary after a VM came or went, as the agent will count it: what the scheduler goes on with until the next report.
 */
import { Bug } from "../assert.js";
import { mib, type Ratio } from "../units.js";
import { type Demand, demandOf, keptPcpus, poolGrowth } from "./arithmetic.js";
import type { HostSummary, PoolSummary, VmShape } from "./model.js";

/**
 * The host with other counts. Written out, and every pool below too: an object that is spread from another costs several times as much
 * (V8), and these are made for each placement.
 */
const withCounts = (
  host: HostSummary,
  pools: readonly PoolSummary[],
  freePcpus: number,
  memoryAllocatedMiB: number,
  antiAffinityGroups: readonly string[],
): HostSummary => ({
  id: host.id,
  policy: host.policy,
  template: host.template,
  criticalSize: host.criticalSize,
  ratiosOffered: host.ratiosOffered,
  totalPcpus: host.totalPcpus,
  usablePcpus: host.usablePcpus,
  memoryCapacityMiB: host.memoryCapacityMiB,
  labels: host.labels,
  images: host.images,
  state: host.state,
  cordoned: host.cordoned,
  freePcpus,
  pools,
  memoryAllocatedMiB: mib(memoryAllocatedMiB),
  antiAffinityGroups,
  forecast: host.forecast,
  generation: host.generation,
});

/**
 * The summary with a VM of this shape. The VM must fit: throws `Bug` where the policy has no way to take it. Its
 * anti-affinity group (null: none) joins the host's.
 */
export function afterPlacement(
  host: HostSummary,
  shape: VmShape,
  antiAffinityGroup: string | null = null,
): HostSummary {
  const pools = host.pools.slice();
  let { freePcpus } = host;
  for (const demand of demandOf(host.template, shape)) {
    const at = placeOf(pools, demand.ratio);
    const pool = at < pools.length ? pools[at]! : undefined;
    const growth = poolGrowth(host, pool, demand);
    if (growth === Number.POSITIVE_INFINITY)
      throw new Bug(`host ${host.id} takes no VM of ${shape.vcpus} vCPUs at ${demand.ratio}`);
    pools[at] = withMember(pool, demand, growth);
    freePcpus -= growth;
  }
  const groups = host.antiAffinityGroups;
  return withCounts(
    host,
    pools,
    freePcpus,
    host.memoryAllocatedMiB + shape.memoryMiB,
    antiAffinityGroup === null ? groups : [...groups, antiAffinityGroup],
  );
}

/** Index of the ratio's pool; their number where there is none. */
function placeOf(pools: readonly PoolSummary[], ratio: Ratio): number {
  let at = 0;
  while (at < pools.length && pools[at]!.ratio !== ratio) at++;
  return at;
}

function withMember(pool: PoolSummary | undefined, { ratio, vcpus }: Demand, growth: number): PoolSummary {
  if (pool === undefined) return { ratio, pcpus: growth, allocatedVcpus: vcpus, vmCount: 1, largestVmVcpus: vcpus };
  const { largestVmVcpus } = pool;
  return counted(pool, {
    ratio,
    pcpus: pool.pcpus + growth,
    allocatedVcpus: pool.allocatedVcpus + vcpus,
    vmCount: pool.vmCount + 1,
    largestVmVcpus: largestVmVcpus === null ? null : Math.max(largestVmVcpus, vcpus),
  });
}

/** Counted as before; most pools are counted with their ratio, and cost nothing here. */
const counted = ({ effectiveRatio }: PoolSummary, next: PoolSummary): PoolSummary =>
  effectiveRatio === undefined || next.vmCount === 0 ? next : { ...next, effectiveRatio };

/**
 * The summary without a VM of this shape. Where the caller knows the shapes of the VMs that stay, `staying`, the count is exact;
 * else a pool that loses its largest VM keeps room for another as large, until the host reports.
 */
export function afterDeparture(
  host: HostSummary,
  shape: VmShape,
  antiAffinityGroup: string | null = null,
  staying: readonly VmShape[] | null = null,
): HostSummary {
  const pools = host.pools.slice();
  let { freePcpus } = host;
  for (const demand of demandOf(host.template, shape)) {
    const at = placeOf(pools, demand.ratio);
    const pool = pools[at];
    if (pool === undefined || pool.vmCount === 0)
      throw new Bug(`host ${host.id} has no VM at ${demand.ratio} that could leave`);
    const largest = staying === null ? null : largestAmong(host, staying, demand.ratio);
    const left = withoutMember(host, pool, demand, largest);
    pools[at] = left;
    freePcpus += pool.pcpus - left.pcpus;
  }
  const groups = withoutOne(host.antiAffinityGroups, antiAffinityGroup);
  return withCounts(host, pools, freePcpus, host.memoryAllocatedMiB - shape.memoryMiB, groups);
}

/** `largest`: of the VMs that stay; null: not known. */
function withoutMember(host: HostSummary, pool: PoolSummary, demand: Demand, largest: number | null): PoolSummary {
  const { ratio, pcpus } = pool;
  const allocatedVcpus = pool.allocatedVcpus - demand.vcpus;
  const vmCount = pool.vmCount - 1;
  // No VM has more vCPUs than all of them together, and none more than the pool has pCPUs.
  const bound = Math.min(pool.largestVmVcpus ?? pcpus, allocatedVcpus);
  const largestVmVcpus = largest ?? (vmCount === 0 ? 0 : bound);
  const kept = keptPcpus(
    host,
    counted(pool, { ratio, pcpus, allocatedVcpus, vmCount, largestVmVcpus }),
    largestVmVcpus,
  );
  return counted(pool, { ratio, pcpus: kept, allocatedVcpus, vmCount, largestVmVcpus });
}

function largestAmong(host: HostSummary, shapes: readonly VmShape[], ratio: Ratio): number {
  let largest = 0;
  if (host.template === null) {
    for (const shape of shapes) if (shape.ratio === ratio && shape.vcpus > largest) largest = shape.vcpus;
    return largest;
  }
  for (const shape of shapes)
    for (const demand of demandOf(host.template, shape))
      if (demand.ratio === ratio && demand.vcpus > largest) largest = demand.vcpus;
  return largest;
}

function withoutOne(groups: readonly string[], group: string | null): readonly string[] {
  const at = group === null ? -1 : groups.indexOf(group);
  return at === -1 ? groups : [...groups.slice(0, at), ...groups.slice(at + 1)];
}
