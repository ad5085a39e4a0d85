/**
 * The host's values (../metrics.ts) from its own files: proc_stat(5), proc_meminfo(5), Linux' sched-stats.rst and psi.rst, and
 * cpufreq in sysfs. What a kernel does not have, or says in a form that is not known here, is absent.
 */
import type { HostFiles } from "../../topology/host-files.js";
import type { Values } from "../reading.js";

/** USER_HZ is 100 on every Linux architecture that runs KVM. */
export const TICKS_PER_SECOND = 100;
const NS_PER_TICK = 1e9 / TICKS_PER_SECOND;

/** Columns of the `cpu` line of /proc/stat; guest time stands in user and nice already. */
const [USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL] = [0, 1, 2, 3, 4, 5, 6, 7];
const MEMINFO: readonly (readonly [field: string, key: string])[] = [
  ["MemTotal", "memory_total"],
  ["MemFree", "memory_free"],
  ["Buffers", "memory_buffers"],
  ["Cached", "memory_cached"],
  ["MemAvailable", "memory_available"],
];
const PRESSURES: readonly (readonly [file: string, extents: readonly string[]])[] = [
  // Of the whole machine, "full" means nothing for CPU: something always runs.
  ["cpu", ["some"]],
  ["memory", ["some", "full"]],
  ["io", ["some", "full"]],
];
const CPUFREQ = "/sys/devices/system/cpu/cpufreq";

export function hostValues(files: HostFiles): Values {
  const values: Record<string, number> = {};
  addStat(files, values);
  addMeminfo(files, values);
  addSchedstat(files, values);
  addPressure(files, values);
  addFrequencies(files, values);
  return values;
}

/** Seconds since the epoch when the machine was booted; null where /proc/stat does not say. */
export function bootTime(files: HostFiles): number | null {
  const found = /^btime (\d+)$/m.exec(files.readText("/proc/stat") ?? "")?.[1];
  return found === undefined ? null : Number(found);
}

type Into = Record<string, number>;

function addStat(files: HostFiles, values: Into): void {
  const stat = files.readText("/proc/stat") ?? "";
  const line = /^cpu +(\d[\d ]*)$/m.exec(stat)?.[1];
  if (line === undefined) return;
  const ticks = line.trim().split(" ").map(Number);
  const sum = (...columns: readonly (number | undefined)[]): number =>
    columns.reduce<number>((total, column) => total + (ticks[column ?? 0] ?? 0), 0) * NS_PER_TICK;
  values.cpu_total = stat.match(/^cpu\d+ /gm)?.length ?? 0;
  values.cpu_user = sum(USER, NICE);
  values.cpu_kernel = sum(SYSTEM, IRQ, SOFTIRQ);
  values.cpu_idle = sum(IDLE);
  if (ticks[IOWAIT!] !== undefined) values.cpu_iowait = sum(IOWAIT);
  if (ticks[STEAL!] !== undefined) values.cpu_steal = sum(STEAL);
}

function addMeminfo(files: HostFiles, values: Into): void {
  const meminfo = files.readText("/proc/meminfo");
  if (meminfo === null) return;
  for (const [field, key] of MEMINFO) {
    const kib = new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(meminfo)?.[1];
    if (kib !== undefined) values[key] = Number(kib);
  }
}

/** The last three of each pCPU's nine numbers, from version 15 on. */
function addSchedstat(files: HostFiles, values: Into): void {
  const lines = files.readText("/proc/schedstat")?.match(/^cpu\d+( \d+){9}$/gm) ?? [];
  if (lines.length === 0) return;
  let [runtime, waittime, timeslices] = [0, 0, 0];
  for (const line of lines) {
    const numbers = line.split(" ").slice(-3).map(Number);
    runtime += numbers[0]!;
    waittime += numbers[1]!;
    timeslices += numbers[2]!;
  }
  Object.assign(values, { sched_runtime: runtime, sched_waittime: waittime, sched_timeslices: timeslices });
}

function addPressure(files: HostFiles, values: Into): void {
  for (const [file, extents] of PRESSURES) {
    const text = files.readText(`/proc/pressure/${file}`);
    for (const extent of text === null ? [] : extents) {
      const total = new RegExp(`^${extent} .*\\btotal=(\\d+)$`, "m").exec(text ?? "")?.[1];
      if (total !== undefined) values[`pressure_${file}_${extent}`] = Number(total);
    }
  }
}

/** A policy is what pCPUs share that change their frequency together; virtual machines have none. */
function addFrequencies(files: HostFiles, values: Into): void {
  const policies = files.listFolder(CPUFREQ).filter((name) => /^policy\d+$/.test(name));
  const read = (file: string): readonly number[] =>
    policies.flatMap((policy) => {
      const text = files.readText(`${CPUFREQ}/${policy}/${file}`)?.trim() ?? "";
      return /^\d+$/.test(text) ? [Number(text)] : [];
    });
  const present = read("scaling_cur_freq");
  if (present.length > 0) values.cpu_freq = present.reduce((sum, kHz) => sum + kHz, 0) / present.length;
  const [lowest, highest] = [read("cpuinfo_min_freq"), read("cpuinfo_max_freq")];
  if (lowest.length > 0) values.cpu_minfreq = Math.min(...lowest);
  if (highest.length > 0) values.cpu_maxfreq = Math.max(...highest);
}
