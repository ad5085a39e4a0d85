/** Memory is not oversubscribed: the VM's has to be free. */
import type { ShapeFilter } from "../../model.js";

export const memoryFilter: ShapeFilter = {
  name: "memory",
  veto({ host: { memoryCapacityMiB, memoryAllocatedMiB }, shape: { memoryMiB } }) {
    const free = memoryCapacityMiB - memoryAllocatedMiB;
    if (memoryMiB <= free) return null;
    return () => `the VM needs ${memoryMiB} MiB, ${free} of ${memoryCapacityMiB} MiB are free`;
  },
};
