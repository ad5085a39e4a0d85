/** What an empty host of 16 pCPUs and 64 GiB reports. */
import { mib } from "../../src/core/units.js";
import type { HostReport } from "../../src/ports/agent-client.js";

const MEMORY = mib(65_536);

export const reportOf = (host: string, machineId = `machine-of-${host}`): HostReport => ({
  status: {
    host,
    policy: "headroom",
    template: null,
    hypervisor: { uri: "fake:///", connected: true, accelerator: "fake" },
    generation: 1,
    cordoned: false,
    pcpus: { total: 16, reserved: 0, free: 16, inPools: 0 },
    memory: { capacityMiB: MEMORY, allocatedMiB: mib(0), freeMiB: MEMORY },
    usage: { cpuPcpus: null, memoryMiB: null },
    pools: [],
    vmCount: 0,
    lastTick: null,
    problems: [],
    machineId,
    bootId: null,
    instance: `instance-of-${host}`,
    ready: true,
    labels: {},
    counts: {
      policy: "headroom",
      template: null,
      criticalSize: 0,
      totalPcpus: 16,
      usablePcpus: 16,
      freePcpus: 16,
      memoryCapacityMiB: MEMORY,
      memoryAllocatedMiB: mib(0),
      pools: [],
    },
    ratiosOffered: null,
    migrationAddress: null,
    images: null,
  },
  vms: [],
});
