/** The definition and the mark that a VM's domain gets, from its record and its planned pins. */
import type { CpuSet } from "../core/cpuset.js";
import { ADOPTED_PREFIX, type VmRecord } from "../core/reconcile/model.js";
import { type MiB, mib, type Ratio } from "../core/units.js";
import type { DomainSpec, VmMetadata } from "../ports/hypervisor.js";
import type { AgentSettings } from "./settings.js";

export interface Maximum {
  readonly vcpus: number;
  readonly memoryMiB: MiB;
}

/** What a new VM may grow to while it runs; never beyond the host. */
export function liveMaximum(
  vm: Pick<VmRecord, "vcpus" | "memoryMiB">,
  settings: AgentSettings,
  hostPcpus: number,
): Maximum {
  return {
    vcpus: Math.max(vm.vcpus, Math.min(hostPcpus, Math.ceil(vm.vcpus * settings.liveVcpuFactor))),
    memoryMiB: mib(Math.ceil(vm.memoryMiB * settings.liveMemoryFactor)),
  };
}

/** A found domain is marked as adopted, so that it is not taken for one that Headroom made. */
export const markOf = (vm: VmRecord): VmMetadata => ({
  vcpuRatios: vm.vcpuRatios,
  perVcpu: vm.ratio === null,
  memoryMiB: vm.memoryMiB,
  requestId: vm.requestId ?? `${ADOPTED_PREFIX}${vm.uuid}`,
  image: vm.image,
  overlay: vm.overlay,
});

export const equalRatios = (a: readonly Ratio[], b: readonly Ratio[]): boolean =>
  a.length === b.length && a.every((ratio, index) => ratio === b[index]);

/** `disk`: path of the file that the guest boots from, links followed; null: it has none. */
export function domainSpecOf(vm: VmRecord, pins: readonly CpuSet[], maximum: Maximum, disk: string | null): DomainSpec {
  return {
    name: vm.name,
    uuid: vm.uuid,
    vcpus: vm.vcpus,
    memoryMiB: vm.memoryMiB,
    maximumVcpus: Math.max(vm.vcpus, maximum.vcpus),
    maximumMemoryMiB: mib(Math.max(vm.memoryMiB, maximum.memoryMiB)),
    // The format is never guessed from the contents: a guest could write a header that makes its disk name host files.
    disk: disk === null ? null : { path: disk, format: disk.endsWith(".raw") ? "raw" : "qcow2" },
    pins,
    metadata: markOf(vm),
  };
}
