/**
 * SlackVM's progress (spec 1.4): how far the VM moves the host's memory per pCPU towards the host's own ratio, in MiB per pCPU, by
 * the same function as the agents. The choice of the policy `slackvm`.
 */
import { progressOf } from "../../../pool/progress.js";
import type { Weigher } from "../../model.js";

export const progressWeigher: Weigher = {
  name: "progress",
  score({ host, shape, growthPcpus }) {
    let allocatedPcpus = 0;
    for (const pool of host.pools) allocatedPcpus += pool.pcpus;
    const counts = {
      totalPcpus: host.totalPcpus,
      allocatedPcpus,
      capacityMiB: host.memoryCapacityMiB,
      allocatedMiB: host.memoryAllocatedMiB,
    };
    return progressOf(counts, { pcpus: growthPcpus, memoryMiB: shape.memoryMiB });
  },
};
