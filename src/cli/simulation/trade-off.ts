/**
 * Beyond the bound: how many hosts suffice, and what tenants feel on them, when hosts are counted with less than was sold. Pools as they were sold are
 * beside ratios that are simply raised by a factor, pools that follow their usage and may be counted so far beyond their ratio, and such pools on hosts
 * that coordinate their guests' memory and sell more of it than there is. What was sold is kept where VMs at 1:1 miss nothing, nobody's 99th percentile of
 * steal is above that of the same VMs in static pools, and no guest swaps, nor any host. Over datasets, mixes and seeds: means with their confidence.
 */

import Table from "cli-table3";
import { type Mean, type Mix, meanOf } from "../../core/sizing/sweep.js";
import type { Scenario } from "../../core/workload/scenario.js";
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import type { MemoryFelt } from "../../simulator/memory-meter.js";
import type { DynamicPlan } from "../../simulator/plan.js";
import { ratiosOf } from "./points.js";
import { sweepCases } from "./sweep.js";

/** coordinated: dynamic, and memory is coordinated. */
export const POOLS = ["static", "dynamic", "coordinated"] as const;

export interface Choice {
  readonly pools: (typeof POOLS)[number];
  readonly factor: number;
}

/** Which VMs: where they are from, and at which ratios they are sold. */
export interface Sold {
  readonly dataset: string;
  readonly mix: string;
}

export interface TradeOffCase extends SimulationCase {
  readonly sold: Sold;
  readonly choice: Choice;
}

export interface TradeOffRules {
  /** But for its factor. */
  readonly dynamic: Omit<DynamicPlan, "factor">;
  readonly factors: readonly number[];
  /** Where memory is coordinated; 1: nowhere. */
  readonly memoryRatio: number;
  /** Of workloads that are generated; none: the base's own. */
  readonly scenarios: readonly Scenario[];
  /** Null: as the scenario, or the list of VMs, has it. */
  readonly mixes: readonly Mix[] | null;
  readonly seeds: readonly number[];
}

const AS_IT_IS = "as given";

/** Of each dataset, mix and seed, what was sold comes first. */
export function tradeOffCases(base: Omit<SimulationCase, "name">, rules: TradeOffRules): readonly TradeOffCase[] {
  const { workload } = base;
  const bases =
    workload.kind === "listed" || rules.scenarios.length === 0
      ? [base]
      : rules.scenarios.map((scenario) => ({ ...base, workload: { ...workload, scenario } }));
  return bases.flatMap((one) => workloadsOf(one, rules).flatMap((sold) => choicesOf(rules).map(caseOf(sold, rules))));
}

type Workloads = SimulationCase & { readonly sold: Sold };

function workloadsOf(base: Omit<SimulationCase, "name">, { mixes, seeds }: TradeOffRules): readonly Workloads[] {
  const dataset = base.workload.kind === "listed" ? "list of VMs" : base.workload.scenario.name;
  const as = (one: SimulationCase, mix: string): Workloads => ({
    ...one,
    sold: { dataset, mix },
    name: `${dataset} ${mix}, seed ${one.plan.seed}`,
  });
  if (mixes === null) return seeds.map((seed) => as({ ...base, name: "", plan: { ...base.plan, seed } }, AS_IT_IS));
  return sweepCases(base, mixes, seeds, [base.plan.placement]).map((one) => as(one, one.mix));
}

function choicesOf({ factors, memoryRatio }: TradeOffRules): readonly Choice[] {
  const of = (pools: Choice["pools"]) => (factor: number) => ({ pools, factor });
  return [
    { pools: "static", factor: 1 },
    ...factors.map(of("dynamic")),
    ...(memoryRatio > 1 ? factors.map(of("coordinated")) : []),
    ...factors.filter((factor) => factor > 1).map(of("static")),
  ];
}

const caseOf =
  (one: Workloads, { dynamic, memoryRatio }: TradeOffRules) =>
  (choice: Choice): TradeOffCase => {
    const { pools, factor } = choice;
    const plan = {
      ...one.plan,
      ratioFactor: pools === "static" ? factor : 1,
      dynamic: pools === "static" ? null : { ...dynamic, factor },
      memoryRatio: pools === "coordinated" ? memoryRatio : 1,
    };
    return { ...one, choice, name: `${one.name}, ${pools} ${factor}`, plan };
  };

/** One run, beside that of what was sold to the same VMs. */
export interface TradeOffRun extends Choice, Sold, CaseResult {
  readonly seed: number;
  /** Of the hosts for what was sold. */
  readonly hostsPercent: number;
  readonly kept: boolean;
}

/** In the order of the cases. */
export function tradeOffRuns(cases: readonly TradeOffCase[], results: readonly CaseResult[]): readonly TradeOffRun[] {
  let asSold = results[0]!;
  return cases.map(({ choice, sold, plan }, place) => {
    const result = results[place]!;
    if (choice.pools === "static" && choice.factor === 1) asSold = result;
    const hostsPercent = (100 * result.hosts) / asSold.hosts;
    return { ...sold, seed: plan.seed, ...choice, ...result, hostsPercent, kept: keeps(result, asSold) };
  });
}

