/**
 * What a fake guest does: how much CPU each vCPU wants and how much memory is in use, as pure functions of a profile, a
 * seed and the time. Nothing is stored between calls, so a run can be repeated, resumed from a file, or looked at anywhere.
 *
 * The four classes `low`, `low-mid`, `low-with-peak` and `intensive` are those of Azure 2017 as CloudFactory uses them (spec
 * 7.1): each VM draws a mean and a 95th percentile within the class's bounds, and its demand has both. Demand is that of
 * the guest; what the host grants is fair-share.ts.
 */

import { cpuShare, memoryShare, type UsageRules, type UsageTraits } from "../../core/workload/usage.js";

/** Fractions are of one vCPU, 0 to 1. Times count from the guest's boot, except where a day is meant (UTC). */
export type CpuProfile =
  | { readonly kind: "idle" }
  | { readonly kind: "constant"; readonly fraction: number }
  | { readonly kind: "sine"; readonly mean: number; readonly amplitude: number; readonly periodSeconds?: number }
  | {
      readonly kind: "bursts";
      readonly low: number;
      readonly high: number;
      /** One burst of `lastSeconds` somewhere in every window of `everySeconds`. */
      readonly everySeconds: number;
      readonly lastSeconds: number;
    }
  | { readonly kind: "steps"; readonly steps: readonly { readonly afterSeconds: number; readonly fraction: number }[] }
  /** The same values over and over. */
  | { readonly kind: "series"; readonly stepSeconds: number; readonly fractions: readonly number[] }
  | DrawnProfile
  | { readonly kind: UsageClass };

/** As core/workload/usage.ts draws it, for all vCPUs alike; a moment lasts `momentSeconds`, the first begins at `originMs`. */
export interface DrawnProfile extends UsageTraits, UsageRules {
  readonly kind: "drawn";
  readonly momentSeconds: number;
  readonly originMs: number;
}

/** MiB in use by the guest itself, caches aside. Fractions are of the memory it was started with. */
export type MemoryProfile =
  | { readonly kind: "constant"; readonly fraction: number }
  | { readonly kind: "sine"; readonly mean: number; readonly amplitude: number; readonly periodSeconds?: number }
  /** From `fromFraction` at boot, by `mibPerSecond`, until `limitFraction`. */
  | {
      readonly kind: "grow";
      readonly fromFraction: number;
      readonly mibPerSecond: number;
      readonly limitFraction: number;
    }
  /** From point to point in a straight line; before the first as at the first, after the last as at the last. */
  | { readonly kind: "script"; readonly points: readonly MemoryPoint[] }
  | DrawnMemory;

/** As core/workload/usage.ts draws it at every `everyMoments`-th moment, and in straight lines between: programs grow and shrink, they do not jump. */
export interface DrawnMemory extends Pick<UsageTraits, "index">, UsageRules {
  readonly kind: "drawn";
  readonly momentSeconds: number;
  readonly everyMoments: number;
  readonly originMs: number;
}

export interface MemoryPoint {
  /** From the guest's boot. */
  readonly atSeconds: number;
  readonly usedMiB: number;
}

export interface UsageProfile {
  readonly cpu: CpuProfile;
  readonly memory: MemoryProfile;
}

/** What one vCPU wants (0 to 1) at `timeMs` (since the epoch), in a guest that booted at `bootMs`. */
export type CpuDemand = (vcpu: number, timeMs: number, bootMs: number) => number;

interface ClassBounds {
  readonly share: number;
  readonly mean: readonly [number, number];
  readonly p95: readonly [number, number];
  readonly periodicShare: number;
}

/** Spec 7.1, "Usage profiles"; the shares add up to 0.99 and the last class takes the rest. */
const CLASSES = {
  low: { share: 0.28, mean: [0, 0.259], p95: [0, 0.312], periodicShare: 0.004 },
  "low-mid": { share: 0.21, mean: [0.001, 0.519], p95: [0.26, 0.702], periodicShare: 0.008 },
  "low-with-peak": { share: 0.36, mean: [0.002, 0.333], p95: [0.666, 1], periodicShare: 0.011 },
  intensive: { share: 0.14, mean: [0.293, 1], p95: [0.521, 1], periodicShare: 0.008 },
} as const satisfies Record<string, ClassBounds>;

