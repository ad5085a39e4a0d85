/**
 * Bid prices: what a VM takes from what could still be sold of the host, in hosts, negated; between -1 and 0. A host that is left with one
 * resource and without the other is worth little, and loses little. What is free counts by volume (a vCPU at 2:1 is half a pCPU), since VMs
 * that stand alone in a pool now will share it with the next. The prices are of a forecast, or of what was learnt (prices.ts), worked out
 * beforehand: a score is two looks into a table. Hosts of other sizes than the one that was priced are seen in proportion.
 */
import type { HostClass, Weigher } from "../../model.js";
import { type Worth, worthOfRoom } from "./prices.js";

/** Equal hosts differ by rounding otherwise, and ties would be decided by it. */
const STEPS = 1e9;

const NAME = "bid";

const share = (free: number, whole: number): number => (whole <= 0 ? 0 : free / whole);

export function bidWeigher(table: Worth): Weigher {
  const worth = (host: HostClass, freePcpus: number, freeMiB: number): number =>
    worthOfRoom(table, share(freePcpus, host.usablePcpus), share(freeMiB, host.memoryCapacityMiB));
  return {
    name: NAME,
    score({ host, shape, growthPcpus }) {
      let freePcpus = host.usablePcpus;
      for (const { ratio, allocatedVcpus } of host.pools) freePcpus -= allocatedVcpus / Math.max(1, ratio);
      const freeMiB = host.memoryCapacityMiB - host.memoryAllocatedMiB;
      // Under a template the VM carries no ratio: what its pools take is all that is known.
      const taken = shape.ratio === null ? growthPcpus : shape.vcpus / Math.max(1, shape.ratio);
      const lost = worth(host, freePcpus, freeMiB) - worth(host, freePcpus - taken, freeMiB - shape.memoryMiB);
      return -Math.round(lost * STEPS) / STEPS;
    },
  };
}

/** Until there are prices: every host is as good. */
export const unpricedBidWeigher: Weigher = { name: NAME, score: () => 0 };
