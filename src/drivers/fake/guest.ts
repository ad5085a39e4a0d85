/**
 * One domain of the fake host: its stored definition, and while it runs its live one with counters and memory. The
 * functions here answer what libvirt would say about it; world.ts changes it.
 */
import { type CpuSet, intersectCpuSets } from "../../core/cpuset.js";
import { mib } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type {
  DomainDetail,
  DomainSpec,
  DomainState,
  DomainStats,
  VcpuStats,
  VmMetadata,
} from "../../ports/hypervisor.js";
import {
  type Balloon,
  freshBalloon,
  lastReportMs,
  type MemoryTraits,
  memoryStats,
  moveBalloon,
  ORDINARY_MEMORY,
  withReport,
} from "./balloon.js";
import type { CpuCounters, Runner } from "./cpu-meter.js";
import { type CpuDemand, cpuDemand, memoryInUseMiB, seedOf, type UsageProfile } from "./usage-profile.js";

/** A domain's definition; unlike a `DomainSpec` it need not be Headroom's. `pins` holds one set per possible vCPU. */
export type Definition = Omit<DomainSpec, "metadata"> & { readonly metadata: VmMetadata | null };

/** What a guest can and cannot do. */
export interface GuestTraits extends MemoryTraits {
  /** False: asking it to shut down does nothing, as with a guest without ACPI. */
  readonly obeysShutdown: boolean;
  readonly shutdownMs: number;
  /** False: vCPUs can be added but not taken away while it runs. */
  readonly vcpuUnplug: boolean;
}

export const ORDINARY_TRAITS: GuestTraits = {
  ...ORDINARY_MEMORY,
  obeysShutdown: true,
  shutdownMs: 2000,
  vcpuUnplug: true,
};

export interface Live extends CpuCounters {
  definition: Definition;
  readonly bootMs: number;
  /** Set while the guest shuts down. */
  stopsAtMs: number | null;
  paused: boolean;
  /** Paused for a hand-over from or to another host. */
  moving: boolean;
  balloon: Balloon;
  /** Up to when the balloon was moved. */
  balloonAtMs: number;
  demand: CpuDemand;
}

export interface Guest {
  stored: Definition;
  persistent: boolean;
  crashed: boolean;
  live: Live | null;
  readonly seed: number;
  profile: UsageProfile;
  readonly traits: GuestTraits;
}

/** A definition as the world keeps it: checked, one pin per possible vCPU (`everywhere` where none is given). */
export function completeDefinition(definition: Definition, everywhere: CpuSet): Definition {
  const { name, vcpus, maximumVcpus, memoryMiB, maximumMemoryMiB } = definition;
  const sound = vcpus >= 1 && maximumVcpus >= vcpus && memoryMiB > 0 && maximumMemoryMiB >= memoryMiB;
  if (!sound) {
    throw failed(
      `domain ${name}: ${vcpus} of ${maximumVcpus} vCPUs and ${memoryMiB} of ${maximumMemoryMiB} MiB are no definition`,
    );
  }
  const pins = Array.from({ length: maximumVcpus }, (_, vcpu) => definition.pins[vcpu] ?? everywhere);
  return { ...definition, pins };
}

/** The domain as it stands right after power-on. Throws when a vCPU has no pCPU of this host to run on. */
export function boot(guest: Guest, nowMs: number, hostPcpus: CpuSet): Live {
  const { stored } = guest;
  const pins = stored.pins.map((pcpus, vcpu) => pinOnHost(stored.name, vcpu, pcpus, hostPcpus));
  return {
    definition: { ...stored, pins },
    bootMs: nowMs,
    stopsAtMs: null,
    paused: false,
    moving: false,
    balloon: freshBalloon(stored.memoryMiB, stored.maximumMemoryMiB),
    balloonAtMs: nowMs,
    demand: cpuDemand(guest.profile.cpu, guest.seed),
    timeNs: new Float64Array(stored.maximumVcpus),
    delayNs: new Float64Array(stored.maximumVcpus),
  };
}

