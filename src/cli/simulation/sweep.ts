/** A sweep of simulations: every mix, policy and seed of one scenario, and means over the seeds with their confidence. */
import Table from "cli-table3";
import { type Mean, type Mix, meanOf, mixName } from "../../core/sizing/sweep.js";
import { ratio } from "../../core/units.js";
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import type { PlacementName } from "../../simulator/plan.js";

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
const RATIOS = (results: readonly CaseResult[]): readonly string[] =>
  [...new Set(results.flatMap(({ summary }) => Object.keys(summary.steal)))].sort((a, b) => Number(a) - Number(b));

export function sweepCsv(cases: readonly SweptCase[], results: readonly CaseResult[]): string {
  const ratios = RATIOS(results);
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

const shown = ({ mean, within }: Mean): string => `${mean.toFixed(2)} ± ${within.toFixed(2)}`;

export function sweepText(cases: readonly SweptCase[], results: readonly CaseResult[]): string {
  const ratios = RATIOS(results);
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
  const groups = new Map<string, CaseResult[]>();
  for (const [place, { mix, plan }] of cases.entries()) {
    const key = `${mix} ${plan.placement}`;
    groups.set(key, [...(groups.get(key) ?? []), results[place]!]);
  }
  for (const [key, group] of groups) {
    const of = (value: (result: CaseResult) => number): string => shown(meanOf(group.map(value)));
    table.push([
      ...key.split(" "),
      group.length,
      of(({ hosts }) => hosts),
      of(({ summary }) => summary.mostHostsInUse),
      of(({ summary }) => summary.refused),
      ...ratios.map((one) =>
        group[0]!.summary.steal[one] == null ? "-" : of(({ summary }) => summary.steal[one]?.p99Percent ?? 0),
      ),
    ]);
  }
  return `${table.toString()}\nMeans over the seeds; the true mean lies within ± with a confidence of 95 % (0: one seed).\n`;
}
