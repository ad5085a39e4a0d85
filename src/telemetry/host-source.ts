/**
 * Where the host's own values come from: its files where the probe runs on it, else what its hypervisor says of it, which is its
 * size and its memory; for a simulated host also how busy its world is. Absent values are absent.
 */
import { hostValues } from "../core/telemetry/linux/host-values.js";
import type { Values } from "../core/telemetry/reading.js";
import type { HostFiles } from "../core/topology/host-files.js";
import type { HostProbe } from "../ports/host.js";
import type { Hypervisor } from "../ports/hypervisor.js";

export type HostSource = () => Promise<Values>;

const KIB_PER_MIB = 1024;

export const ownHost =
  (files: HostFiles): HostSource =>
  async () =>
    hostValues(files);

export const remoteHost =
  (hypervisor: Pick<Hypervisor, "host" | "memory">): HostSource =>
  async () => {
    const [{ pcpus, memoryMiB }, memory] = await Promise.all([hypervisor.host(), hypervisor.memory()]);
    const size = { cpu_total: pcpus.length, memory_total: (memory?.totalMiB ?? memoryMiB) * KIB_PER_MIB };
    return memory === null ? size : { ...size, memory_available: memory.availableMiB * KIB_PER_MIB };
  };

/** Busy time counts as user time: a simulated host has no kernel. */
export const simulatedHost =
  (hypervisor: Pick<Hypervisor, "host" | "memory">, probe: HostProbe): HostSource =>
  async () => {
    const [values, sample] = await Promise.all([remoteHost(hypervisor)(), probe.sample()]);
    if (sample === null) return values;
    return {
      ...values,
      cpu_user: Number(sample.cpuBusyNs),
      cpu_kernel: 0,
      memory_total: sample.memoryTotalMiB * KIB_PER_MIB,
      memory_available: sample.memoryAvailableMiB * KIB_PER_MIB,
    };
  };
