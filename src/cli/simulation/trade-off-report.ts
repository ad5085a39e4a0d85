/** The figure, the table and the page of a trade-off (trade-off.ts): hosts, in percent of those for what was sold, against the worst steal. */
import { dot, lineY, link, ruleY, text } from "@observablehq/plot";
import { COLOURS, type FigureSpec } from "../../report/figure.js";
import type { NumberTable, Report } from "../../report/report.js";
import { high, low, ratiosOf, rounded } from "./points.js";
import { type Choice, POOLS, type TradeOffPoint } from "./trade-off.js";

const LOOKS = {
  static: { colour: COLOURS[1], label: "ratios raised by the factor", labelAt: -11 },
  dynamic: { colour: COLOURS[0], label: "pools that follow their usage, up to the factor", labelAt: 14 },
  coordinated: { colour: COLOURS[2], label: "the same, and memory coordinated", labelAt: 28 },
} as const;

/** Points of one colour that lie on one another have one label. */
function labelsOf(points: readonly TradeOffPoint[]): readonly (TradeOffPoint & { readonly factors: string })[] {
  const labels = new Map<string, TradeOffPoint & { factors: string }>();
  for (const point of points) {
    const { dataset, mix, pools, factor } = point;
    const key = `${dataset} ${mix} ${pools} ${point.hostsPercent.mean.toFixed(0)} ${point.worstP99.mean.toFixed(0)}`;
    const known = labels.get(key);
    if (known === undefined) labels.set(key, { ...point, factors: String(factor) });
    else if (!known.factors.split(", ").includes(String(factor))) known.factors += `, ${factor}`;
  }
  return [...labels.values()];
}

const DATASET_WIDTH = 400;
const MIX_HEIGHT = 200;

function figureOf(points: readonly TradeOffPoint[]): FigureSpec {
  const [x, y] = [(one: TradeOffPoint) => one.hostsPercent.mean, (one: TradeOffPoint) => one.worstP99.mean];
  const facets = { fx: "dataset", fy: "mix" } as const;
  const colour = ({ pools }: TradeOffPoint): string => LOOKS[pools].colour;
  const shown = POOLS.filter((pools) => points.some((point) => point.pools === pools));
  const lineOf = (pools: Choice["pools"]) =>
    lineY(
      points
        .filter((point) => point.pools === pools || (point.pools === "static" && point.factor === 1))
        .sort((a, b) => a.factor - b.factor || b.hosts.mean - a.hosts.mean),
      { ...facets, x, y, stroke: LOOKS[pools].colour, strokeWidth: 2 },
    );
  const across = {
    x1: (one: TradeOffPoint) => low(one.hostsPercent),
    x2: (one: TradeOffPoint) => high(one.hostsPercent),
  };
  const along = {
    y1: (one: TradeOffPoint) => Math.max(0, low(one.worstP99)),
    y2: (one: TradeOffPoint) => high(one.worstP99),
  };
  const datasets = new Set(points.map(({ dataset }) => dataset));
  const mixes = new Set(points.map(({ mix }) => mix));
  const labels = labelsOf(points);
  return {
    title: "Hosts against steal",
    subtitle: "the fewest hosts without a refusal, and steal there; numbers are factors, bars 95 % confidence",
    legend: shown.map((pools) => LOOKS[pools]),
    plot: {
      width: Math.max(800, 120 + DATASET_WIDTH * datasets.size),
      height: 120 + MIX_HEIGHT * mixes.size,
      marginLeft: 64,
      marginRight: 110,
      marginBottom: 44,
      x: {
        label: "hosts, % of those for what was sold",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
        inset: 30,
      },
      y: {
        label: "steal, p99, worst ratio (%)",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
        nice: true,
        insetTop: 24,
        insetBottom: 36,
      },
      fx: { label: null, padding: 0.08, domain: [...datasets] },
      fy: { label: null, padding: 0.15, domain: [...mixes] },
      marks: [
        ruleY([0]),
        ...shown.map(lineOf),
        link(points, { ...facets, ...across, y1: y, y2: y, stroke: colour }),
        link(points, { ...facets, ...along, x1: x, x2: x, stroke: colour }),
        dot(points, { ...facets, x, y, r: 4.5, fill: colour }),
        ...shown.map((pools) =>
          text(
            labels.filter((point) => point.pools === pools),
            { ...facets, x, y, text: "factors", dy: LOOKS[pools].labelAt, stroke: "white", fill: LOOKS[pools].colour },
          ),
        ),
      ],
    },
  };
}

function numbersOf(points: readonly TradeOffPoint[]): NumberTable {
  const ratios = ratiosOf(points);
  return {
    columns: [
      ...["dataset", "mix", "pools", "factor", "runs"],
      ...["hosts", "hosts_within", "hosts_percent", "percent_within", "kept"],
      ...ratios.flatMap((one) => [`steal_mean_${one}`, `steal_p99_${one}`, `p99_within_${one}`, `steal_most_${one}`]),
      ...["swapping_percent", "short_percent", "most_missed_percent"],
    ],
    rows: points.map(({ dataset, mix, pools, factor, runs, hosts, hostsPercent, kept, steal, memory }) => [
      ...[dataset, mix, pools, factor, runs],
      ...[hosts.mean, hosts.within, hostsPercent.mean, hostsPercent.within].map(rounded),
      kept,
      ...ratios.flatMap((ratio) => {
        const one = steal[ratio];
        if (one === undefined) return [null, null, null, null];
        return [one.mean.mean, one.p99.mean, one.p99.within, one.most].map(rounded);
      }),
      ...(memory === null
        ? [null, null, null]
        : [memory.swapping.mean, memory.short.mean, memory.mostMissed].map(rounded)),
    ]),
  };
}

/** Of a dataset, all its mixes together. */
function saying(points: readonly TradeOffPoint[]): string {
  const { dataset, mix } = points.at(-1)!;
  const last = points.filter((point) => point.mix === mix);
  const asSold = last.find(({ pools, factor }) => pools === "static" && factor === 1)!;
  const best = last.filter(({ kept, runs }) => kept === runs).sort((a, b) => a.hosts.mean - b.hosts.mean)[0] ?? asSold;
  return best.hosts.mean < asSold.hosts.mean
    ? `${dataset}, ${mix}: what was sold is kept in every run with ${best.hosts.mean.toFixed(1)} hosts instead of ${asSold.hosts.mean.toFixed(1)} (${best.pools} pools, factor ${best.factor}).`
    : `${dataset}, ${mix}: no choice needs fewer hosts than ${asSold.hosts.mean.toFixed(1)} and keeps what was sold in every run.`;
}

/** `about`: the workload, for the reader. */
export function tradeOffReport(points: readonly TradeOffPoint[], about: string): Report {
  const datasets = [...new Set(points.map(({ dataset }) => dataset))];
  return {
    title: "Hosts against steal",
    intro: [
      `The fewest simulated hosts on which nobody is refused, and the steal of the guests there: ${about}.`,
      "Usage is drawn from published distributions; how it hangs together in time is --usage (docs/simulation.md).",
    ],
    facts: [["runs of each point", [...new Set(points.map(({ runs }) => runs))].join(", ")]],
    figures: [
      {
        name: "trade-off",
        spec: figureOf(points),
        says: [
          "Further left is fewer hosts, lower is what tenants feel less. All curves begin with pools as they were sold (100 %).",
          ...datasets.map((dataset) => saying(points.filter((point) => point.dataset === dataset))),
        ],
        numbers: numbersOf(points),
      },
    ],
  };
}
