/**
 * Beyond the bound: how many hosts suffice, and what tenants feel on them, when pools are counted with less than was sold. One curve for ratios that are
 * simply raised by a factor, one for pools that follow their usage and may be counted so far beyond their ratio. What was sold is kept where
 * VMs at 1:1 miss nothing and nobody's 99th percentile of steal is above that of static pools.
 */
import { dot, lineY, ruleY, text } from "@observablehq/plot";
import Table from "cli-table3";
import { COLOURS, type FigureSpec } from "../../report/figure.js";
import type { NumberTable, Report } from "../../report/report.js";
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import type { DynamicPlan } from "../../simulator/plan.js";
import type { Steal } from "../../simulator/steal.js";

export interface Choice {
  readonly pools: "static" | "dynamic";
  readonly factor: number;
}

export interface TradeOffPoint extends Choice {
  readonly hosts: number;
  readonly steal: Readonly<Record<string, Steal | null>>;
  /** VMs at 1:1 miss nothing, and no 99th percentile is above that of pools as they were sold. */
  readonly kept: boolean;
}

/** What was sold first; `dynamic`: but for its factor. */
export function tradeOffCases(
  base: Omit<SimulationCase, "name">,
  dynamic: Omit<DynamicPlan, "factor">,
  factors: readonly number[],
): readonly (SimulationCase & { readonly choice: Choice })[] {
  const of = (choice: Choice): SimulationCase & { readonly choice: Choice } => ({
    ...base,
    choice,
    name: `${choice.pools} ${choice.factor}`,
    plan: {
      ...base.plan,
      ratioFactor: choice.pools === "static" ? choice.factor : 1,
      dynamic: choice.pools === "static" ? null : { ...dynamic, factor: choice.factor },
    },
  });
  const more = factors.filter((factor) => factor > 1);
  return [
    of({ pools: "static", factor: 1 }),
    ...factors.map((factor) => of({ pools: "dynamic", factor })),
    ...more.map((factor) => of({ pools: "static", factor })),
  ];
}

/** In the order of the cases. */
export function tradeOffPoints(choices: readonly Choice[], results: readonly CaseResult[]): readonly TradeOffPoint[] {
  const sold = results[0]!.summary.steal;
  return choices.map((choice, place) => {
    const { hosts, summary } = results[place]!;
    const { steal } = summary;
    const kept = Object.entries(steal).every(([ratio, one]) =>
      ratio === "1" ? (one?.mostPercent ?? 0) === 0 : (one?.p99Percent ?? 0) <= (sold[ratio]?.p99Percent ?? 0),
    );
    return { ...choice, hosts, steal, kept };
  });
}

export function tradeOffText(points: readonly TradeOffPoint[]): string {
  const ratios = Object.keys(points[0]!.steal);
  const table = new Table({
    head: ["pools", "factor", "hosts", "what was sold", ...ratios.map((ratio) => `steal ${ratio}:1, mean / p99`)],
    style: { head: [], border: [], compact: true },
  });
  for (const { pools, factor, hosts, kept, steal } of points) {
    const felt = ratios.map((ratio) => {
      const one = steal[ratio];
      return one == null ? "-" : `${one.meanPercent.toFixed(2)} / ${one.p99Percent.toFixed(1)} %`;
    });
    table.push([pools, factor, hosts, kept ? "kept" : "not kept", ...felt]);
  }
  return `${table.toString()}\n`;
}

const LOOKS = {
  static: { colour: COLOURS[1], label: "ratios raised by the factor" },
  dynamic: { colour: COLOURS[0], label: "pools that follow their usage, up to the factor" },
} as const;

const round = (value: number | undefined): number | null => (value === undefined ? null : Number(value.toFixed(4)));

/** One ratio's 99th percentile at a point. */
interface Row {
  readonly pools: Choice["pools"];
  readonly factor: number;
  readonly hosts: number;
  readonly p99: number;
  readonly of: string;
}

const rowsOf = (points: readonly TradeOffPoint[], ratios: readonly string[]): readonly Row[] =>
  ratios.flatMap((ratio) =>
    points.map(({ pools, factor, hosts, steal }) => {
      return { pools, factor, hosts, p99: steal[ratio]?.p99Percent ?? 0, of: `sold at ${ratio}:1` };
    }),
  );

