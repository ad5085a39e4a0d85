/**
 * How near estimates come, and how often they are passed, on the families that were held out: the tables of docs/estimators.md, as
 * they stand there. Three hosts of each family; every estimate against the true peak of the next window. Baseline: the other
 * strategies on the same hosts.
 */
import { PROMISES } from "../../src/core/estimator/headroom/promise.js";
import { RESOURCES, type Resource } from "../../src/core/estimator/resource.js";
import { judge, metricsOf } from "../../src/report/estimate/metrics.js";
import type { EstimateOptions } from "../../src/report/estimate/options.js";
import { EstimateVisitor } from "../../src/report/estimate/run.js";
import { type Family, tell } from "../estimator/families.js";
import { fanOut } from "../estimator/golden.js";
import { HELD_OUT, HELD_OUT_LATER } from "../estimator/held-out.js";
import { OPTIONS } from "../estimator/traces.js";

const SEEDS = [104_729, 1_299_709, 15_485_863];

type Changes = Partial<EstimateOptions>;
const promises = PROMISES.map((promise): readonly [string, Changes] => [
  `headroom ${promise}`,
  { strategy: "headroom", promise },
]);
const LARGEST = { cpuPercentile: 100, memoryPercentile: 100 } as const;
const CONTENDERS = new Map<string, Changes>([
  ...promises,
  ["greedy", { strategy: "greedy" }],
  ["maxpeak", { strategy: "maxpeak" }],
  ["percentile", { strategy: "percentile" }],
  ["percentile 100", { strategy: "percentile", ...LARGEST }],
  ["nsigma", { strategy: "nsigma" }],
  ["rclike", { strategy: "rclike" }],
  ["borg", { strategy: "borg" }],
  ["doa", { strategy: "doa" }],
]);
/** Columns of the tables by family. */
const SHOWN = [
  "headroom 10",
  "headroom 40",
  "headroom 200",
  "greedy",
  "maxpeak",
  "percentile",
  "percentile 100",
  "nsigma",
  "rclike",
];

/** Misprediction in % of the host, windows in violation in %, their sum in % of the host per window. */
type Figures = readonly [misprediction: number, violations: number, sum: number];

const meanOf = (all: readonly Figures[]): Figures => {
  const mean = (i: 0 | 1 | 2): number => all.reduce((sum, figures) => sum + figures[i], 0) / all.length;
  return [mean(0), mean(1), mean(2)];
};
const cell = ([misprediction, violations, sum]: Figures): string =>
  `${misprediction.toFixed(2)} / ${violations.toFixed(1)} / ${sum.toFixed(3)}`;

function figuresOf(visitor: EstimateVisitor): Readonly<Record<Resource, Figures>> {
  const { windows } = visitor.finish();
  const of = (resource: Resource): Figures => {
    const { misprediction, violation, windows: count } = metricsOf(judge(windows, resource));
    const percent = 100 / (count * windows[0]![resource].capacity);
    return [percent * misprediction, (100 * violation.count) / count, percent * violation.sum];
  };
  return { cpu: of("cpu"), memory: of("memory") };
}

/** Of each contender, the mean of its hosts. */
function measured(family: Family, resources: readonly Resource[]): ReadonlyMap<string, readonly Figures[]> {
  const runs = SEEDS.map((seed) => {
    const options = { ...OPTIONS, tracePath: "", caution: true };
    const visitors = [...CONTENDERS.values()].map((changes) => new EstimateVisitor({ ...options, ...changes }, null));
    tell(family, seed, fanOut(visitors));
    return visitors.map(figuresOf);
  });
  return new Map(
    [...CONTENDERS.keys()].map((name, i) => [
      name,
      resources.map((resource) => meanOf(runs.map((run) => run[i]![resource]))),
    ]),
  );
}

function show(title: string, families: readonly Family[]): void {
  const figures = families.map((family) => measured(family, RESOURCES));
  const means = (name: string, r: number): Figures => meanOf(figures.map((each) => each.get(name)![r]!));
  console.log(`\n${title}: misprediction / windows in violation / their sum, all in %`);
  for (const [r, resource] of RESOURCES.entries()) {
    console.log(`\n| ${[resource, ...SHOWN].join(" | ")} |\n|${"---|".repeat(SHOWN.length + 1)}`);
    for (const [i, { name }] of families.entries())
      console.log(`| ${[name, ...SHOWN.map((shown) => cell(figures[i]!.get(shown)![r]!))].join(" | ")} |`);
    console.log(`| ${["**mean**", ...SHOWN.map((shown) => cell(means(shown, r)))].join(" | ")} |`);
  }
  console.log(`\n| mean | ${RESOURCES.join(" | ")} |\n|---|---|---|`);
  for (const name of CONTENDERS.keys())
    console.log(`| ${[name, ...RESOURCES.map((_, r) => cell(means(name, r)))].join(" | ")} |`);
}

show("The families held out first", HELD_OUT);
show("The families held out later", HELD_OUT_LATER);
