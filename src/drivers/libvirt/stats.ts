/** libvirt's bulk statistics and states as Headroom's: KiB become MiB here, and fields that are not there become nulls. */
import { type MiB, mib, type Seconds, seconds } from "../../core/units.js";
import type { DomainState, DomainStats, MemoryStats, VcpuStats } from "../../ports/hypervisor.js";
import { type DomainStatsRecord, type Parameters, uuidText } from "./wire-types.js";

/** More vCPUs than any hypervisor gives one guest; a daemon that says more is not believed. */
const MOST_VCPUS = 8192;
const SHUTOFF = 5;
const SHUTOFF_CRASHED = 3;

/** `virDomainState` and its reason. A guest that is blocked, or about to shut down, still holds its pCPUs: running. */
export function domainState(state: number, reason: number): DomainState {
  if (state === SHUTOFF) return reason === SHUTOFF_CRASHED ? "crashed" : "stopped";
  if (state === 1 || state === 2 || state === 4) return "running";
  if (state === 3) return "paused";
  return state === 6 ? "crashed" : "other";
}

export const mibOfKiB = (kib: number): MiB => mib(kib / 1024);

export function statsOf({ domain, parameters }: DomainStatsRecord): DomainStats {
  const state = domainState(numberOf(parameters, "state.state") ?? 0, numberOf(parameters, "state.reason") ?? 0);
  const active = domain.id >= 0;
  return {
    name: domain.name,
    uuid: uuidText(domain.uuid),
    state,
    // libvirt goes on telling the last reading of a guest that has stopped.
    cpuTimeNs: (active ? nanoseconds(parameters, "cpu.time") : null) ?? 0n,
    ...(active ? cpuParts(parameters) : {}),
    vcpus: active ? vcpusOf(parameters) : [],
    memory: active ? memoryOf(parameters) : null,
  };
}

function cpuParts(parameters: Parameters): Pick<DomainStats, "cpuUserNs" | "cpuSystemNs" | "onlineVcpus"> {
  const [user, system] = [nanoseconds(parameters, "cpu.user"), nanoseconds(parameters, "cpu.system")];
  const online = numberOf(parameters, "vcpu.current");
  return {
    ...(user === null ? {} : { cpuUserNs: user }),
    ...(system === null ? {} : { cpuSystemNs: system }),
    ...(online === null ? {} : { onlineVcpus: online }),
  };
}

const VCPU_OFFLINE = 0;

/** libvirt lists online vCPUs only; the gaps up to the maximum are the offline ones. */
function vcpusOf(parameters: Parameters): readonly VcpuStats[] {
  const count = Math.min(numberOf(parameters, "vcpu.maximum") ?? 0, MOST_VCPUS);
  const vcpus: VcpuStats[] = [];
  for (let index = 0; index < count; index++) {
    const state = numberOf(parameters, `vcpu.${index}.state`);
    vcpus.push({
      index,
      online: state !== null && state !== VCPU_OFFLINE,
      timeNs: nanoseconds(parameters, `vcpu.${index}.time`) ?? 0n,
      delayNs: nanoseconds(parameters, `vcpu.${index}.delay`),
    });
  }
  return vcpus;
}

function memoryOf(parameters: Parameters): MemoryStats | null {
  const current = memory(parameters, "balloon.current");
  const maximum = memory(parameters, "balloon.maximum");
  if (current === null || maximum === null) return null;
  return {
    currentMiB: current,
    maximumMiB: maximum,
    unusedMiB: memory(parameters, "balloon.unused"),
    availableMiB: memory(parameters, "balloon.available"),
    usableMiB: memory(parameters, "balloon.usable"),
    swapInMiB: memory(parameters, "balloon.swap_in"),
    swapOutMiB: memory(parameters, "balloon.swap_out"),
    lastUpdate: lastUpdate(parameters),
    rssMiB: memory(parameters, "balloon.rss"),
    ...guestCounts(parameters),
  };
}

const GUEST_COUNTS = [
  ["majorFaults", "balloon.major_fault"],
  ["minorFaults", "balloon.minor_fault"],
  ["hugetlbAllocations", "balloon.hugetlb_pgalloc"],
  ["hugetlbFailures", "balloon.hugetlb_pgfail"],
] as const;
type GuestCount = (typeof GUEST_COUNTS)[number][0];

function guestCounts(parameters: Parameters): Pick<MemoryStats, GuestCount | "diskCachesMiB"> {
  const counts: { -readonly [K in GuestCount | "diskCachesMiB"]?: MemoryStats[K] } = {};
  for (const [key, field] of GUEST_COUNTS) {
    const value = numberOf(parameters, field);
    if (value !== null) counts[key] = value;
  }
  const caches = memory(parameters, "balloon.disk_caches");
  if (caches !== null) counts.diskCachesMiB = caches;
  return counts;
}

/** QEMU gives 0 until the guest's first report. */
function lastUpdate(parameters: Parameters): Seconds | null {
  const stamp = numberOf(parameters, "balloon.last-update");
  return stamp === null || stamp === 0 ? null : seconds(stamp);
}

function memory(parameters: Parameters, field: string): MiB | null {
  const kib = numberOf(parameters, field);
  return kib === null ? null : mibOfKiB(kib);
}

function numberOf(parameters: Parameters, field: string): number | null {
  const value = parameters.get(field);
  if (typeof value === "number") return value;
  return typeof value === "bigint" ? Number(value) : null;
}

function nanoseconds(parameters: Parameters, field: string): bigint | null {
  const value = parameters.get(field);
  if (typeof value === "bigint") return value;
  return typeof value === "number" ? BigInt(Math.trunc(value)) : null;
}
