/**
 * What a host is expected to need, as placement counts with it: the estimate of its peak, never below what was measured of late less a
 * margin (so that no more counts as free than is measured free, and the margin), never below what pools that are sold at
 * ratio 1 have booked, and with every VM that came since the estimate counting with its full size.
 */
import { type MiB, mib, type Pcpus, pcpus } from "../units.js";
import type { HostForecast, HostSummary, PoolCounts } from "./model.js";

/** One resource of an estimate, as it is told; in pCPUs or MiB. */
interface Told {
  readonly capacity: number;
  readonly booked: number;
  /** Null: withheld. */
  readonly need: number | null;
  /** Largest reading of the last window; null: none. */
  readonly peak: number | null;
}

export interface ToldEstimate {
  /** VMs that were there; 0 as well where nobody measures them. */
  readonly vms: number;
  readonly cpu: Told;
  readonly memory: Told;
}

/** What the host's pools had allocated when the estimate came. */
export interface AllocatedThen {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

const bounded = ({ capacity, need, peak }: Told, margin: number): number | null =>
  need === null ? null : Math.max(0, need, (peak ?? 0) - margin * capacity);

/** `margin`: a share of the host. */
export function forecastOf(told: ToldEstimate, then: AllocatedThen, margin: number): HostForecast {
  const cpu = bounded(told.cpu, margin);
  const memory = bounded(told.memory, margin);
  // What came between the measured window and now is in the allocations only; what does not run is in them as well.
  const known = (allocated: number, booked: number): number =>
    told.vms === 0 ? allocated : Math.min(allocated, booked);
  return {
    pcpus: cpu === null ? null : pcpus(cpu),
    memoryMiB: memory === null ? null : mib(memory),
    machineMemoryMiB: mib(told.memory.capacity),
    vcpusThen: known(then.vcpus, told.cpu.booked),
    memoryThenMiB: mib(known(then.memoryMiB, told.memory.booked)),
  };
}

export const allocatedVcpus = (pools: readonly PoolCounts[]): number =>
  pools.reduce((sum, pool) => sum + pool.allocatedVcpus, 0);

const bookedInFull = (pools: readonly PoolCounts[]): number => allocatedVcpus(pools.filter(({ ratio }) => ratio <= 1));

/** Null: no estimate. */
export function expectedPcpus({ forecast, pools }: HostSummary): Pcpus | null {
  if (forecast === null || forecast.pcpus === null) return null;
  const since = Math.max(0, allocatedVcpus(pools) - forecast.vcpusThen);
  return pcpus(Math.max(forecast.pcpus + since, bookedInFull(pools)));
}

/** Null: no estimate. */
export function expectedMemoryMiB({ forecast, memoryAllocatedMiB }: HostSummary): MiB | null {
  if (forecast === null || forecast.memoryMiB === null) return null;
  return mib(forecast.memoryMiB + Math.max(0, memoryAllocatedMiB - forecast.memoryThenMiB));
}
