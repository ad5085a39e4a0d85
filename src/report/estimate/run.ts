/**
 * Runs one strategy over a recorded host, offline: reads the trace as a stream, a window at a time, and tells for every window
 * what the strategy would have predicted at its end, with what came true beside it. Of each window a few numbers are kept.
 */
import type { Estimate, EstimatorFrame } from "../../core/estimator/frame.js";
import { makeFrame, makeTrack } from "../../core/estimator/make.js";
import { asksForPeaks } from "../../core/estimator/registry.js";
import { type PerResource, perResource, RESOURCES, type Resource } from "../../core/estimator/resource.js";
import { SeedVmTrack } from "../../core/estimator/seed-vm-track.js";
import { maximumOf, percentileOf, sorted } from "../../core/estimator/statistics.js";
import type { VmTrack } from "../../core/estimator/vm-window.js";
import { readEstimatorTrace } from "../../trace/estimator-reader.js";
import type { EstimatorTraceVisitor, HostRecord, TraceConfig, VmRecord } from "../../trace/estimator-record.js";
import type { ReadProgress } from "../../trace/input.js";

import type { EstimateOptions } from "./options.js";
import { PendingWindows } from "./pending.js";
import { WindowTotals } from "./totals.js";

/** One resource in one window. */
export interface ResourceOutcome {
  readonly capacity: number;
  readonly booked: number;
  /** Largest sample of the host in this window; NaN where there is none. */
  readonly peak: number;
  /** 99th percentile of the window's samples. */
  readonly p99: number;
  readonly estimate: Estimate;
}

export interface WindowOutcome extends PerResource<ResourceOutcome> {
  readonly occurrence: number;
  readonly epoch: number;
  readonly slice: number;
  /** The history is full: what comes before is not compared. */
  readonly warm: boolean;
}

export interface EstimateRun {
  readonly config: TraceConfig;
  readonly windows: readonly WindowOutcome[];
  readonly vms: number;
}

const TRUTH_RANK = 99;
const NOTHING = new Float64Array(0);

/** One strategy over one trace. */
export class EstimateVisitor implements EstimatorTraceVisitor {
  config!: TraceConfig;
  vms = 0;
  #epochs: Float64Array = NOTHING;
  #frames!: PerResource<EstimatorFrame>;
  #totals!: PerResource<WindowTotals>;
  #pending!: PerResource<PendingWindows>;
  #track!: VmTrack;
  #sorted: Float64Array = NOTHING;

  constructor(
    private readonly options: EstimateOptions,
    private readonly statistics: EstimatorTraceVisitor | null,
  ) {}

  start(config: TraceConfig, epochs: Float64Array): void {
    this.config = config;
    this.#epochs = epochs;
    this.#frames = perResource((resource) => makeFrame(resource, this.options, config));
    this.#totals = perResource(() => new WindowTotals(epochs.length));
    this.#pending = perResource(() => new PendingWindows(epochs.length, config.slices));
    this.statistics?.start(config, epochs);
  }

  host(occurrence: number, record: HostRecord | null): void {
    this.#update("cpu", occurrence, record?.cpuCapacity, record?.cpuUsage, record?.missingCpu, null);
    const rss = record?.memoryRss ?? null;
    this.#update("memory", occurrence, record?.memoryCapacity, record?.memoryUsage, record?.missingMemory, rss);
    this.statistics?.host(occurrence, record);
  }

  #update(
    resource: Resource,
    occurrence: number,
    capacity: number | null = null,
    samples: Float64Array = NOTHING,
    missing = 0,
    ownSamples: Float64Array | null = null,
  ): void {
    const slice = occurrence % this.config.slices;
    const signal = this.#frames[resource].update({ occurrence, slice, capacity, samples, ownSamples, missing });
    this.#pending[resource].set({ signal, peak: maximumOf(samples), p99: this.#p99(samples) });
  }

  #p99(samples: Float64Array): number {
    this.#sorted = sorted(samples, this.#sorted);
    return percentileOf(this.#sorted, TRUTH_RANK);
  }

  vm(name: string): void {
    this.vms += 1;
    const { faithful, aggregation, strategy } = this.options;
    const { history } = this.config;
    this.#track = faithful
      ? new SeedVmTrack(history, aggregation, asksForPeaks(strategy))
      : makeTrack(this.options, history);
    this.statistics?.vm(name);
  }

  vmWindow(occurrence: number, record: VmRecord | null): void {
    const parts = this.#track.update(occurrence % this.config.slices, record);
    for (const resource of RESOURCES) this.#totals[resource].add(occurrence, parts[resource], parts.isThere);
    this.statistics?.vmWindow(occurrence, parts.isThere ? record : null);
  }

  /** Once the trace was read, and only once: what was predicted is what the next prediction rests on. */
  *outcomes(): Generator<WindowOutcome> {
    for (const [occurrence, epoch] of this.#epochs.entries()) {
      const outcomes = perResource((resource) => this.#outcome(resource, occurrence));
      const { slice, warm } = this.#pending.cpu.at(occurrence).signal;
      yield { occurrence, epoch, slice, warm, ...outcomes };
    }
  }

  /** The same, all together. */
  finish(): EstimateRun {
    return { config: this.config, windows: [...this.outcomes()], vms: this.vms };
  }

  #outcome(resource: Resource, occurrence: number): ResourceOutcome {
    const { signal, peak, p99 } = this.#pending[resource].at(occurrence);
    const totals = this.#totals[resource].at(occurrence);
    const estimate = this.#frames[resource].predict(signal, totals);
    return { capacity: signal.capacity, booked: totals.booked, peak, p99, estimate };
  }
}

/** Reads the trace; what was predicted is then asked of the visitor. Throws `OperationalError` (bad-input-file). */
export async function readForEstimates(
  options: EstimateOptions,
  progress?: ReadProgress,
  statistics: EstimatorTraceVisitor | null = null,
): Promise<EstimateVisitor> {
  const visitor = new EstimateVisitor(options, statistics);
  await readEstimatorTrace(options.tracePath, visitor, progress, options.check);
  return visitor;
}

/** `statistics` gets what the seed's dump tells of windows; null: nobody asks. */
export const estimateTrace = async (
  options: EstimateOptions,
  progress?: ReadProgress,
  statistics: EstimatorTraceVisitor | null = null,
): Promise<EstimateRun> => (await readForEstimates(options, progress, statistics)).finish();