/** Points that lie on one another have one label. */
function labelsOf(rows: readonly Row[]): readonly (Row & { readonly factors: string })[] {
  const labels = new Map<string, Row & { factors: string }>();
  for (const row of rows) {
    const key = `${row.of} ${row.hosts} ${row.p99}`;
    const known = labels.get(key);
    if (known === undefined) labels.set(key, { ...row, factors: String(row.factor) });
    else if (!known.factors.split(", ").includes(String(row.factor))) known.factors += `, ${row.factor}`;
  }
  return [...labels.values()];
}

function figureOf(rows: readonly Row[], panels: number): FigureSpec {
  const place = { x: "hosts", y: "p99", fy: "of" } as const;
  const curve = (pools: Choice["pools"]): Row[] =>
    rows.filter((row) => row.pools === pools || (row.pools === "static" && row.factor === 1));
  const line = (pools: Choice["pools"]) =>
    lineY(
      curve(pools).sort((a, b) => a.factor - b.factor || b.hosts - a.hosts),
      { ...place, stroke: LOOKS[pools].colour, strokeWidth: 2 },
    );
  return {
    title: "Hosts against steal",
    subtitle:
      "each point: the fewest hosts without a refusal, and the 99th percentile of steal there; numbers are factors",
    legend: [LOOKS.static, LOOKS.dynamic],
    plot: {
      width: 800,
      height: 120 + 220 * panels,
      marginLeft: 64,
      marginRight: 100,
      marginBottom: 44,
      x: { label: "hosts", labelAnchor: "center", labelArrow: "none", grid: true, interval: 1, inset: 30 },
      y: { label: "steal, 99th percentile (%)", labelArrow: "none", grid: true, nice: true, insetTop: 24 },
      fy: { label: null, padding: 0.15 },
      marks: [
        ruleY([0]),
        line("static"),
        line("dynamic"),
        dot(rows, { ...place, r: 5, fill: (row: Row) => LOOKS[row.pools].colour }),
        text(labelsOf(rows), { ...place, text: "factors", dy: -12, stroke: "white", fill: "black" }),
      ],
    },
  };
}

function numbersOf(points: readonly TradeOffPoint[]): NumberTable {
  const felt = Object.keys(points[0]!.steal).flatMap((one) => [
    `steal_mean_${one}`,
    `steal_p99_${one}`,
    `unmet_${one}`,
  ]);
  return {
    columns: ["pools", "factor", "hosts", "kept", ...felt],
    rows: points.map(({ pools, factor, hosts, kept, steal }) => [
      pools,
      factor,
      hosts,
      kept ? "yes" : "no",
      ...Object.values(steal).flatMap((one) => [one?.meanPercent, one?.p99Percent, one?.unmetPercent].map(round)),
    ]),
  };
}

/** `about`: the workload, for the reader. */
export function tradeOffReport(points: readonly TradeOffPoint[], about: string): Report {
  const ratios = Object.keys(points[0]!.steal).filter((ratio) => ratio !== "1");
  const sold = points[0]!;
  const kept = points.filter((point) => point.kept).sort((a, b) => a.hosts - b.hosts)[0]!;
  return {
    title: "Hosts against steal",
    intro: [
      `The fewest simulated hosts on which nobody is refused, and the steal of the guests there: ${about}.`,
      "Usage is drawn from published distributions, independently from moment to moment: real peaks last longer and come together (docs/simulation.md).",
    ],
    facts: [
      ["as sold", `${sold.hosts} hosts`],
      ["fewest hosts with what was sold kept", `${kept.hosts} (${kept.pools}, factor ${kept.factor})`],
    ],
    figures: [
      {
        name: "trade-off",
        spec: figureOf(rowsOf(points, ratios), ratios.length),
        says: [
          "Further left is fewer hosts, lower is what tenants feel less. Both curves begin with pools as they were sold (factor 1).",
          kept.hosts < sold.hosts
            ? `What was sold is kept with ${kept.hosts} hosts instead of ${sold.hosts}: ${kept.pools} pools, factor ${kept.factor}.`
            : "No choice needs fewer hosts and keeps what was sold.",
        ],
        numbers: numbersOf(points),
      },
    ],
  };
}
