/**
 * From the readings of a window, as stores hold them, to what estimators take. Metrics by their names in core/telemetry: `cpu`,
 * `mem` (sizes), `cpu_usage`, `mem_usage`, `mem_rss`. Absent values are absent; nothing is made up for them.
 */
import type { PerResource } from "../resource.js";
import type { VmWindow } from "../vm-window.js";

/** One reading of a host or of a VM. */
export interface Reading {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Cores, or MB. */
interface ResourceReadings {
  /** Null: not told. */
  readonly capacity: number | null;
  readonly usage: Float64Array;
}

export interface HostReadings extends PerResource<ResourceReadings> {
  /** When it was read, ascending. */
  readonly times: readonly number[];
}

export const HOST_METRICS = ["cpu", "mem", "cpu_usage", "mem_usage"];
export const VM_METRICS = ["cpu", "mem", "cpu_usage", "mem_usage", "mem_rss"];
/** Where strategies do not look at what single VMs use. */
export const VM_SIZES = ["cpu", "mem"];

const NONE = new Float64Array(0);
const MS_PER_SECOND = 1000;

function valuesOf(readings: readonly Reading[], name: string): Float64Array {
  const values = new Float64Array(readings.length);
  let count = 0;
  for (const { values: told } of readings) {
    const value = told[name];
    if (value === undefined || !Number.isFinite(value)) continue;
    values[count] = value;
    count += 1;
  }
  return values.slice(0, count);
}

function lastOf(readings: readonly Reading[], name: string): number | null {
  for (let i = readings.length - 1; i >= 0; i--) {
    const value = readings[i]!.values[name];
    if (value !== undefined && Number.isFinite(value)) return value;
  }
  return null;
}

export const hostReadings = (readings: readonly Reading[]): HostReadings => ({
  cpu: { capacity: lastOf(readings, "cpu"), usage: valuesOf(readings, "cpu_usage") },
  memory: { capacity: lastOf(readings, "mem"), usage: valuesOf(readings, "mem_usage") },
  times: readings.map(({ at }) => at),
});

export function vmReadings(readings: readonly Reading[]): VmWindow {
  const rss = valuesOf(readings, "mem_rss");
  const [first, last] = [readings[0], readings.at(-1)];
  return {
    vcpus: lastOf(readings, "cpu"),
    memory: lastOf(readings, "mem"),
    cpuUsage: valuesOf(readings, "cpu_usage"),
    memoryUsage: valuesOf(readings, "mem_usage"),
    memoryRss: rss.length === 0 ? null : rss,
    schedBusy: NONE,
    pageFaults: NONE,
    times: { first: first?.at ?? null, last: last?.at ?? null, count: readings.length },
  };
}

interface Expected {
  readonly count: number;
  /** Milliseconds between two readings; null: never seen two. */
  readonly interval: number | null;
}

/**
 * How many readings a window should have: at the median distance of its own, which gaps do not move; at that of windows before
 * where it has fewer than two. Stores do not tell how often somebody meant to read.
 */
export function expectedReadings(
  times: readonly number[],
  windowSeconds: number,
  intervalBefore: number | null,
): Expected {
  const gaps = new Float64Array(Math.max(0, times.length - 1));
  for (let i = 1; i < times.length; i++) gaps[i - 1] = times[i]! - times[i - 1]!;
  gaps.sort();
  const median = gaps[gaps.length >> 1];
  const interval = median === undefined || median <= 0 ? intervalBefore : median;
  if (interval === null) return { count: times.length, interval };
  return { count: Math.max(times.length, Math.round((windowSeconds * MS_PER_SECOND) / interval)), interval };
}