/** pCPUs that the host lacks are dropped, as the kernel does; none left is an error, as with sched_setaffinity. */
export function pinOnHost(name: string, vcpu: number, pcpus: CpuSet, hostPcpus: CpuSet): CpuSet {
  const kept = intersectCpuSets(pcpus, hostPcpus);
  if (kept.length === 0) throw failed(`domain ${name}: none of the pCPUs for vCPU ${vcpu} is on this host`);
  return kept.length === pcpus.length ? pcpus : kept;
}

export function newGuest(definition: Definition, worldSeed: number, profile: UsageProfile, traits: GuestTraits): Guest {
  const seed = seedOf(worldSeed, definition.name);
  return { stored: definition, persistent: true, crashed: false, live: null, seed, profile, traits };
}

export function stateOf(guest: Guest): DomainState {
  if (guest.live) return guest.live.paused ? "paused" : "running";
  return guest.crashed ? "crashed" : "stopped";
}

/** Its vCPUs that want pCPUs. */
export function runnersOf(guest: Guest): readonly Runner[] {
  const live = guest.live;
  if (!live || live.paused) return [];
  const { vcpus, pins } = live.definition;
  return Array.from({ length: vcpus }, (_, vcpu) => ({
    guest: guest.stored.name,
    vcpu,
    pcpus: pins[vcpu]!,
    demand: live.demand,
    bootMs: live.bootMs,
    counters: live,
  }));
}

/** Moves the balloon on to `nowMs`, by way of the guest's last report before. */
export function settleMemory(guest: Guest, nowMs: number): void {
  const live = guest.live;
  if (!live || nowMs <= live.balloonAtMs) return;
  const reportMs = guest.traits.balloonDriver && !live.paused ? lastReportMs(live.balloon, nowMs) : null;
  if (reportMs !== null && reportMs > live.balloonAtMs) {
    moveTo(guest, live, reportMs);
    live.balloon = withReport(live.balloon, inUseAt(guest, live, reportMs), reportMs, guest.traits);
  }
  moveTo(guest, live, nowMs);
}

function moveTo(guest: Guest, live: Live, atMs: number): void {
  const elapsedSeconds = (atMs - live.balloonAtMs) / 1000;
  const { traits } = guest;
  const able = live.paused ? { ...traits, balloonDriver: false } : traits;
  live.balloon = moveBalloon(live.balloon, inUseAt(guest, live, atMs), elapsedSeconds, able);
  live.balloonAtMs = atMs;
}

const inUseAt = (guest: Guest, live: Live, atMs: number): number =>
  memoryInUseMiB(guest.profile.memory, live.definition.memoryMiB, atMs, live.bootMs);

/** Statistics of the time to which counters and memory have been brought. */
export function statsOf(guest: Guest): DomainStats {
  const { name, uuid } = guest.stored;
  const live = guest.live;
  const state = stateOf(guest);
  if (!live) return { name, uuid, state, cpuTimeNs: 0n, vcpus: [], memory: null };
  const vcpus: VcpuStats[] = [];
  let cpuTimeNs = 0;
  for (let index = 0; index < live.definition.maximumVcpus; index++) {
    const timeNs = Math.floor(live.timeNs[index]!);
    cpuTimeNs += timeNs;
    vcpus.push({
      index,
      online: index < live.definition.vcpus,
      timeNs: BigInt(timeNs),
      delayNs: BigInt(Math.floor(live.delayNs[index]!)),
    });
  }
  return { name, uuid, state, cpuTimeNs: BigInt(cpuTimeNs), vcpus, memory: memoryStats(live.balloon) };
}

export function detailOf(guest: Guest): DomainDetail {
  const shown = guest.live?.definition ?? guest.stored;
  return {
    name: shown.name,
    uuid: shown.uuid,
    state: stateOf(guest),
    persistent: guest.persistent,
    vcpus: shown.vcpus,
    maximumVcpus: shown.maximumVcpus,
    memoryMiB: guest.live ? mib(Math.round(guest.live.balloon.currentMiB)) : shown.memoryMiB,
    maximumMemoryMiB: shown.maximumMemoryMiB,
    metadata: shown.metadata,
    disks: shown.disk ? [shown.disk.path] : [],
  };
}

export const failed = (message: string): OperationalError => new OperationalError("hypervisor-failed", message, false);