export type UsageClass = keyof typeof CLASSES;
export const USAGE_CLASSES = Object.keys(CLASSES) as readonly UsageClass[];

const DAY_MS = 86_400_000;
/** An idle guest still ticks and runs its daemons: a Debian guest takes about this much of a vCPU. */
const IDLE_FRACTION = 0.005;
/** How long a VM of a class stays at one level: peaks that last minutes, as in the traces, and not single samples. */
const LEVEL_MS = 120_000;
/** Part of the levels that are peaks. Twice the 5 % above the 95th percentile, whose value then is the peaks' median. */
const PEAK_SHARE = 0.1;
/** Levels vary around their value by up to this part of it. */
const LEVEL_JITTER = 0.1;

/** An even number in [0, 1), the same for the same arguments (integer mixing after Wellons' "lowbias32"). */
export function noise(seed: number, a: number, b: number): number {
  let h = seed ^ Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return ((h ^ (h >>> 16)) >>> 0) / 4_294_967_296;
}

/** A seed of its own for each name (FNV-1a, mixed). */
export function seedOf(seed: number, name: string): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return (noise(h, name.length, 0) * 4_294_967_296) | 0;
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** The demand of a profile; what depends on the seed alone is worked out once, here. */
export function cpuDemand(profile: CpuProfile, seed: number): CpuDemand {
  switch (profile.kind) {
    case "idle":
      return (vcpu, timeMs) => IDLE_FRACTION * 2 * noise(seed, vcpu, Math.floor(timeMs / LEVEL_MS));
    case "constant": {
      const fraction = clamp(profile.fraction);
      return () => fraction;
    }
    case "sine": {
      const periodMs = (profile.periodSeconds ?? 86_400) * 1000;
      return (_vcpu, timeMs) => clamp(profile.mean + profile.amplitude * Math.sin((2 * Math.PI * timeMs) / periodMs));
    }
    case "bursts":
      return burstDemand(profile, seed);
    case "steps":
      return (_vcpu, timeMs, bootMs) => {
        const since = (timeMs - bootMs) / 1000;
        let fraction = 0;
        for (const step of profile.steps) if (step.afterSeconds <= since) fraction = step.fraction;
        return clamp(fraction);
      };
    case "series":
      return (_vcpu, timeMs, bootMs) => {
        const index = Math.floor((timeMs - bootMs) / 1000 / profile.stepSeconds) % profile.fractions.length;
        return clamp(profile.fractions[index] ?? 0);
      };
    case "drawn":
      return drawnDemand(profile);
    default:
      return classDemand(CLASSES[profile.kind], seed);
  }
}

/** A moment's value is worked out once: it is asked for by every vCPU. */
function drawnDemand(profile: DrawnProfile): CpuDemand {
  const momentMs = profile.momentSeconds * 1000;
  let [known, value] = [Number.NaN, 0];
  return (_vcpu, timeMs) => {
    const moment = Math.max(0, Math.floor((timeMs - profile.originMs) / momentMs));
    if (moment !== known) [known, value] = [moment, clamp(cpuShare(profile, moment, profile))];
    return value;
  };
}

function burstDemand(profile: Extract<CpuProfile, { kind: "bursts" }>, seed: number): CpuDemand {
  const windowMs = profile.everySeconds * 1000;
  const lastMs = Math.min(profile.lastSeconds * 1000, windowMs);
  return (_vcpu, timeMs, bootMs) => {
    const since = timeMs - bootMs;
    const window = Math.floor(since / windowMs);
    const startMs = window * windowMs + noise(seed, window, 1) * (windowMs - lastMs);
    return clamp(since >= startMs && since < startMs + lastMs ? profile.high : profile.low);
  };
}

/**
 * A tenth of the levels are peaks around the 95th percentile p (half of them above: 5 %), the others lie around b, so that
 * 0.1 p + 0.9 b is the mean m. That needs 0.1 p <= m <= p, to which the draw of m is limited.
 */
