/** What a VM asks of the CPU pools: which of its vCPUs go to the pool of which ratio, and whether it can be asked at all. */
import { plural } from "../plural.js";
import type { Refusal } from "../result.js";
import type { Ratio } from "../units.js";
import { vmNamed } from "./memory-pool.js";
import type { HostState, VmSpec } from "./model.js";
import type { PolicySettings } from "./policy.js";

/** vCPUs of one VM that are placed in one go. */
export interface VcpuRequest {
  readonly ratio: Ratio;
  readonly vcpuIndexes: readonly number[];
}

const shared: (readonly number[])[] = [];
/** Larger VMs get their own array: the shared ones are kept for the life of the process. */
const SHARED_SIZES = 512;

/** 0, 1, ... `count` - 1. */
function firstIndexes(count: number): readonly number[] {
  const known = shared[count];
  if (known !== undefined) return known;
  const made = Array.from({ length: count }, (_, index) => index);
  if (count < SHARED_SIZES) shared[count] = made;
  return made;
}

/** vCPU i goes to the pool of `template[i]`, those beyond its end to the last entry (spec 1.3). */
export const templateRatio = (template: readonly Ratio[], vcpu: number): Ratio =>
  template[Math.min(vcpu, template.length - 1)]!;

/** Per VM: one request for all vCPUs. Per vCPU (a template is set): one for each vCPU, in index order. */
export function requestsOf(vm: VmSpec, template: readonly Ratio[] | null): readonly VcpuRequest[] {
  const indexes = firstIndexes(vm.vcpus);
  if (template === null) return vm.ratio === null ? [] : [{ ratio: vm.ratio, vcpuIndexes: indexes }];
  return indexes.map((index) => ({ ratio: templateRatio(template, index), vcpuIndexes: [index] }));
}

/** A refusal that needs no look at the pools; null when there is none. */
export function requestRefusal(host: HostState, vm: VmSpec, settings: PolicySettings): Refusal | null {
  if (vmNamed(host.memory, vm.name) !== undefined)
    return { code: "name-taken", reason: `this host has a VM "${vm.name}" already`, details: { vm: vm.name } };
  const { template } = settings;
  if (template === null && (vm.ratio === null || !(vm.ratio >= 1 && vm.ratio < Number.POSITIVE_INFINITY)))
    return {
      code: "ratio-not-offered",
      reason: `VM "${vm.name}" asks for the ratio ${vm.ratio}; a ratio is a number from 1.0 upwards`,
      details: { ratio: vm.ratio },
    };
  if (template !== null && vm.ratio !== null)
    return {
      code: "ratio-not-offered",
      reason: `VM "${vm.name}" asks for the ratio ${vm.ratio}; on this host the template ${template.join(",")} decides`,
      details: { ratio: vm.ratio },
    };
  const usable = settings.topology.ids.length;
  if (vm.vcpus > usable)
    return {
      code: "vm-larger-than-host",
      reason: `VM "${vm.name}" has ${plural(vm.vcpus, "vCPU")}, the whole host has ${usable} pCPUs for VMs`,
      details: { resource: "cpu", vcpus: vm.vcpus, pcpus: usable },
    };
  return null;
}
