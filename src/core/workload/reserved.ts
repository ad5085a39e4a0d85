/** How much memory a host reserves for a VM of the sizing experiment: who buys an oversubscribed VM gets no large memory. */
import { type MiB, mib } from "../units.js";
import type { WorkloadVm } from "./generate.js";

const [LARGE_MIB, OVERSUBSCRIBED_MIB] = [8_129, mib(8_192)];

/** VMs above a ratio of 1 with at least 8129 MiB are given 8192. */
export const reservedMemory = ({ ratio, memoryMiB }: Pick<WorkloadVm, "ratio" | "memoryMiB">): MiB =>
  ratio > 1 && memoryMiB >= LARGE_MIB ? OVERSUBSCRIBED_MIB : memoryMiB;
