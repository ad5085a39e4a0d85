/** Pins from pools: every vCPU is pinned to what its pool is pinned to. */
import { type CpuSet, EMPTY_CPU_SET } from "../cpuset.js";
import { type HostState, runsOn, type VmPins } from "./model.js";

/** One CPU set per vCPU of each VM that a pool holds; a vCPU that no pool holds has the empty set (never pinned). */
export function vcpuPins(host: HostState): VmPins {
  const pins = new Map<string, CpuSet[]>();
  for (const vm of host.memory.members) pins.set(vm.name, new Array<CpuSet>(vm.vcpus).fill(EMPTY_CPU_SET));
  for (const pool of host.pools) {
    for (const member of pool.members) {
      let sets = pins.get(member.vm);
      if (sets === undefined) {
        sets = [];
        pins.set(member.vm, sets);
      }
      for (const index of member.vcpuIndexes) {
        while (sets.length < index) sets.push(EMPTY_CPU_SET);
        sets[index] = runsOn(pool);
      }
    }
  }
  return pins;
}
