/** What the seed's dump tells of one machine in one window, by the seed's names (docs/traces.md); null where it has no samples. */
import {
  aggregated,
  aggregatedCount,
  deviationOf,
  maximumOf,
  meanOf,
  percentileOf,
  sorted,
} from "../../core/estimator/statistics.js";
import type { HostRecord, VmRecord } from "../../trace/estimator-record.js";

type Percentiles = Readonly<Record<string, number>>;

export interface MachineStatistics {
  readonly cpu_config: number | null;
  readonly mem_config: number | null;
  readonly cpu_percentile: Percentiles;
  readonly mem_percentile: Percentiles;
  readonly cpu_avg: number | null;
  readonly mem_avg: number | null;
  readonly cpu_std: number | null;
  readonly mem_std: number | null;
  readonly cpu_max: number | null;
  readonly mem_max: number | null;
  readonly oc_page_fault: number | null;
  readonly oc_page_fault_std: number | null;
  readonly oc_sched_wait: number | null;
  readonly oc_sched_wait_std: number | null;
  readonly number_of_values: number;
  readonly cpi: Percentiles;
  readonly hwcpucycles: Percentiles;
}

/** What a host's record and a VM's have in common. */
type MachineLists = Pick<HostRecord, keyof HostRecord & keyof VmRecord>;

const range = (from: number, to: number, step: number): readonly number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

const USAGE_RANKS = [...range(10, 85, 5), ...range(90, 99, 1)];
const COUNTER_RANKS = range(10, 95, 5);
const STRAIN_RANK = 90;

function percentiles(values: Float64Array, ranks: readonly number[]): Percentiles {
  if (values.length === 0) return {};
  const ascending = sorted(values);
  return Object.fromEntries(ranks.map((rank) => [rank, percentileOf(ascending, rank)]));
}

const orNull = (values: Float64Array, take: (values: Float64Array) => number): number | null =>
  values.length === 0 ? null : take(values);

export function statisticsOf(
  cpuConfig: number | null,
  memoryConfig: number | null,
  lists: MachineLists | null,
  aggregation: number,
): MachineStatistics {
  const told = (values: Float64Array | null | undefined, how: "mean" | "sum" = "mean"): Float64Array =>
    aggregated(values ?? new Float64Array(0), aggregation, how);
  const cpu = told(lists?.cpuUsage);
  const memory = told(lists?.memoryRss ?? lists?.memoryUsage);
  const faults = told(lists?.pageFaults, "sum");
  const waits = told(lists?.schedBusy);
  const strain = (values: Float64Array): number => percentileOf(sorted(values), STRAIN_RANK);
  return {
    cpu_config: cpuConfig,
    mem_config: memoryConfig,
    cpu_percentile: percentiles(cpu, USAGE_RANKS),
    mem_percentile: percentiles(memory, USAGE_RANKS),
    cpu_avg: orNull(cpu, meanOf),
    mem_avg: orNull(memory, meanOf),
    cpu_std: orNull(cpu, deviationOf),
    mem_std: orNull(memory, deviationOf),
    cpu_max: orNull(cpu, maximumOf),
    mem_max: orNull(memory, maximumOf),
    oc_page_fault: orNull(faults, strain),
    oc_page_fault_std: orNull(faults, deviationOf),
    oc_sched_wait: orNull(waits, strain),
    oc_sched_wait_std: orNull(waits, deviationOf),
    number_of_values: aggregatedCount(lists?.times.count ?? 0, aggregation),
    cpi: percentiles(told(lists?.cyclesPerInstruction), COUNTER_RANKS),
    hwcpucycles: percentiles(told(lists?.cycles), COUNTER_RANKS),
  };
}

export const NO_STATISTICS: MachineStatistics = statisticsOf(null, null, null, 1);