const keeps = ({ summary }: CaseResult, asSold: CaseResult): boolean =>
  lacksNothing(summary.memory) &&
  Object.entries(summary.steal).every(([ratio, one]) =>
    ratio === "1"
      ? (one?.mostPercent ?? 0) === 0
      : (one?.p99Percent ?? 0) <= (asSold.summary.steal[ratio]?.p99Percent ?? 0),
  );

const lacksNothing = (memory: MemoryFelt | undefined): boolean =>
  memory === undefined || (memory.swappingPercent === 0 && memory.shortPercent === 0);

/** In percent, of VMs sold at one ratio: means over the runs of the mean and the 99th percentile, and the most of any moment of any run. */
export interface Felt {
  readonly mean: Mean;
  readonly p99: Mean;
  readonly most: number;
}

/** Of one dataset, mix and choice, over the seeds. */
export interface TradeOffPoint extends Choice, Sold {
  readonly runs: number;
  readonly hosts: Mean;
  readonly hostsPercent: Mean;
  /** Runs in which what was sold is kept. */
  readonly kept: number;
  /** By ratio. */
  readonly steal: Readonly<Record<string, Felt>>;
  /** Of the highest 99th percentile of any ratio of a run. */
  readonly worstP99: Mean;
  /** Null: memory was not coordinated. */
  readonly memory: LackedMemory | null;
}

/** Means over the runs of the shares, and the most that a guest missed in any run; in percent. */
export interface LackedMemory {
  readonly swapping: Mean;
  readonly short: Mean;
  readonly mostMissed: number;
}

const ALL_MIXES = "all mixes";

/** In the order of the runs; where there are several mixes, all of them together last. */
export function tradeOffPoints(runs: readonly TradeOffRun[]): readonly TradeOffPoint[] {
  const several = new Set(runs.map(({ mix }) => mix)).size > 1;
  const groups = new Map<string, TradeOffRun[]>();
  for (const run of several ? [...runs, ...runs.map((one) => ({ ...one, mix: ALL_MIXES }))] : runs) {
    const key = `${run.dataset} ${run.mix} ${run.pools} ${run.factor}`;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].map(pointOf);
}

function pointOf(runs: readonly TradeOffRun[]): TradeOffPoint {
  const { dataset, mix, pools, factor } = runs[0]!;
  const of = (value: (run: TradeOffRun) => number): Mean => meanOf(runs.map(value));
  const steal = ratiosOf(runs.map(({ summary }) => summary)).map((ratio): [string, Felt] => {
    const felt = runs.flatMap(({ summary }) => summary.steal[ratio] ?? []);
    const mean = meanOf(felt.map(({ meanPercent }) => meanPercent));
    const p99 = meanOf(felt.map(({ p99Percent }) => p99Percent));
    return [ratio, { mean, p99, most: Math.max(0, ...felt.map(({ mostPercent }) => mostPercent)) }];
  });
  return {
    dataset,
    mix,
    pools,
    factor,
    runs: runs.length,
    hosts: of(({ hosts }) => hosts),
    hostsPercent: of(({ hostsPercent }) => hostsPercent),
    kept: runs.filter(({ kept }) => kept).length,
    steal: Object.fromEntries(steal),
    worstP99: of(({ summary }) => Math.max(0, ...Object.values(summary.steal).map((one) => one?.p99Percent ?? 0))),
    memory: lackedOf(runs.flatMap(({ summary }) => summary.memory ?? [])),
  };
}

function lackedOf(felt: readonly MemoryFelt[]): LackedMemory | null {
  if (felt.length === 0) return null;
  return {
    swapping: meanOf(felt.map(({ swappingPercent }) => swappingPercent)),
    short: meanOf(felt.map(({ shortPercent }) => shortPercent)),
    mostMissed: Math.max(...felt.map(({ mostMissedPercent }) => mostMissedPercent)),
  };
}

const about = ({ mean, within }: Mean, digits = 1): string =>
  within === 0 ? mean.toFixed(digits) : `${mean.toFixed(digits)} ± ${within.toFixed(digits)}`;

export function tradeOffText(points: readonly TradeOffPoint[]): string {
  const ratios = ratiosOf(points);
  const coordinates = points.some(({ memory }) => memory !== null);
  const table = new Table({
    head: [
      ...["dataset", "mix", "pools", "factor", "hosts", "% of sold", "kept"],
      ...ratios.map((ratio) => `steal % ${ratio}:1, p99 (most)`),
      ...(coordinates ? ["memory missed %, time (most)"] : []),
    ],
    style: { head: [], border: [], compact: true },
  });
  for (const { dataset, mix, pools, factor, hosts, hostsPercent, runs, kept, steal, memory } of points) {
    const felt = ratios.map((ratio) => {
      const one = steal[ratio];
      return one === undefined ? "-" : `${about(one.p99)} (${one.most.toFixed(0)})`;
    });
    const lacked = memory === null ? "-" : `${about(memory.swapping, 2)} (${memory.mostMissed.toFixed(0)})`;
    const row = [dataset, mix, pools, factor, about(hosts), about(hostsPercent), `${kept} of ${runs}`, ...felt];
    table.push(coordinates ? [...row, lacked] : row);
  }
  const confidence = points.some(({ runs }) => runs > 1)
    ? "Means over the runs; the true mean lies within ± with a confidence of 95 %.\n"
    : "";
  return `${table.toString()}\nkept: steal at 1:1 zero, no 99th percentile above that of static pools of factor 1, no memory missed.\n${confidence}`;
}
