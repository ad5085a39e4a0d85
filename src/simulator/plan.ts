/** A simulation as it can be told to a thread: nothing in it but numbers and names. */
import type { AgentSettings } from "../agent/settings.js";
import { DEFAULT_BALLOON_SETTINGS } from "../core/balloon/settings.js";
import type { DynamicSettings } from "../core/dynamic/model.js";
import { WEIGHTS } from "../core/placement/weights.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import { createPolicy } from "../core/pool/registry.js";
import type { SizedHost } from "../core/sizing/model.js";
import { indexTopology } from "../core/topology/index-topology.js";
import { buildTopology } from "../core/topology/presets.js";
import { mib, milliseconds, type Seconds, seconds } from "../core/units.js";
import type { Course } from "../core/workload/course.js";
import { seededRandom } from "../core/workload/random.js";
import { parseFaults } from "./fault.js";
import type { SimulatedVm, SimulationOptions } from "./options.js";
import { endOf, HOURS_OF_A_DAY } from "./simulate.js";

/** learnt: `headroom`, by prices that the scheduler learns, as it does where nobody says otherwise. */
export type PlacementName = keyof typeof WEIGHTS | "learnt";

export interface SimulationPlan {
  readonly hosts: number;
  readonly shape: SizedHost;
  readonly placement: PlacementName;
  /** See `SimulationOptions`. */
  readonly migrations?: number;
  readonly seed: number;
  readonly step: Seconds;
  readonly tick: Seconds;
  readonly sample: Seconds;
  readonly day: Seconds;
  /** As fault.ts reads it; empty: none. */
  readonly faults: string;
  readonly correlation: number;
  readonly course: Course;
  /** Pools follow their usage; null: they do not. */
  readonly dynamic: DynamicPlan | null;
  /** See `SimulationOptions`. */
  readonly ratioFactor: number;
  /** Memory sold for each MiB that there is, where hosts coordinate their guests' memory; default: they do not. */
  readonly memoryRatio?: number;
}

/** As the agent's settings of the same names; what is not here is as by default. */
export interface DynamicPlan {
  readonly factor: number;
  readonly reservePercent: number;
  /** Default: they do. */
  readonly yields?: boolean;
  readonly learning: Seconds;
}

/** As the agent's settings have them where nothing is said. */
export const DYNAMIC_DEFAULTS = {
  margin: 0.15,
  mostWaiting: 0.1,
  mostPressure: 0.5,
  elastic: "off",
  leeway: 1,
} as const;
/** An hour is looked back on. */
const MONITORING_MS = 3_600_000;

/** The coordinator's interval in life. */
const LIFES_INTERVAL_SECONDS = DEFAULT_BALLOON_SETTINGS.interval / 1000;
/** A balloon moves by at most so much of a guest's memory between two decisions, however far they lie apart. */
const MOST_STEP_SHARE = 0.4;
/** Of a day: for so long a VM must have been seen, which is an hour in life. */
const MEMORY_HISTORY_DAYS = 1 / HOURS_OF_A_DAY;

/** Decides at every tick, in steps as large as those of life would have come to meanwhile. */
function memorySettings(memoryRatio: number, tick: Seconds, day: Seconds): Partial<AgentSettings> {
  const { stepShare } = DEFAULT_BALLOON_SETTINGS;
  const balloon = {
    ...DEFAULT_BALLOON_SETTINGS,
    interval: milliseconds(tick * 1000),
    stepShare: Math.min(MOST_STEP_SHARE, stepShare * Math.max(1, tick / LIFES_INTERVAL_SECONDS)),
  };
  return { memoryRatio, memoryHistory: milliseconds(day * 1000 * MEMORY_HISTORY_DAYS), balloon };
}

const dynamicSettings = ({ factor, learning }: DynamicPlan): DynamicSettings => ({
  ...DYNAMIC_DEFAULTS,
  ratios: true,
  // Simulated guests do not boot: what they do first is as true as what they do later.
  bootTime: milliseconds(0),
  maximumFactor: factor,
  window: milliseconds(learning * 1000),
  history: Math.max(1, Math.round(MONITORING_MS / (learning * 1000))),
});

/** Cores that share an L3, where so many divide the host's. */
const L3_CORES = [4, 3, 2];
/** Tells the draws of faults from others of the same seed. */
const FAULT_SEED = 0x6c8e9cf5;

/** One package, two threads a core where that comes out even. */
export function poolPolicyFor({ pcpus, memoryMiB }: SizedHost, dynamic: DynamicPlan | null): PoolPolicy {
  const threadsPerCore = pcpus % 2 === 0 ? 2 : 1;
  const coresPerCell = pcpus / threadsPerCore;
  const coresPerL3 = L3_CORES.find((cores) => coresPerCell % cores === 0) ?? 1;
  const shape = {
    packages: 1,
    cellsPerPackage: 1,
    coresPerCell,
    threadsPerCore,
    coresPerL3,
    memoryMiB: mib(memoryMiB),
  };
  const topology = indexTopology(buildTopology(shape));
  const follows =
    dynamic === null ? {} : { retrievableShare: dynamic.reservePercent / 100, yields: dynamic.yields ?? true };
  return createPolicy("headroom", { topology, criticalSize: 0, template: null, hostPcpus: [], ...follows });
}

/** Throws `FaultFormatError`. */
export function optionsOf(plan: SimulationPlan, vms: readonly SimulatedVm[]): SimulationOptions {
  const { hosts, shape, placement, seed, step, tick, sample, day, faults, correlation, course } = plan;
  const { dynamic, ratioFactor, memoryRatio = 1, migrations = 0 } = plan;
  const ground = { hosts, end: seconds(endOf(vms)), random: seededRandom(seed ^ FAULT_SEED) };
  return {
    vms,
    hosts,
    policy: poolPolicyFor(shape, dynamic),
    placement: WEIGHTS[placement === "learnt" ? "headroom" : placement],
    learnPrices: placement === "learnt",
    migrations,
    seed,
    step,
    tick,
    sample,
    day,
    faults: faults === "" ? [] : parseFaults(faults, ground),
    correlation,
    course,
    ratioFactor,
    agent: {
      ...(dynamic === null ? {} : { dynamic: dynamicSettings(dynamic) }),
      ...(memoryRatio > 1 ? memorySettings(memoryRatio, tick, day) : {}),
    },
  };
}
