/** Spread: the host with the most left of what it will be shortest of, 0 to 1. A failing host takes fewer VMs with it. */
import { cpuShareLeft, memoryShareLeft } from "../../fractions.js";
import type { Weigher } from "../../model.js";

export const spreadWeigher: Weigher = {
  name: "spread",
  score: (prospect) => Math.min(cpuShareLeft(prospect), memoryShareLeft(prospect)),
};
