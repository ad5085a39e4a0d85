/** When the kernel is to merge equal pages of guests (KSM), from what the host has left. */
import type { HostMemory } from "./model.js";

/** Merging goes on until so many times the share that began it is available: else it would come and go with each guest. */
const ENOUGH = 1.5;

/** `belowShare`: part of the host's memory below which merging begins. */
export function mergesPages(on: boolean, { availableMiB, totalMiB }: HostMemory, belowShare: number): boolean {
  return availableMiB < totalMiB * belowShare * (on ? ENOUGH : 1);
}
