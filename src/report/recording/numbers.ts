/** The numbers behind the figures of a recorded host, one row for each timestamp: what is drawn, and what is written as CSV. */
import type { Cell, NumberTable } from "../report.js";
import { meanOverPools, type PoolSeries, type Recording } from "./gather.js";

/** `pool 1:1`, as pools are called wherever people read. */
export const poolLabel = ({ ratio, name }: PoolSeries): string => (ratio === null ? name : `pool ${ratio}:1`);

type Column = readonly [name: string, valueAt: (tick: number) => Cell];

/** A row for each timestamp; those in which no column but the time has a value are left out. */
function byTime({ times }: Recording, columns: readonly Column[]): NumberTable {
  const rows = times
    .map((time, tick): readonly Cell[] => [time, ...columns.map(([, valueAt]) => valueAt(tick))])
    .filter((row) => row.some((cell, i) => i > 0 && cell !== null));
  return { columns: ["time_s", ...columns.map(([name]) => name)], rows };
}

const times = (a: number | null | undefined, b: number | null): number | null =>
  a === null || a === undefined || b === null ? null : a * b;

export const poolNumbers = (recording: Recording): NumberTable =>
  byTime(recording, [
    ...recording.pools.flatMap((pool): readonly Column[] => [
      [`${pool.name} usage_pcpus`, (tick) => pool.used[tick] ?? null],
      [`${pool.name} pcpus`, (tick) => pool.held[tick] ?? null],
    ]),
    ["mean usage_pcpus of pools", (tick) => meanOverPools(recording.pools, "used", tick)],
  ]);

/** `machinePcpus`: of the whole machine, where the recording counts fewer; null: the same. */
export const hostCpuNumbers = (recording: Recording, machinePcpus: number | null): NumberTable =>
  byTime(recording, [
    ["usage_pcpus", (tick) => times(recording.hostCpuShare[tick], recording.hostPcpus)],
    ...(machinePcpus === null
      ? []
      : [
          [
            `usage_pcpus of ${machinePcpus}`,
            (tick: number) => times(recording.hostCpuShare[tick], machinePcpus),
          ] as const,
        ]),
    ["pcpus", () => recording.hostPcpus],
  ]);

export const vmUsageNumbers = (recording: Recording): NumberTable =>
  byTime(
    recording,
    recording.pools.flatMap((pool): readonly Column[] => [
      [`${pool.name} mean share of a VM's vcpus`, (tick) => pool.vmShare[tick] ?? null],
      [`${pool.name} mean vcpus of a VM`, (tick) => pool.vmVcpus[tick] ?? null],
    ]),
  );

export const focusNumbers = (recording: Recording): NumberTable =>
  byTime(
    recording,
    [...recording.focus].map(([vm, series]): Column => [`${vm} usage_pcpus`, (tick) => series[tick] ?? null]),
  );

export const hostMemoryNumbers = (recording: Recording): NumberTable =>
  byTime(recording, [["share of the host's memory", (tick) => recording.hostMemoryShare[tick] ?? null]]);

export const vmMemoryNumbers = (recording: Recording): NumberTable =>
  byTime(recording, [
    ...recording.memoryPools.flatMap((pool): readonly Column[] => [
      [`${pool.name} allocated x host's share`, (tick) => times(pool.used[tick], pool.held[tick] ?? null)],
      [`${pool.name} allocated`, (tick) => pool.held[tick] ?? null],
    ]),
    ["used by VMs", (tick) => recording.vmMemoryUsed[tick] ?? null],
  ]);

export const countNumbers = (recording: Recording): NumberTable => {
  const countOf = (pool: PoolSeries, tick: number): Cell => (pool.held[tick] === null ? null : pool.vms[tick]!);
  return byTime(recording, [
    ...recording.pools.map((pool): Column => [`${pool.name} VMs`, (tick) => countOf(pool, tick)]),
    ["mean VMs of CPU pools", (tick) => meanOverPools(recording.pools, "vms", tick)],
    ["mean VMs of memory pools", (tick) => meanOverPools(recording.memoryPools, "vms", tick)],
  ]);
};
