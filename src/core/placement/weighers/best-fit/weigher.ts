/**
 * Best fit: the host with the least left over. What is left is a vector, shares of pCPUs and of memory; 1 less its length,
 * so that a host that the VM fills on both sides gets 1 and an untouched one 0.
 */
import { cpuShareLeft, memoryShareLeft } from "../../fractions.js";
import type { Weigher } from "../../model.js";

export const bestFitWeigher: Weigher = {
  name: "best-fit",
  score(prospect) {
    const cpu = cpuShareLeft(prospect);
    const memory = memoryShareLeft(prospect);
    return 1 - Math.sqrt((cpu * cpu + memory * memory) / 2);
  },
};
