/**
 * The memory of a fake guest: a virtio balloon that moves towards its target at a bounded speed, and what the guest's
 * balloon driver reports, in the names of libvirt's memory statistics (`unused` is the guest's MemFree, `usable` its
 * MemAvailable, `available` its MemTotal). A guest squeezed below what it uses swaps; the fake has room for all of it.
 */
import { mib, seconds } from "../../core/units.js";
import type { MemoryStats } from "../../ports/hypervisor.js";

/** virtio-balloon moves 256 pages at a time; QEMU guests were seen to move 1 to 2 GiB a second when memory is free. */
const BALLOON_MIB_PER_SECOND = 1024;
/** What a Linux kernel keeps for itself: about 1.6 % of memory for page structures and some tens of MiB. */
const kernelMiB = (memoryMiB: number): number => 24 + memoryMiB / 64;
/** Part of the memory neither used nor kept by the kernel that holds page cache. */
const CACHE_SHARE = 0.4;
/** Part of the page cache that the kernel counts as available (its own low watermarks are kept back). */
const RECLAIMABLE_SHARE = 0.9;
/** QEMU's own resident memory beside the guest's. */
const QEMU_MIB = 40;

export interface Balloon {
  readonly maximumMiB: number;
  readonly targetMiB: number;
  readonly currentMiB: number;
  readonly swappedMiB: number;
  readonly swapInMiB: number;
  readonly swapOutMiB: number;
  /** Most the guest ever touched and has not given back. */
  readonly touchedMiB: number;
  /** Null: no period set, the guest says nothing. */
  readonly reports: { readonly periodSeconds: number; readonly sinceMs: number } | null;
}

export const freshBalloon = (currentMiB: number, maximumMiB: number): Balloon => ({
  maximumMiB,
  targetMiB: currentMiB,
  currentMiB,
  swappedMiB: 0,
  swapInMiB: 0,
  swapOutMiB: 0,
  touchedMiB: 0,
  reports: null,
});

/** The balloon after `elapsedSeconds`, in a guest that now uses `inUseMiB`. Without a driver it never moves. */
export function moveBalloon(balloon: Balloon, inUseMiB: number, elapsedSeconds: number, hasDriver: boolean): Balloon {
  const reach = hasDriver ? BALLOON_MIB_PER_SECOND * elapsedSeconds : 0;
  const wish = balloon.targetMiB - balloon.currentMiB;
  const currentMiB = balloon.currentMiB + Math.min(reach, Math.max(-reach, wish));
  const swappedMiB = Math.max(0, inUseMiB + kernelMiB(balloon.maximumMiB) - currentMiB);
  const swapMove = swappedMiB - balloon.swappedMiB;
  const resident = Math.min(currentMiB, inUseMiB + kernelMiB(balloon.maximumMiB) + cacheMiB(balloon, inUseMiB));
  return {
    ...balloon,
    currentMiB,
    swappedMiB,
    swapOutMiB: balloon.swapOutMiB + Math.max(0, swapMove),
    swapInMiB: balloon.swapInMiB + Math.max(0, -swapMove),
    touchedMiB: Math.min(currentMiB, Math.max(balloon.touchedMiB, resident)),
  };
}

function cacheMiB(balloon: Balloon, inUseMiB: number): number {
  return CACHE_SHARE * Math.max(0, balloon.currentMiB - kernelMiB(balloon.maximumMiB) - inUseMiB);
}

/** When the guest last reported, ms since the epoch; null: never yet. The first report comes after one period. */
export function lastReportMs(balloon: Balloon, nowMs: number): number | null {
  if (!balloon.reports) return null;
  const { periodSeconds, sinceMs } = balloon.reports;
  const periods = Math.floor((nowMs - sinceMs) / (periodSeconds * 1000));
  return periods < 1 ? null : sinceMs + periods * periodSeconds * 1000;
}

/** What libvirt would tell: sizes always, the guest's own figures only with a report (made when it used `inUseMiB`). */
export function memoryStats(balloon: Balloon, inUseMiB: number, reportMs: number | null): MemoryStats {
  const cache = cacheMiB(balloon, inUseMiB);
  const total = Math.max(0, balloon.currentMiB - kernelMiB(balloon.maximumMiB));
  const unused = Math.max(0, total - inUseMiB - cache);
  const told = (value: number) => (reportMs === null ? null : mib(Math.floor(value)));
  return {
    currentMiB: mib(Math.round(balloon.currentMiB)),
    maximumMiB: mib(balloon.maximumMiB),
    unusedMiB: told(unused),
    availableMiB: told(total),
    usableMiB: told(unused + RECLAIMABLE_SHARE * cache),
    swapInMiB: told(balloon.swapInMiB),
    swapOutMiB: told(balloon.swapOutMiB),
    lastUpdate: reportMs === null ? null : seconds(Math.floor(reportMs / 1000)),
    rssMiB: mib(Math.floor(balloon.touchedMiB + QEMU_MIB)),
  };
}
