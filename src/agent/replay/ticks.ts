/**
 * At which timestamps a replay has anything to decide: where a VM comes, has gone, or its records or those of its pools
 * begin or stop. At all others the state is the one before.
 */
import type { Presence } from "../../trace/presence.js";
import type { TraceIndex } from "../../trace/trace-index.js";

/** Ascending, all within the trace; the first timestamp is always one. */
export function decidingTicks(index: TraceIndex): readonly number[] {
  const ticks = new Set<number>(index.ticks.count > 0 ? [0] : []);
  const add = (presence: Presence): void => {
    for (const tick of presence.starts) ticks.add(tick);
    for (const tick of presence.ends) if (tick + 1 < index.ticks.count) ticks.add(tick + 1);
  };
  for (const pool of index.rows.cpuPools.values()) add(pool);
  add(index.rows.memory);
  for (const vm of index.rows.vms.values()) {
    for (const pool of vm.cpuPools.values()) add(pool);
    add(vm.memory);
    // Seen last in the cpu records of a pool that the presence above covers; removed one timestamp later.
    if (vm.lastSight >= 0 && vm.lastSight + 1 < index.ticks.count) ticks.add(vm.lastSight + 1);
  }
  return [...ticks].sort((a, b) => a - b);
}
