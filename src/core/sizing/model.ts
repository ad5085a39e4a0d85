/**
 * What sizing counts with: VMs that come and go, hosts of one shape, and the order in which things happen. Events come in
 * order of time, arrivals before releases, in order of submission within each: a VM that leaves still blocks every arrival of
 * the same moment. Memory is what is reserved for the VM, which may be less than what was sold.
 */
import type { MiB, Ratio, Seconds } from "../units.js";
import type { VmUsage } from "../workload/usage.js";

/** A VM of an inventory or a workload; its place in the list is its order of submission, which decides ties. */
export interface SizedVm {
  /** As the user's file calls it. */
  readonly id: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  readonly ratio: Ratio;
  readonly arrival: Seconds;
  /** Infinity: it stays. */
  readonly departure: Seconds;
  /** How it uses what it was sold, where the file says so; sizing does not ask. */
  readonly usage?: VmUsage;
}

export interface SizedHost {
  readonly pcpus: number;
  readonly memoryMiB: MiB;
}

/** What VMs want that are alike to a host, as columns. */
export interface Needs {
  readonly count: number;
  readonly level: Uint8Array;
  readonly vcpus: Int32Array;
  readonly memoryMiB: Float64Array;
  /** How many VMs want it. */
  readonly vms: Int32Array;
}

/** The same as columns, for passes over tens of thousands of VMs. */
export interface VmColumns {
  readonly count: number;
  readonly vcpus: Int32Array;
  readonly memoryMiB: Float64Array;
  /** Place of the VM's ratio in `ratios`. */
  readonly level: Uint8Array;
  /** Every ratio that occurs, ascending. */
  readonly ratios: readonly Ratio[];
  /** Place of what the VM wants in `needs`. */
  readonly need: Int32Array;
  readonly needs: Needs;
  readonly arrival: Float64Array;
  /** In order: `vm` arrives, `~vm` is released. */
  readonly events: Int32Array;
}

/** Resources come free so long after a departure: what the published simulator needs to end a VM. */
const RELEASE_DELAY_SECONDS = 5;

const releaseTime = (departure: number): number => departure + RELEASE_DELAY_SECONDS;

export function columnsOf(vms: readonly SizedVm[]): VmColumns {
  const ratios = [...new Set(vms.map((vm) => vm.ratio))].sort((a, b) => a - b);
  const levelOf = new Map(ratios.map((ratio, level) => [ratio, level]));
  return {
    count: vms.length,
    vcpus: Int32Array.from(vms, (vm) => vm.vcpus),
    memoryMiB: Float64Array.from(vms, (vm) => vm.memoryMiB),
    level: Uint8Array.from(vms, (vm) => levelOf.get(vm.ratio)!),
    ratios,
    ...needsOf(vms, levelOf),
    arrival: Float64Array.from(vms, (vm) => vm.arrival),
    events: eventsOf(vms),
  };
}

function needsOf(
  vms: readonly SizedVm[],
  levelOf: ReadonlyMap<Ratio, number>,
): { readonly need: Int32Array; readonly needs: Needs } {
  const places = new Map<string, number>();
  const firsts: SizedVm[] = [];
  const need = Int32Array.from(vms, (vm) => {
    const name = `${vm.ratio} ${vm.vcpus} ${vm.memoryMiB}`;
    const place = places.get(name) ?? firsts.push(vm) - 1;
    places.set(name, place);
    return place;
  });
  const counts = new Int32Array(firsts.length);
  for (const each of need) counts[each] = counts[each]! + 1;
  const needs = {
    count: firsts.length,
    level: Uint8Array.from(firsts, (vm) => levelOf.get(vm.ratio)!),
    vcpus: Int32Array.from(firsts, (vm) => vm.vcpus),
    memoryMiB: Float64Array.from(firsts, (vm) => vm.memoryMiB),
    vms: counts,
  };
  return { need, needs };
}

function eventsOf(vms: readonly SizedVm[]): Int32Array {
  const arrivals = vms.map((vm, index) => ({ at: vm.arrival as number, release: 0, index }));
  const releases = vms.flatMap((vm, index) =>
    vm.departure === Number.POSITIVE_INFINITY ? [] : [{ at: releaseTime(vm.departure), release: 1, index }],
  );
  const inOrder = [...arrivals, ...releases].sort((a, b) => a.at - b.at || a.release - b.release || a.index - b.index);
  return Int32Array.from(inOrder, ({ release, index }) => (release === 1 ? ~index : index));
}
