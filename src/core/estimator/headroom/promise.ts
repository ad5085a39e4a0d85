/**
 * How often `headroom` may be passed: one window in so many. Each promise is a set of constants, set down together before they were
 * measured (docs/estimators.md has the curve): what a violation costs against as much that lies idle, the quantiles that margins aim
 * at, how the last factor on them moves, and how far bounds that served well count above the rest. The rarer a violation is meant
 * to be, the less a short past tells which bound is good: the more of them count, and the longer what they cost is remembered.
 */

/** Windows in which one violation is promised. */
export const PROMISES = [2, 4, 10, 20, 40, 100, 200, 1000] as const;
export type WindowsOfPromise = (typeof PROMISES)[number];
export const DEFAULT_PROMISE: WindowsOfPromise = 40;

export interface PromiseSettings {
  /** Share of the windows that may pass the estimate. */
  readonly rate: number;
  /** A core too few is so many times as bad as one too many. */
  readonly dread: number;
  /** Normal quantile that an interval reaches. */
  readonly z: number;
  /** Share of misses that their own quantile lets pass. */
  readonly passing: number;
  /** Bounds of the factor on margins. */
  readonly care: readonly [least: number, most: number];
  /** By what that factor grows at a violation. */
  readonly step: number;
  /** The worse a bound, the less it counts: by this power of its cost. */
  readonly sharpness: number;
  /** Windows after which half of a cost is left. */
  readonly halfLife: number;
}

const BOLD = { step: 1.05, sharpness: 12, halfLife: 12 } as const;
const CAREFUL = { step: 1.1, sharpness: 2, halfLife: 24 } as const;

const SETTINGS: Readonly<Record<WindowsOfPromise, PromiseSettings>> = {
  2: { rate: 0.5, dread: 1, z: 0, passing: 0.5, care: [0, 2.5], ...BOLD },
  4: { rate: 0.25, dread: 3, z: 0.67, passing: 0.25, care: [0.3, 2.5], ...BOLD },
  10: { rate: 0.1, dread: 9, z: 1.28, passing: 0.12, care: [0.5, 2.5], ...BOLD },
  20: { rate: 0.05, dread: 15, z: 1.64, passing: 0.07, care: [0.6, 2.5], ...BOLD, sharpness: 8 },
  40: { rate: 0.025, dread: 20, z: 1.9, passing: 0.05, care: [0.7, 2.5], ...BOLD, sharpness: 5 },
  100: { rate: 0.01, dread: 60, z: 2.33, passing: 0.02, care: [0.8, 4], ...CAREFUL, sharpness: 3 },
  200: { rate: 0.005, dread: 150, z: 2.7, passing: 0.005, care: [1, 5], ...CAREFUL },
  1000: { rate: 0.001, dread: 400, z: 3.1, passing: 0.001, care: [1, 6], ...CAREFUL },
};

export const promiseOf = (windows: WindowsOfPromise): PromiseSettings => SETTINGS[windows];
