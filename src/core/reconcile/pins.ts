/**
 * Which vCPUs are pinned otherwise than planned. Compares the plan with what the hypervisor answered, vCPU by vCPU; vCPUs
 * beyond those that the VM was sold (hot-plugged by hand) get the set of its last one, so that none runs outside its pool.
 */
import { type CpuSet, EMPTY_CPU_SET, equalCpuSets, subtractCpuSets } from "../cpuset.js";
import type { VmPins } from "../pool/model.js";
import type { PinChange } from "./model.js";

/**
 * `observed` may hold fewer VMs than the plan (only those that were read) and more (not ours to pin): both are left alone.
 * `within`: a pin to a part of the planned set is as good, as where a balancer narrows them.
 */
export function differingPins(planned: VmPins, observed: VmPins, within = false): PinChange[] {
  const changes: PinChange[] = [];
  for (const [vm, actual] of observed) {
    const wanted = planned.get(vm);
    if (wanted === undefined || wanted.length === 0) continue;
    for (let vcpu = 0; vcpu < actual.length; vcpu++) {
      const to = wanted[vcpu] ?? wanted[wanted.length - 1]!;
      const from = actual[vcpu]!;
      const isFine = within ? from.length > 0 && subtractCpuSets(from, to).length === 0 : equalCpuSets(from, to);
      if (!isFine) changes.push({ vm, vcpu, from, to });
    }
  }
  return changes;
}

/**
 * What has to move between two plans; a VM (or vCPU) that only the second holds comes from the empty set, one that only
 * the first holds does not appear.
 */
export function movesBetween(before: VmPins, after: VmPins): PinChange[] {
  const changes: PinChange[] = [];
  for (const [vm, wanted] of after) {
    const was = before.get(vm);
    if (was === wanted) continue;
    for (let vcpu = 0; vcpu < wanted.length; vcpu++) {
      const from = was?.[vcpu] ?? EMPTY_CPU_SET;
      const to = wanted[vcpu]!;
      if (!equalCpuSets(from, to)) changes.push({ vm, vcpu, from, to });
    }
  }
  return changes;
}

/** Sets that planned and applied agree on: a difference from them was made by somebody else. */
export const samePins = (a: readonly CpuSet[] | undefined, b: readonly CpuSet[] | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.length === b.length &&
    a.every((set, index) => equalCpuSets(set, b[index]!)));
