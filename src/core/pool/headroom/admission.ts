/**
 * Whether a VM fits a host: checks of the request, then of the pools' needs against the usable pCPUs, then of memory
 * (spec 1.3: CPU first). Counts decide alone: lent pCPUs can be claimed, so no layout of pools ever causes a refusal.
 */
import { assert } from "../../assert.js";
import { accept, type Refusal, type Result, refuse } from "../../result.js";
import type { Ratio } from "../../units.js";
import { exactRatio } from "../exact-ratio.js";
import type { MemoryPool, VmSpec } from "../model.js";
import type { PolicySettings } from "../policy.js";
import { type Demand, type PoolDraft, totalNeed } from "./draft.js";

/** The VM's vCPUs by ratio, from its own ratio or the host's template. Refuses `ratio-not-offered`. */
export function demandOf(settings: PolicySettings, vm: VmSpec): Result<Demand> {
  assert(Number.isInteger(vm.vcpus) && vm.vcpus > 0, `a VM has a whole number of vCPUs above 0, not ${vm.vcpus}`);
  assert(Number.isFinite(vm.memoryMiB) && vm.memoryMiB >= 0, `a VM has some MiB of memory, not ${vm.memoryMiB}`);
  const { template } = settings;
  if (template === null) {
    if (vm.ratio === null)
      return refuse("ratio-not-offered", `VM ${vm.name} asks for no ratio, and this host has no template`);
    return demandFrom(vm.vcpus, () => vm.ratio!);
  }
  if (vm.ratio !== null)
    return refuse(
      "ratio-not-offered",
      `VM ${vm.name} asks for ratio ${vm.ratio}, but this host's template decides it`,
      {
        ratio: vm.ratio,
      },
    );
  return demandFrom(vm.vcpus, (index) => template[Math.min(index, template.length - 1)]!);
}

/** Null where pools of this ratio can be. */
function ratioProblem(ratio: Ratio): string | null {
  if (!(ratio >= 1)) return `allocation ratio ${ratio}: expected a number from 1.0 upwards`;
  try {
    exactRatio(ratio);
    return null;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** Groups the vCPUs 0 ... `vcpus` - 1 by their ratio. Refuses ratios that have no exact fraction. */
export function demandFrom(vcpus: number, ratioOf: (index: number) => Ratio): Result<Demand> {
  const demand = new Map<Ratio, number[]>();
  for (let index = 0; index < vcpus; index++) {
    const ratio = ratioOf(index);
    const indexes = demand.get(ratio);
    if (indexes !== undefined) {
      indexes.push(index);
      continue;
    }
    const problem = ratioProblem(ratio);
    if (problem !== null) return refuse("ratio-not-offered", problem, { ratio });
    demand.set(ratio, [index]);
  }
  return accept(demand);
}

const withName = (vm: VmSpec, text: string): string => `VM ${vm.name}: ${text}`;

/** Null when the drafts fit `usable` pCPUs. */
export function cpuRefusal(vm: VmSpec, demand: Demand, drafts: readonly PoolDraft[], usable: number): Refusal | null {
  const needed = totalNeed(drafts);
  if (needed <= usable) return null;
  let alone = 0;
  for (const indexes of demand.values()) alone += indexes.length;
  // Alone on the host, each of its vCPUs has a pCPU of its own: the self rule.
  if (alone > usable) {
    const reason = withName(vm, `${alone} vCPUs need as many pCPUs, and pools may have ${usable} on this host`);
    return { code: "vm-larger-than-host", reason, details: { vcpus: alone, usablePcpus: usable } };
  }
  const reason = withName(vm, `all pools together would need ${needed} pCPUs, and may have ${usable}`);
  return { code: "no-cpu-capacity", reason, details: { neededPcpus: needed, usablePcpus: usable } };
}

/** Null when the VM's memory fits once `givenBackMiB` of it are taken off. */
export function memoryRefusal(vm: VmSpec, memory: MemoryPool, givenBackMiB: number): Refusal | null {
  const allocated = memory.allocatedMiB - givenBackMiB + vm.memoryMiB;
  if (allocated <= memory.capacityMiB) return null;
  const details = { memoryMiB: vm.memoryMiB, allocatedMiB: memory.allocatedMiB, capacityMiB: memory.capacityMiB };
  if (vm.memoryMiB > memory.capacityMiB) {
    const reason = withName(
      vm,
      `${vm.memoryMiB} MiB is more than the ${memory.capacityMiB} MiB that VMs may have here`,
    );
    return { code: "vm-larger-than-host", reason, details };
  }
  const reason = withName(vm, `${allocated} MiB would be allocated, and VMs may have ${memory.capacityMiB} MiB here`);
  return { code: "no-memory-capacity", reason, details };
}
