/** A comparison of strategies (comparison.json of `headroom estimate --compare`) as a report: the figures, what each says, the numbers. */
import type { StrategyName } from "../../core/estimator/names.js";
import type { Resource } from "../../core/estimator/resource.js";
import { type Cell, type NumberTable, type Report, type ReportFigure, shown } from "../report.js";
import type { Comparison } from "./comparison.js";
import { errorsOf, figuresOf, hoursOf, namesOf } from "./figures.js";

/** Estimate less the true peak by window and strategy, in the unit of the figures; a row for each compared window. */
function errorRows(
  comparison: Comparison,
  resource: Resource,
  cellOf: (error: number, strategy: StrategyName) => number,
): NumberTable {
  const names = namesOf(comparison);
  const rows = new Map<number, Map<StrategyName, number>>();
  for (const strategy of names)
    for (const { hours, value } of errorsOf(comparison, resource, strategy)) {
      const row = rows.get(hours) ?? new Map<StrategyName, number>();
      row.set(strategy, cellOf(value, strategy));
      rows.set(hours, row);
    }
  return {
    columns: ["hours", ...names],
    rows: [...rows]
      .sort(([a], [b]) => a - b)
      .map(([hours, row]): readonly Cell[] => [hours, ...names.map((name) => row.get(name) ?? null)]),
  };
}

function cumulated(comparison: Comparison, resource: Resource): NumberTable {
  const sums = new Map<StrategyName, number>();
  return errorRows(comparison, resource, (error, strategy) => {
    const sum = (sums.get(strategy) ?? 0) + Math.abs(error);
    sums.set(strategy, sum);
    return sum;
  });
}

/** As the trace counts, window by window: what was estimated for the window that follows. */
function usageRows(comparison: Comparison, resource: Resource): NumberTable {
  const names = namesOf(comparison);
  const { capacity, booked, peak } = comparison.host[resource];
  return {
    columns: [
      "hours",
      "epoch",
      "capacity",
      "booked",
      "peak usage",
      ...names.map((name) => `${name} for the next window`),
    ],
    rows: comparison.epoch.map((epoch, t): readonly Cell[] => [
      hoursOf(comparison, t),
      epoch,
      capacity[t] ?? null,
      booked[t] ?? null,
      peak[t] ?? null,
      ...names.map((name) => comparison.strategies[name]!.series[resource].estimate[t] ?? null),
    ]),
  };
}

function stabilityRows(comparison: Comparison): NumberTable {
  const { series } = comparison.strategies.greedy!;
  const word = (isStable: boolean | undefined): Cell => (isStable === true ? "stable" : "unstable");
  return {
    columns: ["hours", "cpu peak", "cpu", "memory peak", "memory"],
    rows: comparison.epoch.map((_, t): readonly Cell[] => [
      hoursOf(comparison, t),
      comparison.host.cpu.peak[t] ?? null,
      word(series.cpu.stable[t]),
      comparison.host.memory.peak[t] ?? null,
      word(series.memory.stable[t]),
    ]),
  };
}

/** Strategies by a figure of theirs, lowest first: `headroom 1.2, nsigma 3`. */
const ranking = (comparison: Comparison, resource: Resource, of: "misprediction" | "violation"): string =>
  namesOf(comparison)
    .map((name) => {
      const { misprediction, violation } = comparison.strategies[name]![resource];
      return { name, value: of === "misprediction" ? misprediction : violation.sum };
    })
    .sort((a, b) => a.value - b.value || (a.name < b.name ? -1 : 1))
    .map(({ name, value }) => `${name} ${shown(value)}`)
    .join(", ");

const unitOf = (resource: Resource): string => (resource === "cpu" ? "cores" : "MB");

function said(comparison: Comparison, resource: Resource, figure: string): readonly string[] {
  switch (figure) {
    case "misprediction":
      return [
        "An estimate is made at the end of each window, for the one that follows. The line is how far it was from the highest usage that this window then had, in either direction. The scale begins linear and goes on logarithmic, since a strategy may be off by more than the host has.",
      ];
    case "misprediction-cumulated":
      return [
        "The same, added up: the lowest line at the right edge belongs to the strategy that was nearest to the truth over the whole trace.",
        `In all, in ${unitOf(resource)}: ${ranking(comparison, resource, "misprediction")}.`,
      ];
    case "usage":
      return [
        "Grey is what was used at most in each window. An estimate above it that stays below what is booked is room that could be sold again; an estimate below it would have promised what was not there.",
      ];
    default:
      return [
        "A bar is a window in which usage passed the estimate. These are the mistakes that tenants feel: a strategy that saves much and has bars is not safe.",
        `Sums, in ${unitOf(resource)}: ${ranking(comparison, resource, "violation")}.`,
      ];
  }
}

function numbersOf(comparison: Comparison, resource: Resource, figure: string): NumberTable {
  switch (figure) {
    case "misprediction":
      return errorRows(comparison, resource, Math.abs);
    case "misprediction-cumulated":
      return cumulated(comparison, resource);
    case "usage":
      return usageRows(comparison, resource);
    default:
      return errorRows(comparison, resource, (error) => Math.max(0, -error));
  }
}

export function comparisonReport(comparison: Comparison): Report {
  const figures = [...figuresOf(comparison)].map(([name, spec]): ReportFigure => {
    if (name === "stability")
      return {
        name,
        spec,
        says: [
          "The strategy greedy lowers its margin while the host is stable, and raises it where it is not. Whether it is stable, an assessor says: it compares the window that ended with those of the same time of earlier days.",
        ],
        numbers: stabilityRows(comparison),
      };
    const [resource, ...rest] = name.split("-") as [Resource, ...string[]];
    const figure = rest.join("-");
    return { name, spec, says: said(comparison, resource, figure), numbers: numbersOf(comparison, resource, figure) };
  });
  const { trace } = comparison;
  return {
    title: `What ${trace.nodeName} really needs, as each strategy predicts it`,
    intro: [
      "Every strategy saw the same trace, window by window, and predicted what the host would use at most in the next one. What came is known, so each can be judged.",
      "Windows before the history is full are left out of the comparison, for all alike.",
    ],
    facts: [
      ["host", trace.nodeName],
      ["windows", `${trace.windows} of ${shown(trace.sliceScope / 60)} minutes`],
      ["VMs", String(trace.vms)],
      ["strategies", namesOf(comparison).join(", ")],
    ],
    figures,
  };
}
