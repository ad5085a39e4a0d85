/**
 * The memory of a host (spec 1.3): one amount that grows by each request and shrinks with it, ratio 1.0. Decides whether a
 * request still fits, and keeps the list of the VMs that the host holds.
 */
import type { Refusal } from "../result.js";
import { type MiB, mib } from "../units.js";
import type { MemoryPool, VmSpec } from "./model.js";

export const emptyMemory = (capacityMiB: MiB): MemoryPool => ({ capacityMiB, allocatedMiB: mib(0), members: [] });

export const freeMemoryMiB = (memory: MemoryPool): number => memory.capacityMiB - memory.allocatedMiB;

/** Null when `vm` fits. */
export function memoryRefusal(memory: MemoryPool, vm: VmSpec): Refusal | null {
  const free = freeMemoryMiB(memory);
  if (vm.memoryMiB <= free) return null;
  const details = { resource: "mem", neededMiB: vm.memoryMiB, freeMiB: free, capacityMiB: memory.capacityMiB };
  if (vm.memoryMiB > memory.capacityMiB) {
    const reason = `VM "${vm.name}" needs ${vm.memoryMiB} MiB, the whole host has ${memory.capacityMiB} MiB for VMs`;
    return { code: "vm-larger-than-host", reason, details };
  }
  const reason = `VM "${vm.name}" needs ${vm.memoryMiB} MiB, ${free} of ${memory.capacityMiB} MiB are free`;
  return { code: "no-memory-capacity", reason, details };
}

export const withVm = (memory: MemoryPool, vm: VmSpec): MemoryPool => ({
  capacityMiB: memory.capacityMiB,
  allocatedMiB: mib(memory.allocatedMiB + vm.memoryMiB),
  members: [...memory.members, vm],
  opened: true,
});

/** `vm` must be one of the members, by identity. */
export const withoutVm = (memory: MemoryPool, vm: VmSpec): MemoryPool => ({
  capacityMiB: memory.capacityMiB,
  allocatedMiB: mib(memory.allocatedMiB - vm.memoryMiB),
  members: memory.members.filter((member) => member !== vm),
  opened: true,
});

export function vmNamed(memory: MemoryPool, name: string): VmSpec | undefined {
  for (const vm of memory.members) if (vm.name === name) return vm;
  return undefined;
}

/** Whether the seeds would list a memory pool for this host. */
export const memoryPoolExists = (memory: MemoryPool): boolean => memory.opened === true || memory.members.length > 0;
