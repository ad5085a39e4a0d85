/**
 * Usage: the host with the most predicted CPU left, 0 to 1, from its estimate of the peak. A host without one counts with all
 * of its allocated vCPUs, at most one for each pCPU: caution, as for VMs with too little history.
 */
import { expectedPcpus } from "../../forecast.js";
import type { HostSummary, Weigher } from "../../model.js";

/** Estimates are noise below a few percent, and every step makes classes of hosts of its own. */
const STEPS = 32;

const bookedPcpus = ({ pools }: HostSummary): number =>
  pools.reduce((sum, pool) => sum + Math.min(pool.allocatedVcpus, pool.pcpus), 0);

const share = (needed: number, usable: number): number => (usable <= 0 ? 1 : Math.min(1, needed / usable));
const coarse = (value: number): number => Math.round(value * STEPS) / STEPS;

export const usageWeigher: Weigher = {
  name: "usage",
  fact: (host) => coarse(share(expectedPcpus(host) ?? bookedPcpus(host), host.usablePcpus)),
  score: (_, fact) => 1 - fact,
};

/** The same while estimates are shown and not followed. */
export const bookedUsageWeigher: Weigher = {
  ...usageWeigher,
  fact: (host) => coarse(share(bookedPcpus(host), host.usablePcpus)),
};
