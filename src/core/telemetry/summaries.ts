/**
 * What becomes of a metric when several samples are summarised into one: how a store makes old history coarser. Gauges are
 * averaged; differences to the sample before (of counters: the fields of spec 6.2) are added up; sizes and running counters
 * keep their last value. Averages hide peaks, and peaks are what estimators ask for: of the four that they read, the largest
 * value is kept beside the average, as `NAME_max`.
 */
export type Summary = "mean" | "sum" | "last" | "max";

const DIFFERENCES: ReadonlySet<string> = new Set([
  ...["elapsed_time", "elapsed_cpu_time", "sched_runtime", "sched_waittime", "sched_timeslices"],
  ...["stat_minflt", "stat_cminflt", "stat_majflt", "stat_cmajflt", "minflt_sum", "majflt_sum"],
]);
/** Events of hardware and software counters since the last reading (hwcpucycles, swpagefaults). */
const EVENTS = /^[hs]w/;
const SIZES: ReadonlySet<string> = new Set(["cpu", "mem", "cpu_time", "minfreq", "maxfreq", "vm_number"]);
const PEAK = "_max";

const WITH_PEAK: ReadonlySet<string> = new Set(["cpu_usage", "mem_usage", "mem_rss", "sched_busy"]);

export function summaryOf(metric: string): Summary {
  if (metric.endsWith(PEAK)) return "max";
  if (DIFFERENCES.has(metric) || EVENTS.test(metric)) return "sum";
  return SIZES.has(metric) ? "last" : "mean";
}

/** Name below which the largest value of a metric is kept; null: it is not. */
export const peakName = (metric: string): string | null => (WITH_PEAK.has(metric) ? `${metric}${PEAK}` : null);
