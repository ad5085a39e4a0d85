/**
 * What the course's monitor prints, read from the hypervisor: for each pCPU its usage and the guests that are pinned to it; for
 * each guest its memory and what it has unused.
 */
import { type CpuSet, formatCpuSet } from "../../core/cpuset.js";
import type { DomainStats } from "../../ports/hypervisor.js";

const NS_PER_MS = 1e6;

/** Per cent of one pCPU that each guest used between two readings; guests that came or went meanwhile are left out. */
export function usageOf(
  before: readonly DomainStats[],
  now: readonly DomainStats[],
  windowMs: number,
): ReadonlyMap<string, number> {
  const was = new Map(before.map((domain) => [domain.uuid, domain.cpuTimeNs]));
  const usage = new Map<string, number>();
  for (const { name, uuid, state, cpuTimeNs } of now) {
    const earlier = was.get(uuid);
    if (state !== "running" || earlier === undefined || cpuTimeNs < earlier || windowMs <= 0) continue;
    usage.set(name, (100 * Number(cpuTimeNs - earlier)) / (windowMs * NS_PER_MS));
  }
  return usage;
}

/** `0 - usage: 45.0 | mapping ['c1', 'c3']` for each pCPU. Guests of one vCPU, as the course's are. */
export function cpuMonitor(
  pcpus: readonly number[],
  usage: ReadonlyMap<string, number>,
  pins: ReadonlyMap<string, readonly CpuSet[]>,
): readonly string[] {
  const lines = pcpus.map((id) => {
    const here = [...usage].filter(([name]) => pins.get(name)?.[0]?.length === 1 && pins.get(name)![0]![0] === id);
    const sum = here.reduce((total, [, percent]) => total + percent, 0);
    return `${id} - usage: ${sum.toFixed(1)} | mapping [${here.map(([name]) => `'${name}'`).join(", ")}]`;
  });
  const elsewhere = [...usage].flatMap(([name, percent]) => {
    const pin = pins.get(name)?.[0];
    const isListed = pin?.length === 1 && pcpus.includes(pin[0]!);
    return isListed || pin === undefined ? [] : [`${name} on ${formatCpuSet(pin)}, usage: ${percent.toFixed(1)}`];
  });
  return [...lines, ...elsewhere];
}

/** `Memory (VM: m1) Actual [128.0], Unused: [57.2]` for each guest. */
export const memoryMonitor = (stats: readonly DomainStats[]): readonly string[] =>
  stats.flatMap(({ name, state, memory }) => {
    if (state !== "running" || memory === null) return [];
    const unused = memory.unusedMiB === null ? "not reported yet" : `[${memory.unusedMiB.toFixed(1)}]`;
    return `Memory (VM: ${name}) Actual [${memory.currentMiB.toFixed(1)}], Unused: ${unused}`;
  });
