/** A workload as what happens, in order of time: arrivals, and the departures of VMs that leave before it ends. */
import type { WorkloadVm } from "./generate.js";

export type Happening =
  | { readonly kind: "arrive"; readonly at: number; readonly vm: WorkloadVm }
  | { readonly kind: "leave"; readonly at: number; readonly vm: WorkloadVm };

/** `vms` in order of arrival. Of the same moment, arrivals come first. Holds only VMs that are there. */
export function* happeningsOf(vms: Iterable<WorkloadVm>): Generator<Happening> {
  const leaving = new Map<number, WorkloadVm[]>();
  const leaveBefore = function* (at: number): Generator<Happening> {
    const due = [...leaving.keys()].filter((time) => time < at).sort((a, b) => a - b);
    for (const time of due) {
      for (const vm of leaving.get(time)!) yield { kind: "leave", at: time, vm };
      leaving.delete(time);
    }
  };
  for (const vm of vms) {
    yield* leaveBefore(vm.arrival);
    yield { kind: "arrive", at: vm.arrival, vm };
    if (vm.permanent) continue;
    const others = leaving.get(vm.departure);
    if (others === undefined) leaving.set(vm.departure, [vm]);
    else others.push(vm);
  }
  yield* leaveBefore(Number.POSITIVE_INFINITY);
}
