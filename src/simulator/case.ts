/** One of many simulations: a workload, a plan, and what came of it. Plain, so that threads can be told. */
import { columnsOf } from "../core/sizing/model.js";
import { volumeBound } from "../core/sizing/volume.js";
import { seconds } from "../core/units.js";
import type { Scenario, Temporality } from "../core/workload/scenario.js";
import { type LeastHosts, leastHosts } from "./least.js";
import type { SimulatedVm } from "./options.js";
import { optionsOf, type SimulationPlan } from "./plan.js";
import { type Summary, simulate } from "./simulate.js";
import { poolRatio } from "./tenants.js";
import { generatedVms } from "./workload.js";

export type Workload =
  | { readonly kind: "listed"; readonly vms: readonly SimulatedVm[] }
  | {
      readonly kind: "generated";
      readonly scenario: Scenario;
      readonly temporality: Temporality;
      readonly initial: number;
    };

export interface SimulationCase {
  /** For people: what tells it from the others. */
  readonly name: string;
  readonly workload: Workload;
  readonly plan: Omit<SimulationPlan, "hosts">;
  /** Null: the fewest that suffice. */
  readonly hosts: number | null;
}

export interface CaseResult {
  readonly hosts: number;
  readonly summary: Summary;
}

const SILENT = { event: () => undefined, sample: () => undefined, progress: () => undefined };

export const vmsOf = (workload: Workload, seed: number): readonly SimulatedVm[] =>
  workload.kind === "listed"
    ? workload.vms
    : generatedVms(workload.scenario, workload.temporality, workload.initial, seed);

/** Ticks and moments of a first search are so long at least: where pools are static, nothing that is placed depends on them. */
const COARSE_TICK = 1_440;
/** Of the hosts for static pools, where the search for others begins. */
const DYNAMIC_SHARE = 0.95;

/**
 * The fewest hosts for a plan. With static pools, memory sold as it is and without faults the long ticks of a coarse search find them, and the plan's own
 * confirm them; for others, that number is only where the search begins.
 */
export async function fewestHosts(
  plan: Omit<SimulationPlan, "hosts">,
  vms: readonly SimulatedVm[],
  tried?: (hosts: number, suffices: boolean) => void,
): Promise<LeastHosts> {
  const optionsFor = (hosts: number) => optionsOf({ ...plan, hosts }, vms);
  const { shape, ratioFactor, faults } = plan;
  const counted = vms.map((vm) => ({ ...vm, ratio: poolRatio(vm.ratio, ratioFactor) }));
  const bound = volumeBound(columnsOf(counted), shape);
  if (faults !== "") return leastHosts(bound, optionsFor, tried);
  const tick = seconds(Math.max(plan.tick, COARSE_TICK));
  const coarse = {
    ...plan,
    tick,
    step: tick,
    sample: seconds(Math.max(plan.sample, tick)),
    dynamic: null,
    memoryRatio: 1,
  };
  const found = await leastHosts(bound, (hosts) => optionsOf({ ...coarse, hosts }, vms));
  if (plan.dynamic === null && (plan.memoryRatio ?? 1) === 1)
    return leastHosts(found.hosts, optionsFor, tried, found.hosts - 1);
  return leastHosts(Math.max(1, Math.round(DYNAMIC_SHARE * found.hosts)), optionsFor, tried);
}

export async function runCase({ workload, plan, hosts }: SimulationCase): Promise<CaseResult> {
  const vms = vmsOf(workload, plan.seed);
  if (hosts !== null) return { hosts, summary: await simulate(optionsOf({ ...plan, hosts }, vms), SILENT) };
  return fewestHosts(plan, vms);
}
