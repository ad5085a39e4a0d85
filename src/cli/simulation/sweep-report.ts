/** The figures, the tables and the page of a sweep of simulations (sweep.ts): hosts and steal by mix and policy. */
import { dot, ruleX, ruleY } from "@observablehq/plot";
import { type Mean, meanOf } from "../../core/sizing/sweep.js";
import { COLOURS, type FigureSpec } from "../../report/figure.js";
import type { NumberTable, Report, ReportFigure } from "../../report/report.js";
import { high, low, rounded } from "./points.js";
import type { SweptPoint } from "./sweep.js";

const NOTHING = meanOf([0]);

/** Of the ratio whose guests miss the most. */
const worstSteal = ({ steal }: SweptPoint): Mean =>
  Object.values(steal).reduce((worst, one) => (one.mean > worst.mean ? one : worst), NOTHING);

const MIX_WIDTH = 72;

function figureOf(
  points: readonly SweptPoint[],
  value: (point: SweptPoint) => Mean,
  told: Pick<FigureSpec, "title" | "subtitle"> & { readonly y: string },
): FigureSpec {
  const policies: readonly string[] = [...new Set(points.map(({ policy }) => policy))];
  const mixes = [...new Set(points.map(({ mix }) => mix))];
  const colourOf = (policy: string): string => COLOURS[policies.indexOf(policy) % COLOURS.length]!;
  const drawn = points.map((point) => {
    const { mix, policy } = point;
    const of = value(point);
    return { mix, policy, mean: of.mean, low: Math.max(0, low(of)), high: high(of), colour: colourOf(policy) };
  });
  return {
    title: told.title,
    subtitle: told.subtitle,
    legend: policies.map((policy) => ({ label: policy, colour: colourOf(policy) })),
    plot: {
      width: Math.max(800, 120 + MIX_WIDTH * mixes.length),
      height: 400,
      marginLeft: 64,
      marginBottom: 20,
      fx: { label: null, domain: mixes },
      x: { axis: null, domain: policies, type: "point", padding: 1 },
      y: { label: told.y, grid: true, labelArrow: "none", zero: true, nice: true },
      marks: [
        ruleY([0]),
        ruleX(drawn, { fx: "mix", x: "policy", y1: "low", y2: "high", stroke: "colour", strokeWidth: 2 }),
        dot(drawn, { fx: "mix", x: "policy", y: "mean", r: 4.5, fill: "colour" }),
      ],
    },
  };
}

function numbersOf(points: readonly SweptPoint[], value: (point: SweptPoint) => Mean, name: string): NumberTable {
  return {
    columns: ["mix", "policy", "runs", name, `${name}_within`],
    rows: points.map((point) => {
      const { mean, within } = value(point);
      return [point.mix, point.policy, point.runs, rounded(mean), rounded(within)];
    }),
  };
}

const hostsOf = ({ hosts }: SweptPoint): Mean => hosts;

/** Mean over the mixes, which all weigh the same. */
const overMixes = (points: readonly SweptPoint[], policy: string, value: (point: SweptPoint) => Mean): string =>
  meanOf(points.filter((point) => point.policy === policy).map((point) => value(point).mean)).mean.toFixed(2);

function figures(points: readonly SweptPoint[]): readonly ReportFigure[] {
  const bars = "by mix (% sold at 1:1 / 2:1 / 3:1); points are means over the seeds, bars 95 % confidence";
  return [
    {
      name: "hosts",
      spec: figureOf(points, hostsOf, { title: "Hosts by policy", subtitle: bars, y: "hosts" }),
      says: ["Hosts that a run had: the fewest without a refusal, where --hosts is least."],
      numbers: numbersOf(points, hostsOf, "hosts"),
    },
    {
      name: "steal",
      spec: figureOf(points, worstSteal, {
        title: "Steal by policy",
        subtitle: bars,
        y: "steal, p99, worst ratio (%)",
      }),
      says: [
        "What the guests of the ratio that missed the most wanted and did not get, 99th percentile of their minutes.",
      ],
      numbers: numbersOf(points, worstSteal, "steal_p99"),
    },
  ];
}

/** `about`: the workload, for the reader. */
export function sweepReport(points: readonly SweptPoint[], about: string): Report {
  const policies = [...new Set(points.map(({ policy }) => policy))];
  return {
    title: "Simulations by mix and policy",
    intro: [
      `Whole clusters on virtual time, a run for every mix, policy and seed: ${about}. Each run is a row of sweep.csv.`,
    ],
    facts: [
      ["runs of each point", [...new Set(points.map(({ runs }) => runs))].join(", ")],
      ...policies.map((policy): readonly [string, string] => [
        policy,
        `${overMixes(points, policy, hostsOf)} hosts and ${overMixes(points, policy, worstSteal)} % of steal on the mean of all mixes`,
      ]),
    ],
    figures: figures(points),
  };
}
