/**
 * Usage per host, pool and VM from two readings of the hypervisor's counters: CPU in pCPUs, waiting (run delay) in pCPUs,
 * memory from the balloon. Pure: the agent keeps the last reading and hands it back.
 *
 * A counter that went back, or a name whose uuid changed, is a VM that started anew: it has no usage until the next reading.
 */
import type { CpuPool } from "../core/pool/model.js";
import { type MiB, type Milliseconds, mib, type Pcpus, pcpus } from "../core/units.js";
import type { HostSample } from "../ports/host.js";
import type { DomainStats, MemoryStats } from "../ports/hypervisor.js";
import type { VmUsage } from "./service.js";

/**
 * Readings closer than this are not compared: the hypervisor counts vCPU time in steps of 10 ms, so that over less than a
 * second one step would show as more than a hundredth of a pCPU.
 */
export const SHORTEST_WINDOW_MS = 1_000;

const NS_PER_MS = 1e6;

interface Counters {
  readonly uuid: string;
  readonly cpuTimeNs: bigint;
  readonly vcpus: ReadonlyMap<number, { readonly timeNs: bigint; readonly delayNs: bigint | null }>;
}

export interface UsageReading {
  readonly at: Milliseconds;
  /** By name. */
  readonly domains: ReadonlyMap<string, Counters>;
  readonly hostBusyNs: bigint | null;
}

/** Of one vCPU over the window, in pCPUs; null without two comparable readings. */
export interface VcpuUsage {
  readonly cpuPcpus: number | null;
  readonly waitPcpus: number | null;
}

export interface VmUsageDetail extends VmUsage {
  /** By vCPU index. */
  readonly vcpus: ReadonlyMap<number, VcpuUsage>;
}

export interface UsageReport {
  readonly vms: ReadonlyMap<string, VmUsageDetail>;
  /** The whole machine where it can be read, else the sum of the VMs. */
  readonly host: { readonly cpuPcpus: Pcpus | null; readonly memoryMiB: MiB | null };
}

export interface UsageState {
  readonly reading: UsageReading;
  readonly report: UsageReport;
  /** Names whose guest started anew since the reading before. */
  readonly restarted: readonly string[];
}

export const NO_USAGE: VmUsage = { cpuPcpus: null, waitPcpus: null, memoryMiB: null };

/** `at` is monotonic time. Within the shortest window the CPU figures of `previous` stand; memory is always fresh. */
export function measureUsage(
  previous: UsageState | null,
  stats: readonly DomainStats[],
  host: HostSample | null,
  at: Milliseconds,
): UsageState {
  const windowMs = previous === null ? 0 : at - previous.reading.at;
  const restarted = previous === null ? [] : stats.filter((domain) => startedAnew(previous, domain)).map((d) => d.name);
  const anew = new Set(restarted);
  const tooSoon = previous !== null && windowMs < SHORTEST_WINDOW_MS;
  const vms = new Map<string, VmUsageDetail>();
  for (const domain of stats) {
    const before = anew.has(domain.name) ? undefined : previous?.reading.domains.get(domain.name);
    vms.set(
      domain.name,
      tooSoon
        ? {
            ...(before && previous.report.vms.get(domain.name) ? previous.report.vms.get(domain.name)! : blank()),
            ...memory(domain.memory),
          }
        : { ...rates(before, domain, windowMs), ...memory(domain.memory) },
    );
  }
  const reading = tooSoon ? merged(previous.reading, stats, anew) : readCounters(stats, host, at);
  const cpuPcpus = tooSoon ? previous.report.host.cpuPcpus : hostCpu(previous?.reading ?? null, host, windowMs, vms);
  return { reading, report: { vms, host: { cpuPcpus, memoryMiB: hostMemory(host, stats) } }, restarted };
}

/** Sum over the pool's vCPUs that have a figure; null where none has. `without`: names of VMs that are left out. */
export function poolUsage(
  pool: CpuPool,
  report: UsageReport,
  without: ReadonlySet<string> = new Set(),
): { usagePcpus: Pcpus | null; waitPcpus: Pcpus | null } {
  let usage: number | null = null;
  let wait: number | null = null;
  for (const member of pool.members) {
    const vcpus = report.vms.get(member.vm)?.vcpus;
    if (vcpus === undefined || without.has(member.vm)) continue;
    for (const index of member.vcpuIndexes) {
      const vcpu = vcpus.get(index);
      usage = add(usage, vcpu?.cpuPcpus ?? null);
      wait = add(wait, vcpu?.waitPcpus ?? null);
    }
  }
  return { usagePcpus: usage === null ? null : pcpus(usage), waitPcpus: wait === null ? null : pcpus(wait) };
}