function classDemand(bounds: ClassBounds, seed: number): CpuDemand {
  const between = (low: number, high: number, salt: number) => low + (high - low) * noise(seed, salt, 11);
  const p95 = between(bounds.p95[0], bounds.p95[1], 1);
  const mean = between(Math.max(bounds.mean[0], PEAK_SHARE * p95), Math.min(bounds.mean[1], p95), 2);
  const base = (mean - PEAK_SHARE * p95) / (1 - PEAK_SHARE);
  const periodic = noise(seed, 3, 11) < bounds.periodicShare;
  return (vcpu, timeMs) => {
    const level = Math.floor((periodic ? timeMs % DAY_MS : timeMs) / LEVEL_MS);
    const value = noise(seed, level, 5) < PEAK_SHARE ? p95 : base;
    const jitter = Math.min(LEVEL_JITTER, value > 0 ? (1 - value) / value : 0);
    return value * (1 + jitter * (2 * noise(seed + vcpu, level, 6) - 1));
  };
}

/** MiB in use at `timeMs` in a guest that booted at `bootMs` with `memoryMiB`. */
export function memoryInUseMiB(profile: MemoryProfile, memoryMiB: number, timeMs: number, bootMs: number): number {
  switch (profile.kind) {
    case "constant":
      return clamp(profile.fraction) * memoryMiB;
    case "sine": {
      const phase = (2 * Math.PI * timeMs) / ((profile.periodSeconds ?? 86_400) * 1000);
      return clamp(profile.mean + profile.amplitude * Math.sin(phase)) * memoryMiB;
    }
    case "grow": {
      const grown = profile.fromFraction * memoryMiB + ((timeMs - bootMs) / 1000) * profile.mibPerSecond;
      return Math.min(grown, profile.limitFraction * memoryMiB);
    }
    case "script":
      return scriptedMiB(profile.points, (timeMs - bootMs) / 1000);
    case "drawn":
      return clamp(drawnShare(profile, timeMs)) * memoryMiB;
  }
}

/** The stretch that was asked for last: it is asked for many times, and draws that last are dear. */
const stretches = new WeakMap<DrawnMemory, { readonly number: number; readonly from: number; readonly to: number }>();

function drawnShare(profile: DrawnMemory, timeMs: number): number {
  const { everyMoments, momentSeconds, originMs } = profile;
  const at = Math.max(0, timeMs - originMs) / (everyMoments * momentSeconds * 1000);
  const number = Math.floor(at);
  let stretch = stretches.get(profile);
  if (stretch?.number !== number) {
    const end = (which: number): number => memoryShare(profile, which * everyMoments, profile);
    stretch = { number, from: stretch?.number === number - 1 ? stretch.to : end(number), to: end(number + 1) };
    stretches.set(profile, stretch);
  }
  return stretch.from + (at - number) * (stretch.to - stretch.from);
}

function scriptedMiB(points: readonly MemoryPoint[], atSeconds: number): number {
  const next = points.findIndex((point) => point.atSeconds > atSeconds);
  const to = points[next];
  if (to === undefined) return points[points.length - 1]?.usedMiB ?? 0;
  const from = points[next - 1] ?? to;
  const passed = to.atSeconds > from.atSeconds ? (atSeconds - from.atSeconds) / (to.atSeconds - from.atSeconds) : 0;
  return from.usedMiB + Math.max(0, passed) * (to.usedMiB - from.usedMiB);
}

/** A profile dealt by the seed, in the shares of spec 7.1; memory in use between a quarter and three quarters. */
export function dealtProfile(seed: number): UsageProfile {
  const memory: MemoryProfile = { kind: "constant", fraction: 0.25 + 0.5 * noise(seed, 1, 21) };
  let draw = noise(seed, 2, 21);
  for (const name of USAGE_CLASSES) {
    draw -= CLASSES[name].share;
    if (draw < 0) return { cpu: { kind: name }, memory };
  }
  return { cpu: { kind: "intensive" }, memory };
}
