/**
 * A host's summary after a VM came or went, as the agent will count it: what the scheduler goes on with until the next report.
 */
import { assert } from "../assert.js";
import { mib, type Ratio } from "../units.js";
import { type Demand, demandOf, keptPcpus, poolGrowth, poolOf } from "./arithmetic.js";
import type { HostSummary, PoolSummary, VmShape } from "./model.js";

const EMPTY = { pcpus: 0, allocatedVcpus: 0, vmCount: 0, largestVmVcpus: 0 } as const;

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
    const pool = poolOf(host.pools, demand.ratio);
    const growth = poolGrowth(host, pool, demand);
    assert(growth < Number.POSITIVE_INFINITY, `host ${host.id} takes no VM of ${shape.vcpus} vCPUs at ${demand.ratio}`);
    const grown = withMember(pool ?? { ratio: demand.ratio, ...EMPTY }, demand, growth);
    if (pool === undefined) pools.push(grown);
    else pools[host.pools.indexOf(pool)] = grown;
    freePcpus -= growth;
  }
  return {
    ...host,
    pools,
    freePcpus,
    memoryAllocatedMiB: mib(host.memoryAllocatedMiB + shape.memoryMiB),
    antiAffinityGroups:
      antiAffinityGroup === null ? host.antiAffinityGroups : [...host.antiAffinityGroups, antiAffinityGroup],
  };
}

const withMember = (pool: PoolSummary, { vcpus }: Demand, growth: number): PoolSummary =>
  counted(pool, {
    ratio: pool.ratio,
    pcpus: pool.pcpus + growth,
    allocatedVcpus: pool.allocatedVcpus + vcpus,
    vmCount: pool.vmCount + 1,
    largestVmVcpus: pool.largestVmVcpus === null ? null : Math.max(pool.largestVmVcpus, vcpus),
  });

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
    const pool = poolOf(host.pools, demand.ratio);
    assert(pool !== undefined && pool.vmCount > 0, `host ${host.id} has no VM at ${demand.ratio} that could leave`);
    const largest = staying === null ? null : largestAmong(host, staying, demand.ratio);
    const left = withoutMember(host, pool, demand, largest);
    pools[host.pools.indexOf(pool)] = left;
    freePcpus += pool.pcpus - left.pcpus;
  }
  return {
    ...host,
    pools,
    freePcpus,
    memoryAllocatedMiB: mib(host.memoryAllocatedMiB - shape.memoryMiB),
    antiAffinityGroups: withoutOne(host.antiAffinityGroups, antiAffinityGroup),
  };
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
  // Written out, as spreading one literal into another gives each object a hidden class of its own (V8), at several times the cost.
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