/** Balloon size less what the guest says is unused; null while it says nothing. */
export function usedMemoryMiB(stats: MemoryStats | null): MiB | null {
  if (stats === null || stats.unusedMiB === null) return null;
  return mib(Math.max(0, stats.currentMiB - stats.unusedMiB));
}

const blank = (): VmUsageDetail => ({ ...NO_USAGE, vcpus: new Map() });

const memory = (stats: MemoryStats | null): { memoryMiB: MiB | null } => ({ memoryMiB: usedMemoryMiB(stats) });

const add = (sum: number | null, value: number | null): number | null => (value === null ? sum : (sum ?? 0) + value);

function startedAnew(previous: UsageState, domain: DomainStats): boolean {
  const before = previous.reading.domains.get(domain.name);
  return before !== undefined && (before.uuid !== domain.uuid || domain.cpuTimeNs < before.cpuTimeNs);
}

function rates(before: Counters | undefined, domain: DomainStats, windowMs: number): Omit<VmUsageDetail, "memoryMiB"> {
  const vcpus = new Map<number, VcpuUsage>();
  if (before === undefined) return { cpuPcpus: null, waitPcpus: null, vcpus };
  let wait: number | null = null;
  for (const vcpu of domain.vcpus) {
    if (!vcpu.online) continue;
    const was = before.vcpus.get(vcpu.index);
    const one: VcpuUsage = {
      cpuPcpus: rate(was?.timeNs ?? null, vcpu.timeNs, windowMs),
      waitPcpus: rate(was?.delayNs ?? null, vcpu.delayNs, windowMs),
    };
    vcpus.set(vcpu.index, one);
    wait = add(wait, one.waitPcpus);
  }
  const cpu = rate(before.cpuTimeNs, domain.cpuTimeNs, windowMs);
  return { cpuPcpus: cpu === null ? null : pcpus(cpu), waitPcpus: wait === null ? null : pcpus(wait), vcpus };
}

/** A vCPU's own counter may go back alone (unplugged and plugged again): no figure, rather than a negative one. */
function rate(before: bigint | null, now: bigint | null, windowMs: number): number | null {
  if (before === null || now === null || now < before || windowMs <= 0) return null;
  return Number(now - before) / (windowMs * NS_PER_MS);
}

function readCounters(stats: readonly DomainStats[], host: HostSample | null, at: Milliseconds): UsageReading {
  return {
    at,
    domains: new Map(stats.map((domain) => [domain.name, countersOf(domain)])),
    hostBusyNs: host?.cpuBusyNs ?? null,
  };
}

function countersOf(domain: DomainStats): Counters {
  const vcpus = new Map(domain.vcpus.map((vcpu) => [vcpu.index, { timeNs: vcpu.timeNs, delayNs: vcpu.delayNs }]));
  return { uuid: domain.uuid, cpuTimeNs: domain.cpuTimeNs, vcpus };
}

/** An early reading moves the window of nobody; guests that went or started anew leave it, to enter at the next one. */
function merged(reading: UsageReading, stats: readonly DomainStats[], anew: ReadonlySet<string>): UsageReading {
  const names = new Set(stats.map((domain) => domain.name));
  const kept = [...reading.domains].filter(([name]) => names.has(name) && !anew.has(name));
  return kept.length === reading.domains.size ? reading : { ...reading, domains: new Map(kept) };
}

function hostCpu(
  before: UsageReading | null,
  host: HostSample | null,
  windowMs: number,
  vms: ReadonlyMap<string, VmUsageDetail>,
): Pcpus | null {
  if (host !== null) {
    const busy = rate(before?.hostBusyNs ?? null, host.cpuBusyNs, windowMs);
    return busy === null ? null : pcpus(busy);
  }
  let sum: number | null = null;
  for (const vm of vms.values()) sum = add(sum, vm.cpuPcpus);
  return sum === null ? null : pcpus(sum);
}

function hostMemory(host: HostSample | null, stats: readonly DomainStats[]): MiB | null {
  if (host !== null) return mib(host.memoryTotalMiB - host.memoryAvailableMiB);
  let sum: number | null = null;
  for (const domain of stats) sum = add(sum, domain.memory?.rssMiB ?? null);
  return sum === null ? null : mib(sum);
}
