/** A domain's bulk statistics as values of a reading (core/telemetry/metrics.ts): the seed's keys and units, KiB and nanoseconds. */
import type { DomainStats, MemoryStats } from "../ports/hypervisor.js";

const KIB_PER_MIB = 1024;

/**
 * A domain that is being started, or whose monitor is busy, says less; what it does not say is no zero.
 * Nanoseconds pass 2^53 after 104 days of one pCPU; a double then still tells microseconds apart.
 */
export function domainValues(stats: DomainStats): Record<string, number> {
  const values: Record<string, number> = {};
  const counted = stats.vcpus.filter((vcpu) => vcpu.online).length;
  if (stats.vcpus.length > 0) values.cpu_alloc = stats.vcpus.length;
  if ((stats.onlineVcpus ?? counted) > 0) values.cpu_online = stats.onlineVcpus ?? counted;
  if (stats.cpuTimeNs > 0n) values.cpu_cputime = Number(stats.cpuTimeNs);
  if (stats.cpuUserNs !== undefined) values.cpu_usertime = Number(stats.cpuUserNs);
  if (stats.cpuSystemNs !== undefined) values.cpu_systemtime = Number(stats.cpuSystemNs);
  const delays = stats.vcpus.flatMap(({ delayNs }) => (delayNs === null ? [] : [Number(delayNs)]));
  if (delays.length > 0) values.cpu_waittime = delays.reduce((sum, delay) => sum + delay, 0);
  if (stats.memory !== null) addMemory(stats.memory, values);
  return values;
}

function addMemory(memory: MemoryStats, values: Record<string, number>): void {
  const kib: readonly (readonly [key: string, mib: number | null | undefined])[] = [
    ["memory_alloc", memory.currentMiB],
    ["memory_maximum", memory.maximumMiB],
    ["memory_rss", memory.rssMiB],
    ["memory_unused", memory.unusedMiB],
    ["memory_available", memory.availableMiB],
    ["memory_usable", memory.usableMiB],
    ["memory_diskcaches", memory.diskCachesMiB],
    ["memory_swapin", memory.swapInMiB],
    ["memory_swapout", memory.swapOutMiB],
  ];
  for (const [key, mib] of kib) if (mib !== null && mib !== undefined) values[key] = mib * KIB_PER_MIB;
  const asTheyAre: readonly (readonly [key: string, value: number | null | undefined])[] = [
    ["memory_majorfault", memory.majorFaults],
    ["memory_minorfault", memory.minorFaults],
    ["memory_hugetlbpgalloc", memory.hugetlbAllocations],
    ["memory_hugetlb_pgfail", memory.hugetlbFailures],
    ["memory_last_update", memory.lastUpdate],
  ];
  for (const [key, value] of asTheyAre) if (value !== null && value !== undefined) values[key] = value;
}
