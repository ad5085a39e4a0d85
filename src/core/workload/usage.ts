/**
 * What a VM uses at a moment: a value of a distribution with the VM's mean and 95th percentile, drawn from the seed, the VM and
 * the moment alone, so that a workload's usage can be computed in any order and is the same each time. Below its 95th percentile p the
 * quantile function is p (u / 0.95)^k, flat above; k makes its mean. A periodic VM repeats by the day. How draws hang together in time is
 * course.ts. Memory moves around a share that the VM keeps: little, and by itself; or, where usage lasts, with what the VM does.
 */
import { type Course, drawOf } from "./course.js";
import type { WorkloadVm } from "./generate.js";
import { drawFor } from "./random.js";

const HIGH = 0.95;
/** A mean below that share of the 95th percentile would need a distribution that is almost always zero. */
const LEAST_MEAN = 0.06;
/** Memory used is so much of what was sold, and moves by so much. */
const [LEAST_MEMORY, MEMORY_SPREAD, MEMORY_SWAY] = [0.3, 0.55, 0.05];
/** The same where usage lasts: a quarter of what was sold comes and goes with what the VM does. Chosen, not fitted to a trace. */
const [LEAST_LASTING, LASTING_SPREAD, LASTING_SWAY] = [0.2, 0.45, 0.25];
/** Tells the draws of memory from those of CPU. */
const MEMORY_SEED = 0x5bd1e995;

export interface UsageRules {
  readonly seed: number;
  /** Moments of a day: after so many a periodic VM repeats. */
  readonly momentsPerDay: number;
  /**
   * Part of the time, drawn for each VM, in which it follows what is common to all instead of its own course; default none. Each VM
   * keeps its distribution, but peaks come together.
   */
  readonly correlation?: number;
  /** Default independent. */
  readonly course?: Course;
}

/** What a VM's CPU usage is computed from. */
export type UsageTraits = Pick<WorkloadVm, "index" | "meanPercent" | "p95Percent" | "periodic">;

/** The same, without which VM it is. */
export type VmUsage = Omit<UsageTraits, "index">;

/** Share of the VM's vCPUs that it uses at the `moment`-th moment, from 0 to 1. */
export function cpuShare(vm: UsageTraits, moment: number, rules: UsageRules): number {
  const { meanPercent, p95Percent } = vm;
  if (p95Percent <= 0) return 0;
  const steady = Math.max(LEAST_MEAN, meanPercent / p95Percent);
  const power = HIGH / (steady - (1 - HIGH)) - 1;
  const { seed, momentsPerDay, correlation = 0, course = "independent" } = rules;
  const at = vm.periodic ? moment % momentsPerDay : moment;
  const draw = drawOf(course, vm.index, at, { seed, momentsPerDay, correlation });
  return (p95Percent / 100) * Math.min(1, draw / HIGH) ** Math.max(0, power);
}

/** Share of the VM's memory that it uses. */
export function memoryShare({ index }: Pick<WorkloadVm, "index">, moment: number, rules: UsageRules): number {
  const { seed, momentsPerDay, correlation = 0, course = "independent" } = rules;
  const place = drawFor(seed ^ MEMORY_SEED, index, -1);
  if (course === "independent")
    return LEAST_MEMORY + MEMORY_SPREAD * place + MEMORY_SWAY * drawFor(seed ^ MEMORY_SEED, index, moment);
  const does = drawOf(course, index, moment, { seed, momentsPerDay, correlation });
  return LEAST_LASTING + LASTING_SPREAD * place + LASTING_SWAY * does;
}
