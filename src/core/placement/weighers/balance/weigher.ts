/**
 * Balance: how much nearer the VM brings the free shares of pCPUs and memory to each other, -1 to 1. A host that runs out of one
 * strands the other. SlackVM's progress asks the same of what is allocated; in shares, hosts of different sizes compare.
 */
import { cpuShareLeft, freeCpuShare, freeMemoryShare, memoryShareLeft } from "../../fractions.js";
import type { Weigher } from "../../model.js";

export const balanceWeigher: Weigher = {
  name: "balance",
  score(prospect) {
    const before = Math.abs(freeCpuShare(prospect.host) - freeMemoryShare(prospect.host));
    return before - Math.abs(cpuShareLeft(prospect) - memoryShareLeft(prospect));
  },
};
