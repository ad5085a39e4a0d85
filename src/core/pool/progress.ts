/**
 * Progress (spec 1.4): how much a candidate VM would move the host's memory per pCPU towards the host's own ratio. In
 * doubles, in the order of operations of the seeds: recorded values compare equal.
 */
import type { HostState, VmSpec } from "./model.js";
import type { Growth, PoolPolicy } from "./policy.js";

/** What progress looks at. */
export interface ProgressCounts {
  /** All pCPUs of the host, in pools or not. */
  readonly totalPcpus: number;
  /** pCPUs that pools hold. */
  readonly allocatedPcpus: number;
  readonly capacityMiB: number;
  readonly allocatedMiB: number;
}

/** MiB per pCPU; positive: nearer to the host's ratio than now. */
export function progressOf(host: ProgressCounts, growth: Growth): number {
  const { totalPcpus, allocatedPcpus, capacityMiB, allocatedMiB } = host;
  const optimal = capacityMiB / totalPcpus;
  const current = allocatedPcpus > 0 ? allocatedMiB / allocatedPcpus : optimal;
  const pcpus = allocatedPcpus + growth.pcpus;
  // A VM without vCPUs on an empty host moves nothing.
  const potential = pcpus > 0 ? (allocatedMiB + growth.memoryMiB) / pcpus : optimal;
  const gain = Math.abs(current - optimal) - Math.abs(potential - optimal);
  return gain < 0 ? gain * (1 + allocatedPcpus / totalPcpus) : gain;
}

/** The progress that a VM would make on a host in this state; MiB per pCPU. */
export function progress(host: HostState, policy: PoolPolicy, vm: VmSpec): number {
  const counts = {
    totalPcpus: policy.settings.topology.ids.length,
    allocatedPcpus: host.pools.reduce((sum, pool) => sum + pool.pcpus.length, 0),
    capacityMiB: host.memory.capacityMiB,
    allocatedMiB: host.memory.allocatedMiB,
  };
  return progressOf(counts, policy.growth(host, vm));
}
