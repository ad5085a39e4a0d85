/** What a comparison of strategies says: data for comparison.json, tables and figures (spec 5.4). Decides nothing, reads nothing. */
import type { StrategyName } from "../../core/estimator/names.js";
import { type PerResource, perResource, RESOURCES } from "../../core/estimator/resource.js";
import type { TraceConfig } from "../../trace/estimator-record.js";
import { judgeCourse, type Metrics, metricsOf } from "./metrics.js";
import { NOTEBOOK_LAST, type NotebookSums, notebookSums } from "./notebook.js";
import type { EstimateOptions } from "./options.js";
import type { EstimateRun, ResourceOutcome, WindowOutcome } from "./run.js";

/** What one strategy said, a value for each window. */
export interface SaidSeries {
  /** Null: withheld. */
  readonly estimate: readonly (number | null)[];
  readonly free: readonly number[];
  readonly stable: readonly boolean[];
}

export interface StrategyReport extends PerResource<Metrics> {
  readonly notebook: {
    readonly cores: NotebookSums;
    /** The same over the host's capacity, to a tenth, as its tables have it. */
    readonly hosts: NotebookSums;
    readonly coresOfAllButFirst: NotebookSums;
  };
  readonly seconds: number;
  readonly series: PerResource<SaidSeries>;
}

/** What was so, a value for each window; null: not known. */
export interface HostSeries {
  readonly capacity: readonly number[];
  readonly booked: readonly number[];
  readonly peak: readonly (number | null)[];
}

export interface Comparison {
  readonly options: Omit<EstimateOptions, "strategy">;
  readonly trace: TraceConfig & { readonly windows: number; readonly vms: number };
  readonly epoch: readonly number[];
  /** Whether a window is compared: its history is full. */
  readonly warm: readonly boolean[];
  readonly host: PerResource<HostSeries>;
  /** The yardstick: the true peak of each next window, as if it had been known. */
  readonly oracle: PerResource<Metrics>;
  readonly strategies: Readonly<Partial<Record<StrategyName, StrategyReport>>>;
}

/** One strategy's run, judged: numbers of each window, without the windows themselves, of which a long trace has too many to keep. */
export interface JudgedRun extends Pick<Comparison, "trace" | "epoch" | "warm" | "host" | "oracle"> {
  readonly strategy: StrategyName;
  readonly report: StrategyReport;
}

/** One resource, window by window, in numbers alone. */
class ResourceCourse {
  readonly warm: boolean[];
  readonly capacity: number[] = [];
  readonly booked: number[] = [];
  readonly peak: number[] = [];
  readonly p99: number[] = [];
  readonly need: number[] = [];
  readonly free: number[] = [];
  readonly stable: boolean[] = [];

  constructor(warm: boolean[]) {
    this.warm = warm;
  }

  add({ capacity, booked, peak, p99, estimate }: ResourceOutcome): void {
    this.capacity.push(capacity);
    this.booked.push(booked);
    this.peak.push(peak);
    this.p99.push(p99);
    this.need.push(estimate.need ?? Number.NaN);
    this.free.push(estimate.free);
    this.stable.push(estimate.stable);
  }

  said(): SaidSeries {
    return { estimate: this.need.map(orNull), free: this.free, stable: this.stable };
  }

  host(): HostSeries {
    return { capacity: this.capacity, booked: this.booked, peak: this.peak.map(orNull) };
  }
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

const tenth = (value: number): number => Math.round(value * 10) / 10;

function notebookOf({ capacity: capacities, booked, p99, free }: ResourceCourse): StrategyReport["notebook"] {
  const seen = p99.map((value, t) => ({
    capacity: capacities[t]!,
    booked: booked[t]!,
    p99: Number.isNaN(value) ? 0 : value,
    free: free[t]!,
  }));
  const cores = notebookSums(seen, NOTEBOOK_LAST);
  const capacity = seen[0]?.capacity ?? 0;
  const inHosts = (value: number): number => (capacity === 0 ? 0 : tenth(value / capacity));
  const { misprediction, violation, decreases } = cores;
  return {
    cores,
    hosts: { misprediction: inHosts(misprediction), violation: inHosts(violation), decreases: inHosts(decreases) },
    coresOfAllButFirst: notebookSums(seen, seen.length),
  };
}

/** Of each window a few numbers are kept. `elapsed`: seconds that the run took, asked once all windows have passed by. */
export function judgedRun(
  strategy: StrategyName,
  { config, windows, vms }: Pick<EstimateRun, "config" | "vms"> & { readonly windows: Iterable<WindowOutcome> },
  elapsed: () => number,
): JudgedRun {
  const epoch: number[] = [];
  const warm: boolean[] = [];
  const courses = perResource(() => new ResourceCourse(warm));
  for (const window of windows) {
    epoch.push(window.epoch);
    warm.push(window.warm);
    for (const resource of RESOURCES) courses[resource].add(window[resource]);
  }
  const seconds = elapsed();
  return {
    strategy,
    trace: { ...config, windows: epoch.length, vms },
    epoch,
    warm,
    host: perResource((resource) => courses[resource].host()),
    oracle: perResource((resource) => metricsOf(judgeCourse(courses[resource], true))),
    report: {
      ...perResource((resource) => metricsOf(judgeCourse(courses[resource]))),
      notebook: notebookOf(courses.cpu),
      seconds,
      series: perResource((resource) => courses[resource].said()),
    },
  };
}

/** At least one run. */
export function comparisonOf({ strategy: _, ...options }: EstimateOptions, runs: readonly JudgedRun[]): Comparison {
  const { trace, epoch, warm, host, oracle } = runs[0]!;
  const strategies = Object.fromEntries(runs.map(({ strategy, report }) => [strategy, report]));
  return { options, trace, epoch, warm, host, oracle, strategies };
}
