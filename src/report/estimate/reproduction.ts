/**
 * ScroogeVM's comparison once more, on a trace of the reader's, beside what was published (spec 5.4): misprediction and violation of the host's
 * CPU as the notebook counts them, in multiples of the host, and the figures of every comparison. The published traces are not public:
 * orders of magnitude and the order of strategies can be set beside each other, not the values.
 */
import { dot, ruleX, ruleY } from "@observablehq/plot";
import type { StrategyName } from "../../core/estimator/names.js";
import { COLOURS } from "../figure.js";
import type { Report, ReportFigure } from "../report.js";
import type { Comparison } from "./comparison.js";
import { comparisonReport } from "./report.js";

interface PublishedSums {
  readonly strategy: StrategyName;
  readonly load: "increasing" | "decreasing";
  readonly misprediction: number;
  readonly violation: number;
}

const published = (
  load: PublishedSums["load"],
  ...rows: readonly (readonly [StrategyName, misprediction: number, violation: number])[]
): readonly PublishedSums[] =>
  rows.map(([strategy, misprediction, violation]) => ({ strategy, load, misprediction, violation }));

/** ScroogeVM itself is `greedy`. A host of 256 cores. */
export const PUBLISHED_SUMS: readonly PublishedSums[] = [
  ...published(
    "increasing",
    ["greedy", 3.7, 0],
    ["nsigma", 5.7, 0],
    ["rclike", 13.3, 0],
    ["borg", 15.7, 0],
    ["doa", 23.2, 22.4],
  ),
  ...published("decreasing", ["greedy", 4.2, 0], ["nsigma", 5, 0], ["rclike", 5, 0.1], ["borg", 6.8, 0]),
];

const LOOKS = [
  ["published, increasing load", COLOURS[4]],
  ["published, decreasing load", COLOURS[5]],
  ["this trace", COLOURS[0]],
] as const;

function sumsFigure(comparison: Comparison): ReportFigure {
  const ours = (Object.keys(comparison.strategies) as StrategyName[]).map((strategy) => {
    const { misprediction, violation } = comparison.strategies[strategy]!.notebook.hosts;
    return { strategy, what: LOOKS[2][0] as string, misprediction, violation };
  });
  const theirs = PUBLISHED_SUMS.map(({ load, ...sums }) => ({
    ...sums,
    what: LOOKS[load === "increasing" ? 0 : 1][0],
  }));
  const points = [...theirs, ...ours];
  return {
    name: "published",
    spec: {
      title: "Misprediction beside what was published",
      subtitle: "of the host's CPU, cumulated over windows 1 to 29, in multiples of the host; lower is better",
      legend: LOOKS.map(([label, colour]) => ({ label, colour })),
      plot: {
        width: 1000,
        height: 400,
        marginLeft: 60,
        marginBottom: 44,
        x: {
          type: "point",
          label: "strategy (greedy is ScroogeVM)",
          domain: ours.map(({ strategy }) => strategy),
          labelAnchor: "center",
          labelArrow: "none",
        },
        y: { label: "hosts", grid: true, nice: true, labelArrow: "none" },
        color: { domain: LOOKS.map(([label]) => label), range: LOOKS.map(([, colour]) => colour) },
        marks: [
          ruleX(ours, { x: "strategy", stroke: "#eee" }),
          ruleY([0]),
          dot(points, { x: "strategy", y: "misprediction", stroke: "what", fill: "what", fillOpacity: 0.35, r: 5 }),
        ],
      },
    },
    says: [
      "The published sums are of two traces that are not public, on a host of 256 cores. How large a sum is depends on the trace (how steep its load, how long its windows); what can be compared is which strategies are near each other and which are far off.",
      "A violation is a window in which more was used than had been left for it.",
    ],
    numbers: {
      columns: ["strategy", "trace", "misprediction_hosts", "violation_hosts"],
      rows: points.map(({ strategy, what, misprediction, violation }) => [strategy, what, misprediction, violation]),
    },
  };
}

export function scroogevmReport(comparison: Comparison): Report {
  const report = comparisonReport(comparison);
  const { windows } = comparison.trace;
  const short =
    windows < 30
      ? [`This trace has ${windows} windows, the published sums are of 30: shorter traces have smaller sums.`]
      : [];
  return {
    ...report,
    title: "ScroogeVM's comparison, again",
    intro: [
      "How well each strategy says what a host will need in its next window, on this trace, beside the published sums.",
      ...short,
      ...report.intro,
    ],
    figures: [sumsFigure(comparison), ...report.figures],
  };
}
