/**
 * Usage: the host with the most predicted CPU left, 0 to 1, from its estimate of the peak. A host without one counts with all
 * of its allocated vCPUs, at most one for each pCPU: caution, as for VMs with too little history.
 */
import type { HostSummary, Weigher } from "../../model.js";

/** Estimates are noise below a few percent, and every step makes classes of hosts of its own. */
const STEPS = 32;

function predictedShare(host: HostSummary): number {
  if (host.usablePcpus <= 0) return 1;
  const booked = host.pools.reduce((sum, pool) => sum + Math.min(pool.allocatedVcpus, pool.pcpus), 0);
  return Math.min(1, (host.estimatedPcpus ?? booked) / host.usablePcpus);
}

export const usageWeigher: Weigher = {
  name: "usage",
  fact: (host) => Math.round(predictedShare(host) * STEPS) / STEPS,
  score: (_, fact) => 1 - fact,
};
