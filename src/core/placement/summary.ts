/** The counts of a host's pools as placement wants them, from the agent's own state and policy. */
import { effectiveRatioOf, type HostState } from "../pool/model.js";
import { admissiblePcpus, type PoolPolicy } from "../pool/policy.js";
import type { HostClass, PoolSummary } from "./model.js";

export type HostCounts = Pick<
  HostClass,
  | "policy"
  | "template"
  | "criticalSize"
  | "totalPcpus"
  | "usablePcpus"
  | "freePcpus"
  | "memoryCapacityMiB"
  | "memoryAllocatedMiB"
> & { readonly pools: readonly PoolSummary[] };

/** All of a `HostSummary` that follows from the pools; what busy ones would give back to newcomers is free here. */
export function hostCounts(policy: PoolPolicy, host: HostState): HostCounts {
  const counted = policy.yielded?.(host) ?? host;
  const pools = counted.pools.map(
    (pool): PoolSummary => ({
      ratio: pool.ratio,
      pcpus: pool.pcpus.length,
      allocatedVcpus: pool.allocatedVcpus,
      vmCount: pool.members.length,
      largestVmVcpus: pool.members.reduce((most, { vcpuIndexes }) => Math.max(most, vcpuIndexes.length), 0),
      ...(effectiveRatioOf(pool) === pool.ratio ? {} : { effectiveRatio: effectiveRatioOf(pool) }),
    }),
  );
  return {
    policy: policy.name,
    template: policy.settings.template,
    criticalSize: policy.settings.criticalSize,
    totalPcpus: policy.settings.topology.ids.length,
    usablePcpus: policy.freePcpus(counted).length + pools.reduce((sum, pool) => sum + pool.pcpus, 0),
    freePcpus: admissiblePcpus(policy, host),
    memoryCapacityMiB: host.memory.capacityMiB,
    memoryAllocatedMiB: host.memory.allocatedMiB,
    pools,
  };
}
