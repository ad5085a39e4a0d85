/** What a comparison of strategies says: data for comparison.json, tables and figures (spec 5.4). Decides nothing, reads nothing. */
import type { StrategyName } from "../../core/estimator/names.js";
import { type PerResource, perResource, type Resource } from "../../core/estimator/resource.js";
import type { TraceConfig } from "../../trace/estimator-record.js";
import { judge, type Metrics, metricsOf } from "./metrics.js";
import { NOTEBOOK_LAST, type NotebookSums, notebookSums } from "./notebook.js";
import type { EstimateOptions } from "./options.js";
import type { EstimateRun, WindowOutcome } from "./run.js";

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

const saidOf = (windows: readonly WindowOutcome[], resource: Resource): SaidSeries => ({
  estimate: windows.map((window) => window[resource].estimate.need),
  free: windows.map((window) => window[resource].estimate.free),
  stable: windows.map((window) => window[resource].estimate.stable),
});

const hostOf = (windows: readonly WindowOutcome[], resource: Resource): HostSeries => ({
  capacity: windows.map((window) => window[resource].capacity),
  booked: windows.map((window) => window[resource].booked),
  peak: windows.map((window) => (Number.isFinite(window[resource].peak) ? window[resource].peak : null)),
});

const tenth = (value: number): number => Math.round(value * 10) / 10;

function notebookOf(windows: readonly WindowOutcome[]): StrategyReport["notebook"] {
  const seen = windows
    .map(({ cpu }) => ({ capacity: cpu.capacity, booked: cpu.booked, p99: cpu.p99, free: cpu.estimate.free }))
    .map((window) => (Number.isNaN(window.p99) ? { ...window, p99: 0 } : window));
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

/** `seconds`: how long the run took. */
export const judgedRun = (
  strategy: StrategyName,
  { config, windows, vms }: EstimateRun,
  seconds: number,
): JudgedRun => ({
  strategy,
  trace: { ...config, windows: windows.length, vms },
  epoch: windows.map(({ epoch }) => epoch),
  warm: windows.map(({ warm }) => warm),
  host: perResource((resource) => hostOf(windows, resource)),
  oracle: perResource((resource) => metricsOf(judge(windows, resource, true))),
  report: {
    ...perResource((resource) => metricsOf(judge(windows, resource))),
    notebook: notebookOf(windows),
    seconds,
    series: perResource((resource) => saidOf(windows, resource)),
  },
});

/** At least one run. */
export function comparisonOf({ strategy: _, ...options }: EstimateOptions, runs: readonly JudgedRun[]): Comparison {
  const { trace, epoch, warm, host, oracle } = runs[0]!;
  const strategies = Object.fromEntries(runs.map(({ strategy, report }) => [strategy, report]));
  return { options, trace, epoch, warm, host, oracle, strategies };
}
