/**
 * Estimate: what is left of the host beside the peak that is expected of it takes the VM in full, however little is booked. Hosts
 * without an estimate pass: the other filters know what is booked. What is left is counted coarsely, and never too much: hosts that
 * differ in it share no scores.
 */
import { plural } from "../../../plural.js";
import { expectedMemoryMiB, expectedPcpus } from "../../forecast.js";
import type { ShapeFilter } from "../../model.js";

/** Stands for "there is no estimate". */
const UNLIMITED = 2 ** 30;
/** Up to so much each unit counts; beyond, thirty-seconds of the host do. */
const FINE = 16;
const STEPS = 32;
const MIB_PER_GIB = 1024;

function coarse(left: number, whole: number): number {
  if (left <= 0) return 0;
  if (left <= FINE) return Math.floor(left);
  const step = Math.max(1, Math.floor(whole / STEPS));
  return Math.max(FINE, Math.floor(left / step) * step);
}

export const estimatedCpuFilter: ShapeFilter = {
  name: "estimated-cpu",
  fact(host) {
    const expected = expectedPcpus(host);
    return expected === null ? UNLIMITED : coarse(host.usablePcpus - expected, host.usablePcpus);
  },
  veto: ({ shape, host }, left) =>
    shape.vcpus <= left
      ? null
      : () => `${plural(shape.vcpus, "vCPU")}; beside the expected peak ${left} of ${host.usablePcpus} pCPUs are free`,
};

export const estimatedMemoryFilter: ShapeFilter = {
  name: "estimated-memory",
  fact(host) {
    const expected = expectedMemoryMiB(host);
    if (expected === null || host.forecast === null) return UNLIMITED;
    const { machineMemoryMiB } = host.forecast;
    return coarse((machineMemoryMiB - expected) / MIB_PER_GIB, machineMemoryMiB / MIB_PER_GIB);
  },
  veto: ({ shape }, left) =>
    shape.memoryMiB <= left * MIB_PER_GIB
      ? null
      : () => `${shape.memoryMiB} MiB of memory; beside the expected peak ${left} GiB are free`,
};
