/** What the record shows at one timestamp, in the words of the policies. */
import type { Sighting } from "../../core/pool/replayable.js";
import { ratioKey } from "../../core/pool/status.js";
import type { Ratio } from "../../core/units.js";
import type { TraceIndex } from "../../trace/trace-index.js";
import type { RecordedVms } from "./recorded-vms.js";

/** A CPU pool's name in a trace. */
export const poolName = (ratio: Ratio): string => `subset-${ratioKey(ratio)}`;

/** Builds sightings of one trace; asks for names of pools are frequent, and pools few. */
export function sightings(index: TraceIndex, vms: RecordedVms): (tick: number) => Sighting {
  const names = new Map<Ratio, string>();
  const nameOf = (ratio: Ratio): string => {
    const known = names.get(ratio) ?? poolName(ratio);
    names.set(ratio, known);
    return known;
  };
  const { cpuPools, memory } = index.rows;
  const cpuPoolsOf = (vm: string) => vms.byKey.get(vm)?.trace.cpuPools;
  return (tick) => ({
    poolSeen: (ratio) => cpuPools.get(nameOf(ratio))?.has(tick) ?? false,
    seenInPool: (vm, ratio) => cpuPoolsOf(vm)?.get(nameOf(ratio))?.has(tick) ?? false,
    seenInCpu(vm) {
      for (const presence of cpuPoolsOf(vm)?.values() ?? []) if (presence.has(tick)) return true;
      return false;
    },
    memorySeen: () => memory.has(tick),
    seenInMemory: (vm) => vms.byKey.get(vm)?.trace.memory.has(tick) ?? false,
  });
}
