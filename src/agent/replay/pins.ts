/** Pins of a replayed host as they are written and counted. */
import { type CpuSet, EMPTY_CPU_SET, equalCpuSets, formatCpuSet } from "../../core/cpuset.js";
import type { HostState, VmPins } from "../../core/pool/model.js";

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

const texts = new WeakMap<CpuSet, string>();

/** A set as `0-3,8`; states share their sets, and the same few are written again and again. */
export function pinText(set: CpuSet): string {
  const known = texts.get(set);
  if (known !== undefined) return known;
  const text = formatCpuSet(set);
  texts.set(set, text);
  return text;
}

/** vCPUs that stayed in their pool and got another CPU set with it. */
export function countPinChanges(before: HostState, after: HostState): number {
  if (before === after) return 0;
  let changes = 0;
  for (const pool of after.pools) {
    const earlier = before.pools.find((one) => one.ratio === pool.ratio);
    if (earlier === undefined || equalCpuSets(earlier.pinnedTo, pool.pinnedTo)) continue;
    const stayed = new Set(earlier.members.map((member) => member.vm));
    for (const { vm, vcpuIndexes } of pool.members) if (stayed.has(vm)) changes += vcpuIndexes.length;
  }
  return changes;
}
