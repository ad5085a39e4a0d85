/** From what is asked for to the frame and the tracks of one host, offline and online alike; with the defaults of each strategy. */
import type { AssessorName } from "./assessor.js";
import { EstimatorFrame } from "./frame.js";
import type { WindowsOfPromise } from "./headroom/promise.js";
import type { StrategyName } from "./names.js";
import { asksForPeaks, assessorOf, createEstimator } from "./registry.js";
import type { Resource } from "./resource.js";
import { ObservedVmTrack } from "./vm-track.js";

/** Of `percentile`, as the seed. */
export const DEFAULT_PERCENTILE = 90;
/** Of each VM's own peak in `rclike` and `maxpeak`. */
const DEFAULT_VM_PERCENTILES = { cpu: 99, memory: 100 } as const;
/** Deviations of `nsigma` and `maxpeak`. */
export const DEFAULT_SIGMAS = 5;

const DAY_SECONDS = 86_400;

/** Which strategy, and how it is to be. */
export interface StrategyChoice {
  readonly strategy: StrategyName;
  readonly assessor: AssessorName;
  /** Null: what each strategy takes by itself. */
  readonly cpuPercentile: number | null;
  readonly memoryPercentile: number | null;
  readonly sigmas: number;
  /** Of `headroom`: one window in so many may pass its estimate; absent: its default. */
  readonly promise?: WindowsOfPromise;
  /** Samples averaged in the statistics of one window; 1: none. */
  readonly aggregation: number;
  /** Hosts and VMs of too little history count in full; never where faithful. */
  readonly caution: boolean;
  /** Decide exactly as the seed. */
  readonly faithful: boolean;
}

/** How time is divided. */
export interface Calendar {
  /** Windows of the same slice that are looked back on, without the present one. */
  readonly history: number;
  /** Slices of a "virtual day". */
  readonly slices: number;
  /** Of a window, seconds. */
  readonly sliceScope: number;
}

const percentileOf = (choice: StrategyChoice, resource: Resource): number | null =>
  resource === "cpu" ? choice.cpuPercentile : choice.memoryPercentile;

export function makeFrame(resource: Resource, choice: StrategyChoice, calendar: Calendar): EstimatorFrame {
  const { strategy, faithful, caution, sigmas, aggregation, assessor } = choice;
  const { history, slices, sliceScope } = calendar;
  const percentile = percentileOf(choice, resource) ?? DEFAULT_PERCENTILE;
  const dayWindows = DAY_SECONDS % sliceScope === 0 ? DAY_SECONDS / sliceScope : null;
  const shape = { resource, history, slices, dayWindows };
  const promise = choice.promise === undefined ? {} : { promise: choice.promise };
  const settings = { ...shape, ...promise, faithful, percentile, sigmas, assessor: assessorOf(assessor) };
  const frameSettings = { ...settings, aggregation, caution: caution && !faithful };
  return new EstimatorFrame(resource, createEstimator(strategy, settings), frameSettings);
}

/** Of a VM, by our own rules of when it is there. */
export const makeTrack = (choice: StrategyChoice, history: number): ObservedVmTrack =>
  new ObservedVmTrack({
    history,
    caution: choice.caution,
    peaks: asksForPeaks(choice.strategy),
    cpuPeakPercentile: percentileOf(choice, "cpu") ?? DEFAULT_VM_PERCENTILES.cpu,
    memoryPeakPercentile: percentileOf(choice, "memory") ?? DEFAULT_VM_PERCENTILES.memory,
  });
