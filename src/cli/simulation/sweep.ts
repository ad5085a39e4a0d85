/** A sweep of simulations: every mix, policy and seed of one scenario, and means over the seeds with their confidence. */
import Table from "cli-table3";
import { type Mean, type Mix, meanOf, mixName } from "../../core/sizing/sweep.js";
import { ratio } from "../../core/units.js";
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import type { PlacementName } from "../../simulator/plan.js";
import { ratiosOf } from "./points.js";

export interface SweptCase extends SimulationCase {
  readonly mix: string;
}

/** `base`: with a workload that is generated. */
export function sweepCases(
  base: Omit<SimulationCase, "name">,
  mixes: readonly Mix[],
  seeds: readonly number[],
  policies: readonly PlacementName[],
): readonly SweptCase[] {
  return mixes.flatMap((mix) =>
    policies.flatMap((placement) => seeds.map((seed) => caseOf(base, mix, seed, placement))),
  );
}

function caseOf(base: Omit<SimulationCase, "name">, mix: Mix, seed: number, placement: PlacementName): SweptCase {
  const { workload, plan } = base;
  const ratios = mix.flatMap((share, place) => (share > 0 ? [[ratio(place + 1), share] as const] : []));
  return {
    ...base,
    name: `${mixName(mix)}, ${placement}, seed ${seed}`,
    mix: mixName(mix),
    workload: workload.kind === "listed" ? workload : { ...workload, scenario: { ...workload.scenario, ratios } },
    plan: { ...plan, seed, placement },
  };
}

const COLUMNS = [
  "mix",
  "policy",
  "seed",
  "hosts",
  "most_hosts_in_use",
  "placed",
  "refused",
  "migrations",
  "pin_changes",
];
export function sweepCsv(cases: readonly SweptCase[], results: readonly CaseResult[]): string {
  const ratios = ratiosOf(results.map(({ summary }) => summary));
  const header = [...COLUMNS, ...ratios.flatMap((one) => [`steal_mean_${one}`, `steal_p99_${one}`])];
  const rows = cases.map(({ mix, plan }, place) => {
    const { hosts, summary } = results[place]!;
    const { mostHostsInUse, placed, refused, migrations, pinChanges, steal } = summary;
    const felt = ratios.flatMap((one) => [steal[one]?.meanPercent ?? "", steal[one]?.p99Percent ?? ""]);
    const counts = [hosts, mostHostsInUse, placed, refused, migrations, pinChanges];
    return [mix, plan.placement, plan.seed, ...counts, ...felt];
  });
  return `${[header, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}

/** The runs of a mix under a policy: means over the seeds. */
export interface SweptPoint {
  readonly mix: string;
  readonly policy: PlacementName;
  readonly runs: number;
  readonly hosts: Mean;
  readonly mostHostsInUse: Mean;
  readonly refused: Mean;
  /** 99th percentile in percent, by ratio. */
  readonly steal: Readonly<Record<string, Mean>>;
}

export function sweepPoints(cases: readonly SweptCase[], results: readonly CaseResult[]): readonly SweptPoint[] {
  const groups = new Map<string, { readonly swept: SweptCase; readonly results: CaseResult[] }>();
  for (const [place, swept] of cases.entries()) {
    const key = `${swept.mix} ${swept.plan.placement}`;
    const group = groups.get(key) ?? { swept, results: [] };
    group.results.push(results[place]!);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ swept, results: ofGroup }) => {
    const of = (value: (result: CaseResult) => number): Mean => meanOf(ofGroup.map(value));
    return {
      mix: swept.mix,
      policy: swept.plan.placement,
      runs: ofGroup.length,
      hosts: of(({ hosts }) => hosts),
      mostHostsInUse: of(({ summary }) => summary.mostHostsInUse),
      refused: of(({ summary }) => summary.refused),
      steal: Object.fromEntries(
        ratiosOf(ofGroup.map(({ summary }) => summary)).flatMap((one) => {
          // A run without a VM of this ratio says nothing of its steal.
          const felt = ofGroup.flatMap(({ summary }) => summary.steal[one]?.p99Percent ?? []);
          return felt.length === 0 ? [] : [[one, meanOf(felt)] as const];
        }),
      ),
    };
  });
}

const shown = ({ mean, within }: Mean): string => `${mean.toFixed(2)} ± ${within.toFixed(2)}`;

export function sweepText(points: readonly SweptPoint[]): string {
  const ratios = ratiosOf(points);
  const table = new Table({
    head: [
      "mix",
      "policy",
      "seeds",
      "hosts",
      "in use at most",
      "refused",
      ...ratios.map((one) => `steal ${one}:1, p99 %`),
    ],
    style: { head: [], border: [], compact: true },
  });
  for (const { mix, policy, runs, hosts, mostHostsInUse, refused, steal } of points) {
    const felt = ratios.map((one) => (steal[one] === undefined ? "-" : shown(steal[one])));
    table.push([mix, policy, runs, shown(hosts), shown(mostHostsInUse), shown(refused), ...felt]);
  }
  return `${table.toString()}\nMeans over the seeds; the true mean lies within ± with a confidence of 95 % (0: one seed).\n`;
}
