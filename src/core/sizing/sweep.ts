/**
 * Sizing many generated workloads: every scenario, mix of ratios, number of VMs and seed is a case, and each is sized by every policy.
 * A single seed moves a count by several hosts: what is said of a mix is a mean over seeds, with its confidence.
 */
import { confidenceOfMean } from "../estimator/student-t.js";
import { ratio } from "../units.js";
import { generateWorkload } from "../workload/generate.js";
import { seededRandom } from "../workload/random.js";
import { reservedMemory } from "../workload/reserved.js";
import type { Scenario, Temporality } from "../workload/scenario.js";
import type { SolveCovering } from "./linear-program.js";
import type { SizedHost, SizedVm } from "./model.js";
import { type SizingPolicy, sizeWorkload } from "./size.js";

/** Percent of VMs at 1:1, 2:1, 3:1 and so on. */
export type Mix = readonly number[];

/** The experiment's: three levels in steps of 25 %. */
export const EXPERIMENT_MIXES: readonly Mix[] = [0, 25, 50, 75, 100].flatMap((first) =>
  [0, 25, 50, 75, 100].filter((second) => first + second <= 100).map((second) => [first, second, 100 - first - second]),
);

export const mixName = (mix: Mix): string => mix.join("/");

export interface SweepPlan {
  readonly scenarios: readonly Scenario[];
  readonly mixes: readonly Mix[];
  /** VMs of the beginning. */
  readonly vms: readonly number[];
  readonly seeds: readonly number[];
  readonly temporality: Temporality;
  readonly shape: SizedHost;
  readonly policies: readonly SizingPolicy[];
  readonly migrations: 0 | 1 | 2;
}

export interface SweepCase {
  readonly scenario: Scenario;
  readonly mix: Mix;
  readonly vms: number;
  readonly seed: number;
}

/** What was found of a case. */
export interface SweepRow {
  readonly scenario: string;
  readonly mix: string;
  readonly vms: number;
  readonly seed: number;
  /** The higher of both bounds. */
  readonly bound: number;
  /** Hosts' worth of pCPUs and of memory that are wanted when the load is highest. */
  readonly peakPcpus: number;
  readonly peakMemory: number;
  readonly hosts: Readonly<Partial<Record<SizingPolicy, number>>>;
  /** Live moves of `headroom`; null: none were allowed, or it was not asked. */
  readonly moves: number | null;
}

/** By scenario, mix, number of VMs and seed, as the plan lists them. */
export const casesOf = ({ scenarios, mixes, vms, seeds }: SweepPlan): readonly SweepCase[] =>
  scenarios.flatMap((scenario) =>
    mixes.flatMap((mix) => vms.flatMap((count) => seeds.map((seed) => ({ scenario, mix, vms: count, seed })))),
  );

/** The VMs of a case, as they are sized. */
export function vmsOf({ scenario, mix, vms, seed }: SweepCase, temporality: Temporality): SizedVm[] {
  const ratios = mix.flatMap((share, place) => (share > 0 ? [[ratio(place + 1), share] as const] : []));
  const made = generateWorkload({ ...scenario, ratios }, temporality, vms, seededRandom(seed));
  return Array.from(made, (vm) => ({ ...vm, id: String(vm.index), memoryMiB: reservedMemory(vm) }));
}

export async function sizeCase(
  one: SweepCase,
  { temporality, shape, policies, migrations }: Omit<SweepPlan, "scenarios" | "mixes" | "vms" | "seeds">,
  solve: SolveCovering,
): Promise<SweepRow> {
  const vms = vmsOf(one, temporality);
  const report = await sizeWorkload({ vms, shape, policies, migrations, solve });
  const ours = report.policies.get("headroom");
  return {
    scenario: one.scenario.name,
    mix: mixName(one.mix),
    vms: one.vms,
    seed: one.seed,
    bound: Math.max(report.lowerBound.volume, report.lowerBound.configurationLp),
    peakPcpus: report.peak.pcpus,
    peakMemory: report.peak.memory,
    hosts: Object.fromEntries([...report.policies].map(([name, { hosts }]) => [name, hosts])),
    moves: ours !== undefined && "moves" in ours ? ours.moves : null,
  };
}

export interface Mean {
  readonly mean: number;
  /** The true mean lies so near to it with a confidence of 95 %; 0 for a single seed. */
  readonly within: number;
}

export interface PolicySummary {
  readonly hosts: Mean;
  /** Hosts over the bound. */
  readonly overBound: Mean;
}

/** Of one scenario, mix and number of VMs, over its seeds. */
export interface SweepSummary {
  readonly scenario: string;
  readonly mix: string;
  readonly vms: number;
  readonly seeds: number;
  readonly bound: Mean;
  readonly policies: Readonly<Partial<Record<SizingPolicy, PolicySummary>>>;
  readonly moves: Mean | null;
}

export function meanOf(values: readonly number[]): Mean {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return { mean, within: confidenceOfMean(values) };
}

export const overBound = (row: SweepRow, policy: SizingPolicy): number => row.hosts[policy]! / Math.max(1, row.bound);

/** In the order of their first rows. */
export function summariesOf(rows: readonly SweepRow[], policies: readonly SizingPolicy[]): readonly SweepSummary[] {
  const groups = new Map<string, SweepRow[]>();
  for (const row of rows) {
    const key = `${row.scenario} ${row.mix} ${row.vms}`;
    const others = groups.get(key);
    if (others === undefined) groups.set(key, [row]);
    else others.push(row);
  }
  return [...groups.values()].map((group) => {
    const { scenario, mix, vms, moves } = group[0]!;
    const ofPolicy = (policy: SizingPolicy): PolicySummary => ({
      hosts: meanOf(group.map((row) => row.hosts[policy]!)),
      overBound: meanOf(group.map((row) => overBound(row, policy))),
    });
    return {
      scenario,
      mix,
      vms,
      seeds: group.length,
      bound: meanOf(group.map((row) => row.bound)),
      policies: Object.fromEntries(policies.map((policy) => [policy, ofPolicy(policy)])),
      moves: moves === null ? null : meanOf(group.map((row) => row.moves ?? 0)),
    };
  });
}
