/**
 * How busy the machine itself is, from `/proc/stat`, `/proc/meminfo` and `/proc/pressure` (proc_stat(5), proc_meminfo(5), PSI). Guest time is
 * part of `user` and `nice` there already and is not added again. Memory comes from here and not from libvirt, whose
 * virNodeGetInfo misses hot-plugged memory.
 */

import type { HostFiles } from "../../core/topology/host-files.js";
import { mib } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { HostProbe, HostSample } from "../../ports/host.js";

/** USER_HZ is 100 on every Linux architecture that runs KVM. */
const NS_PER_TICK = 10_000_000n;
const KIB_PER_MIB = 1024;
/** Columns of the `cpu` line of /proc/stat. */
const IDLE_COLUMN = 3;
const IOWAIT_COLUMN = 4;
const STEAL_COLUMN = 7;

/** Null samples where there is no /proc; throws `host-unreadable` where it makes no sense. */
export function linuxHostProbe(files: HostFiles): HostProbe {
  return {
    async sample(): Promise<HostSample | null> {
      const stat = files.readText("/proc/stat");
      const meminfo = files.readText("/proc/meminfo");
      if (stat === null || meminfo === null) return null;
      return {
        cpuBusyNs: busyTicks(stat) * NS_PER_TICK,
        memoryTotalMiB: mib(Math.floor(kibOf(meminfo, "MemTotal") / KIB_PER_MIB)),
        memoryAvailableMiB: mib(Math.floor(kibOf(meminfo, "MemAvailable") / KIB_PER_MIB)),
        ...pressureOf(files.readText("/proc/pressure/cpu")),
      };
    },
  };
}

function busyTicks(stat: string): bigint {
  const line = /^cpu +(\d+(?: \d+)*) *$/m.exec(stat)?.[1];
  const columns = line?.split(" ") ?? [];
  if (columns.length <= IDLE_COLUMN) {
    throw new OperationalError("host-unreadable", "/proc/stat has no cpu line with user, nice, system and idle", false);
  }
  // Kernels before 2.6.33 have fewer columns; what follows `steal` is counted in `user` and `nice`.
  return columns
    .slice(0, STEAL_COLUMN + 1)
    .reduce(
      (sum, ticks, column) => (column === IDLE_COLUMN || column === IOWAIT_COLUMN ? sum : sum + BigInt(ticks)),
      0n,
    );
}

/** Kernels without pressure stall information (psi=0, before 4.20) have no such file. */
function pressureOf(text: string | null): { cpuPressure?: number } {
  const percent = /^some avg10=(\d+(?:\.\d+)?) /m.exec(text ?? "")?.[1];
  return percent === undefined ? {} : { cpuPressure: Number(percent) / 100 };
}

function kibOf(meminfo: string, field: string): number {
  const value = new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(meminfo)?.[1];
  if (value === undefined) throw new OperationalError("host-unreadable", `/proc/meminfo has no ${field}`, false);
  return Number(value);
}
