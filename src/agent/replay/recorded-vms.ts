/**
 * The VMs of a recorded host as a replay places them, and when they come and go. Sizes: a trace's memory is in the recorder's
 * unit, see `MemoryUnit` (spec 3, unit trap).
 */
import type { VmSpec } from "../../core/pool/model.js";
import { mib, type Ratio, ratio } from "../../core/units.js";
import { decodeText } from "../../trace/input.js";
import { deployableVms, type TraceIndex } from "../../trace/trace-index.js";
import type { TraceVm } from "../../trace/vm-rows.js";
import type { MemoryUnit } from "./forms.js";

const KIB_PER_MIB = 1024;

export const memoryMiBOf = (config: number, unit: MemoryUnit): number =>
  Math.floor(unit === "KiB" ? config / KIB_PER_MIB : config);

export interface RecordedVm {
  /** `name` is unique within the trace: the recorded name, or the uuid where VMs share a name. */
  readonly spec: VmSpec;
  readonly trace: TraceVm;
  /** As recorded. */
  readonly name: string;
  readonly uuid: string;
}

export interface RecordedVms {
  readonly byKey: ReadonlyMap<string, RecordedVm>;
  readonly arrivals: ReadonlyMap<number, readonly RecordedVm[]>;
  /** By the tick at which they were seen last. */
  readonly lastSights: ReadonlyMap<number, readonly RecordedVm[]>;
}

function grouped(vms: readonly RecordedVm[], tickOf: (vm: TraceVm) => number): Map<number, RecordedVm[]> {
  const groups = new Map<number, RecordedVm[]>();
  for (const vm of vms) {
    const tick = tickOf(vm.trace);
    const group = groups.get(tick);
    if (group === undefined) groups.set(tick, [vm]);
    else group.push(vm);
  }
  return groups;
}

/** `perVcpu`: a template decides the ratios, not the record. */
export function recordedVms(index: TraceIndex, unit: MemoryUnit, perVcpu: boolean): RecordedVms {
  const traced = deployableVms(index);
  const uses = new Map<string, number>();
  for (const { lastRow } of traced) uses.set(lastRow!.name, (uses.get(lastRow!.name) ?? 0) + 1);
  const vms = traced.map((trace): RecordedVm => {
    const recordedName = trace.lastRow!.name;
    const name = decodeText(recordedName);
    const uuid = decodeText(trace.uuid);
    const recordedRatio: Ratio | null = perVcpu ? null : ratio(trace.lastCpuRow!.ratio!);
    const spec = {
      name: uses.get(recordedName) === 1 ? name : uuid,
      vcpus: trace.lastCpuRow!.config,
      memoryMiB: mib(memoryMiBOf(trace.lastMemRow!.config, unit)),
      ratio: recordedRatio,
    };
    return { spec, trace, name, uuid };
  });
  return {
    byKey: new Map(vms.map((vm) => [vm.spec.name, vm])),
    arrivals: grouped(vms, (vm) => vm.arrival),
    lastSights: grouped(vms, (vm) => vm.lastSight),
  };
}
