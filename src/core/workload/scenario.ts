/**
 * What a workload is made from: sizes and their frequencies, what VMs do with what they bought, at which allocation ratios
 * they are sold, and how they come and go. The built-in scenarios are the published distributions of three providers, as CloudFactory
 * uses them; usage profiles are Azure's of 2017, the only published ones, for all three.
 */
import { type Ratio, ratio, type Seconds, seconds } from "../units.js";
import type { Shares } from "./shares.js";

interface Bounds {
  readonly least: number;
  readonly most: number;
}

export interface UsageProfileShare {
  readonly name: string;
  readonly share: number;
  /** Bounds of a VM's mean usage and of its 95th percentile, in percent of its vCPUs. */
  readonly mean: Bounds;
  readonly p95: Bounds;
  /** New VMs per VM of the beginning and day, and share of VMs that leave. */
  readonly arrival: number;
  readonly departure: number;
  /** Share of VMs whose usage repeats by the day. */
  readonly periodic: number;
}

export interface Scenario {
  readonly name: string;
  /** Both lists are dealt in exact counts, sorted and paired: small CPU with small memory. */
  readonly vcpus: Shares<number>;
  readonly memoryGiB: Shares<number>;
  readonly profiles: readonly UsageProfileShare[];
  readonly ratios: Shares<Ratio>;
}

/** How time passes: a day has slices, and VMs come and go at their beginnings. */
export interface Temporality {
  readonly slice: Seconds;
  readonly day: Seconds;
  readonly days: number;
}

/** Of the published sizing experiment: a day in 24 slices of six minutes, a week. */
export const EXPERIMENT_TEMPORALITY: Temporality = { slice: seconds(360), day: seconds(8_640), days: 7 };

export const AZURE_PROFILES: readonly UsageProfileShare[] = [
  profile("low_with_peak", 0.36, [0.2, 33.3], [66.6, 100], 0.6, 0.011),
  profile("low", 0.28, [0, 25.9], [0, 31.2], 0.15, 0.004),
  profile("intensive", 0.14, [29.3, 100], [52.1, 100], 0.57, 0.008),
  profile("low_mid", 0.21, [0.1, 51.9], [26, 70.2], 0.32, 0.008),
];

/** Arrivals and departures are balanced in the published profiles. */
function profile(
  name: string,
  share: number,
  mean: readonly [number, number],
  p95: readonly [number, number],
  rate: number,
  periodic: number,
): UsageProfileShare {
  const bounds = ([least, most]: readonly [number, number]): Bounds => ({ least, most });
  return { name, share, mean: bounds(mean), p95: bounds(p95), arrival: rate, departure: rate, periodic };
}

/** Where a scenario does not say at which ratios VMs are sold. */
export const EXCLUSIVE: Shares<Ratio> = [[ratio(1), 1]];

const SIZES: readonly Pick<Scenario, "name" | "vcpus" | "memoryGiB">[] = [
  {
    name: "azure2017",
    vcpus: [
      [1, 0.51],
      [2, 0.25],
      [4, 0.17],
      [8, 0.07],
    ],
    memoryGiB: [
      [0.75, 0.04],
      [1.75, 0.47],
      [3.5, 0.25],
      [7, 0.16],
      [14, 0.06],
      [56, 0.02],
    ],
  },
  {
    name: "chameleon2020",
    vcpus: [
      [1, 0.26],
      [2, 0.2],
      [4, 0.12],
      [8, 0.43],
    ],
    memoryGiB: [
      [0.5, 0.02],
      [2, 0.24],
      [4, 0.2],
      [8, 0.12],
      [16, 0.43],
    ],
  },
  {
    name: "ovhcloud2023",
    vcpus: [
      [1, 0.1],
      [2, 0.48],
      [4, 0.34],
      [8, 0.05],
      [16, 0.03],
    ],
    memoryGiB: [
      [2, 0.1],
      [4, 0.21],
      [7, 0.27],
      [8, 0.14],
      [15, 0.2],
      [30, 0.05],
      [60, 0.03],
    ],
  },
];

export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(
  SIZES.map((sizes) => [sizes.name, { ...sizes, profiles: AZURE_PROFILES, ratios: EXCLUSIVE }]),
);
