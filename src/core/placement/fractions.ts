/** Shares of a host that several weighers look at, between 0 and 1; 0 where a host has nothing of the resource. */
import type { HostClass, Prospect } from "./model.js";

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** Of the pCPUs that pools may take, those that no pool holds. */
export const freeCpuShare = (host: HostClass): number => share(host.freePcpus, host.usablePcpus);

export const freeMemoryShare = ({ memoryCapacityMiB, memoryAllocatedMiB }: HostClass): number =>
  share(memoryCapacityMiB - memoryAllocatedMiB, memoryCapacityMiB);

/** The same with the VM on it. */
export const cpuShareLeft = ({ host, growthPcpus }: Prospect): number =>
  share(host.freePcpus - growthPcpus, host.usablePcpus);

export const memoryShareLeft = ({ host, shape }: Prospect): number =>
  share(host.memoryCapacityMiB - host.memoryAllocatedMiB - shape.memoryMiB, host.memoryCapacityMiB);
