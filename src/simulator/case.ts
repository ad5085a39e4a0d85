/** One of many simulations: a workload, a plan, and what came of it. Plain, so that threads can be told. */
import type { SizedHost } from "../core/sizing/model.js";
import { columnsOf } from "../core/sizing/model.js";
import { volumeBound } from "../core/sizing/volume.js";
import type { Scenario, Temporality } from "../core/workload/scenario.js";
import { leastHosts } from "./least.js";
import type { SimulatedVm } from "./options.js";
import { optionsOf, type SimulationPlan } from "./plan.js";
import { type Summary, simulate } from "./simulate.js";
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

export const guessFor = (vms: readonly SimulatedVm[], shape: SizedHost): number => volumeBound(columnsOf(vms), shape);

export async function runCase({ workload, plan, hosts }: SimulationCase): Promise<CaseResult> {
  const vms = vmsOf(workload, plan.seed);
  if (hosts !== null) return { hosts, summary: await simulate(optionsOf({ ...plan, hosts }, vms), SILENT) };
  return leastHosts(guessFor(vms, plan.shape), (count) => optionsOf({ ...plan, hosts: count }, vms));
}
