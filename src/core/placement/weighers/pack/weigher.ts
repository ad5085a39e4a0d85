/**
 * Pack: the fullest host as it is now, whatever the VM's size, 0 (empty) to 1; so the emptiest hosts stay empty, and can be
 * drained or switched off. Best fit looks at what is left instead, and may open an empty host for a VM that fills it.
 */
import { freeCpuShare, freeMemoryShare } from "../../fractions.js";
import type { Weigher } from "../../model.js";

export const packWeigher: Weigher = {
  name: "pack",
  score: ({ host }) => 1 - (freeCpuShare(host) + freeMemoryShare(host)) / 2,
};
