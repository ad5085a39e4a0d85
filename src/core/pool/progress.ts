/**
 * Progress (spec 1.4): how much a candidate VM would move the host's memory per pCPU towards the host's own ratio. In
 * doubles, in the order of operations of the seeds: recorded values compare equal.
 */
import type { HostState, VmSpec } from "./model.js";
import type { PoolPolicy } from "./policy.js";

/** MiB per pCPU; positive: nearer to the host's ratio than now. */
export function progress(host: HostState, policy: PoolPolicy, vm: VmSpec): number {
  const totalPcpus = policy.settings.topology.ids.length;
  const allocatedPcpus = host.pools.reduce((sum, pool) => sum + pool.pcpus.length, 0);
  const allocatedMiB = host.memory.allocatedMiB;
  const optimal = host.memory.capacityMiB / totalPcpus;
  const current = allocatedPcpus > 0 ? allocatedMiB / allocatedPcpus : optimal;
  const growth = policy.growth(host, vm);
  const pcpus = allocatedPcpus + growth.pcpus;
  // A VM without vCPUs on an empty host moves nothing.
  const potential = pcpus > 0 ? (allocatedMiB + growth.memoryMiB) / pcpus : optimal;
  const gain = Math.abs(current - optimal) - Math.abs(potential - optimal);
  return gain < 0 ? gain * (1 + allocatedPcpus / totalPcpus) : gain;
}
