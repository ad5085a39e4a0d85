/**
 * The memory of a fake guest: a virtio balloon that moves towards its target at a bounded speed, and what the guest's
 * balloon driver reports, in the names of libvirt's memory statistics (`unused` is the guest's MemFree, `usable` its
 * MemAvailable, `available` its MemTotal). What the guest says is from its last report, while the size of its balloon is
 * always of now. A guest squeezed below what it uses swaps, or, without a swap device, kills what used the memory.
 */
import { mib, seconds } from "../../core/units.js";
import type { MemoryStats } from "../../ports/hypervisor.js";

/** virtio-balloon moves 256 pages at a time; QEMU guests were seen to move 1 to 2 GiB a second when memory is free. */
const BALLOON_MIB_PER_SECOND = 1024;
/** What a Linux kernel keeps for itself: about 1.6 % of memory for page structures and some tens of MiB. */
export const kernelMiB = (memoryMiB: number): number => 24 + memoryMiB / 64;
/** Part of the page cache that the kernel counts as available (its own low watermarks are kept back). */
const RECLAIMABLE_SHARE = 0.9;
/** QEMU's own resident memory beside the guest's. */
const QEMU_MIB = 40;

/** How a guest deals with memory. */
export interface MemoryTraits {
  /** False: memory never moves and statistics never come. */
  readonly balloonDriver: boolean;
  /** What its driver does not do, whatever it is asked: give memory up (inflate), take it back (deflate). */
  readonly balloonRefuses: "nothing" | "inflate" | "deflate" | "both";
  /** Part of the memory neither used nor kept by the kernel that holds page cache. */
  readonly cacheShare: number;
  /** False: what does not fit is not swapped; what uses the memory is killed. */
  readonly swap: boolean;
}

export const ORDINARY_MEMORY: MemoryTraits = {
  balloonDriver: true,
  balloonRefuses: "nothing",
  cacheShare: 0.4,
  swap: true,
};

export interface Balloon {
  readonly maximumMiB: number;
  readonly targetMiB: number;
  readonly currentMiB: number;
  readonly swappedMiB: number;
  readonly swapInMiB: number;
  readonly swapOutMiB: number;
  /** How often the guest's kernel killed for want of memory, and whether it wants more than it has now. */
  readonly outOfMemory: number;
  readonly starved: boolean;
  /** Most the guest ever touched and has not given back. */
  readonly touchedMiB: number;
  /** Null: no period set, the guest says nothing. */
  readonly reports: { readonly periodSeconds: number; readonly sinceMs: number } | null;
  /** The last one; null: none yet. */
  readonly report: GuestReport | null;
}

export interface GuestReport {
  readonly atMs: number;
  readonly unusedMiB: number;
  readonly availableMiB: number;
  readonly usableMiB: number;
  readonly swapInMiB: number;
  readonly swapOutMiB: number;
}

export const freshBalloon = (currentMiB: number, maximumMiB: number): Balloon => ({
  maximumMiB,
  targetMiB: currentMiB,
  currentMiB,
  swappedMiB: 0,
  swapInMiB: 0,
  swapOutMiB: 0,
  outOfMemory: 0,
  starved: false,
  touchedMiB: 0,
  reports: null,
  report: null,
});

/** The balloon after `elapsedSeconds`, in a guest that now uses `inUseMiB`. Without a driver it never moves. */
export function moveBalloon(balloon: Balloon, inUseMiB: number, elapsedSeconds: number, traits: MemoryTraits): Balloon {
  const { balloonDriver, balloonRefuses } = traits;
  const reach = balloonDriver ? BALLOON_MIB_PER_SECOND * elapsedSeconds : 0;
  const up = balloonRefuses === "deflate" || balloonRefuses === "both" ? 0 : reach;
  const down = balloonRefuses === "inflate" || balloonRefuses === "both" ? 0 : reach;
  const wish = balloon.targetMiB - balloon.currentMiB;
  const currentMiB = balloon.currentMiB + Math.min(up, Math.max(-down, wish));
  const missing = Math.max(0, inUseMiB + kernelMiB(balloon.maximumMiB) - currentMiB);
  const swappedMiB = traits.swap ? missing : 0;
  const swapMove = swappedMiB - balloon.swappedMiB;
  const starved = missing > 0 && !traits.swap;
  const cache = cacheMiB(balloon, inUseMiB, traits);
  const resident = Math.min(currentMiB, inUseMiB + kernelMiB(balloon.maximumMiB) + cache);
  return {
    ...balloon,
    currentMiB,
    swappedMiB,
    swapOutMiB: balloon.swapOutMiB + Math.max(0, swapMove),
    swapInMiB: balloon.swapInMiB + Math.max(0, -swapMove),
    outOfMemory: balloon.outOfMemory + (starved && !balloon.starved ? 1 : 0),
    starved,
    touchedMiB: Math.min(currentMiB, Math.max(balloon.touchedMiB, resident)),
  };
}

function cacheMiB(balloon: Balloon, inUseMiB: number, { cacheShare }: MemoryTraits): number {
  return cacheShare * Math.max(0, balloon.currentMiB - kernelMiB(balloon.maximumMiB) - inUseMiB);
}

/** When the guest last reported, ms since the epoch; null: never yet. The first report comes after one period. */
export function lastReportMs(balloon: Balloon, nowMs: number): number | null {
  if (!balloon.reports) return null;
  const { periodSeconds, sinceMs } = balloon.reports;
  const periods = Math.floor((nowMs - sinceMs) / (periodSeconds * 1000));
  return periods < 1 ? null : sinceMs + periods * periodSeconds * 1000;
}

/** What the guest says of itself at `atMs`, when it uses `inUseMiB`. */
export function withReport(balloon: Balloon, inUseMiB: number, atMs: number, traits: MemoryTraits): Balloon {
  const cache = cacheMiB(balloon, inUseMiB, traits);
  const availableMiB = Math.max(0, balloon.currentMiB - kernelMiB(balloon.maximumMiB));
  const unusedMiB = Math.max(0, availableMiB - inUseMiB - cache);
  const usableMiB = unusedMiB + RECLAIMABLE_SHARE * cache;
  const { swapInMiB, swapOutMiB } = balloon;
  return { ...balloon, report: { atMs, unusedMiB, availableMiB, usableMiB, swapInMiB, swapOutMiB } };
}

/** What libvirt would tell: sizes always, the guest's own figures only with a report. */
export function memoryStats(balloon: Balloon): MemoryStats {
  const { report } = balloon;
  const told = (figure: Exclude<keyof GuestReport, "atMs">) =>
    report === null ? null : mib(Math.floor(report[figure]));
  return {
    currentMiB: mib(Math.round(balloon.currentMiB)),
    maximumMiB: mib(balloon.maximumMiB),
    unusedMiB: told("unusedMiB"),
    availableMiB: told("availableMiB"),
    usableMiB: told("usableMiB"),
    swapInMiB: told("swapInMiB"),
    swapOutMiB: told("swapOutMiB"),
    lastUpdate: report === null ? null : seconds(Math.floor(report.atMs / 1000)),
    rssMiB: mib(Math.floor(balloon.touchedMiB + QEMU_MIB)),
  };
}
