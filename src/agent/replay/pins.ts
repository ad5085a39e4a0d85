/** Pins of a replayed host as they are written and counted. */
import { type CpuSet, EMPTY_CPU_SET, equalCpuSets, formatCpuSet } from "../../core/cpuset.js";
import type { VmPins } from "../../core/pool/model.js";

/** With the last pins of vCPUs that left their pool while the VM stayed in others; VMs without any pinned vCPU are left out. */
export function withStrayPins(pins: VmPins, stray: ReadonlyMap<string, readonly CpuSet[]>): VmPins {
  const out = new Map<string, readonly CpuSet[]>();
  for (const [vm, sets] of pins) {
    if (!sets.some((set) => set.length > 0)) continue;
    const last = stray.get(vm);
    out.set(vm, last === undefined ? sets : sets.map((set, i) => (set.length > 0 ? set : (last[i] ?? EMPTY_CPU_SET))));
  }
  return out;
}

/** Formats CPU sets; within one state the same few sets come again and again. */
export function pinFormatter(): (set: CpuSet) => string {
  const texts = new Map<CpuSet, string>();
  return (set) => {
    const known = texts.get(set);
    if (known !== undefined) return known;
    const text = formatCpuSet(set);
    texts.set(set, text);
    return text;
  };
}

/** vCPUs whose pins differ, among those of VMs that are in both. */
export function countPinChanges(before: VmPins, after: VmPins): number {
  let changes = 0;
  let lastBefore: CpuSet | undefined;
  let lastAfter: CpuSet | undefined;
  let lastEqual = true;
  for (const [vm, sets] of after) {
    const earlier = before.get(vm);
    if (earlier === undefined) continue;
    for (let i = 0; i < sets.length && i < earlier.length; i++) {
      // vCPUs of a pool share their set: most comparisons repeat the one before.
      if (sets[i] !== lastAfter || earlier[i] !== lastBefore) {
        lastAfter = sets[i]!;
        lastBefore = earlier[i]!;
        lastEqual = equalCpuSets(lastBefore, lastAfter);
      }
      if (!lastEqual) changes += 1;
    }
  }
  return changes;
}
