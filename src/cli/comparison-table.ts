/** A comparison of strategies as tables for a terminal: CPU, memory, and the figures that ScroogeVM's notebook would give. */
import Table from "cli-table3";
import type { StrategyName } from "../core/estimator/names.js";
import type { Resource } from "../core/estimator/resource.js";
import type { Comparison } from "../report/estimate/comparison.js";
import type { Metrics } from "../report/estimate/metrics.js";

const UNITS = {
  cpu: { name: "CPU", unit: "cores", digits: 2 },
  memory: { name: "memory", unit: "MB", digits: 0 },
} as const;

const rightAligned = (columns: number): ("left" | "right")[] =>
  Array.from({ length: columns }, (_, i) => (i === 0 ? "left" : "right"));

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    colAligns: rightAligned(head.length),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

function resourceRow(name: string, metrics: Metrics, resource: Resource): readonly string[] {
  const { digits } = UNITS[resource];
  const { meanAbsoluteError, misprediction, violation, savings, bookedPerEstimate } = metrics;
  return [
    name,
    meanAbsoluteError.toFixed(digits),
    misprediction.toFixed(digits),
    String(violation.count),
    violation.sum.toFixed(digits),
    String(violation.longest),
    savings.toFixed(digits),
    bookedPerEstimate.toFixed(2),
  ];
}

type Entry = readonly [StrategyName, NonNullable<Comparison["strategies"][StrategyName]>];

const entriesOf = ({ strategies }: Comparison): readonly Entry[] =>
  Object.entries(strategies) as unknown as readonly Entry[];

function resourceTable(comparison: Comparison, resource: Resource): string {
  const { name, unit } = UNITS[resource];
  const oracle = comparison.oracle[resource];
  const head = [
    "strategy",
    "mean error",
    "mispredicted",
    "violations",
    "sum",
    "in a row",
    "savings",
    "booked/estimate",
  ];
  const rows = [...entriesOf(comparison)]
    .sort(([, a], [, b]) => a[resource].meanAbsoluteError - b[resource].meanAbsoluteError)
    .map(([strategy, report]) => resourceRow(strategy, report[resource], resource));
  const title = `${name} (${unit}), ${oracle.windows} windows after warm-up against the true peak of the next:`;
  return `${title}\n${tableOf(head, [...rows, resourceRow("oracle", oracle, resource)])}`;
}

function notebookTable(comparison: Comparison): string {
  const rows = entriesOf(comparison).map(([strategy, { notebook, seconds }]) => [
    strategy,
    notebook.hosts.misprediction.toFixed(1),
    notebook.hosts.violation.toFixed(1),
    notebook.hosts.decreases.toFixed(1),
    seconds.toFixed(2),
  ]);
  const title = "As ScroogeVM's notebook counts (CPU, windows 1 to 29, in multiples of the host), and the run time:";
  return `${title}\n${tableOf(["strategy", "misprediction", "violation", "decreases", "seconds"], rows)}`;
}

export function comparisonTables(comparison: Comparison): string {
  const { nodeName, windows, sliceScope, vms } = comparison.trace;
  const title = `${nodeName}: ${windows} windows of ${sliceScope} s, ${vms} VMs`;
  const tables = [resourceTable(comparison, "cpu"), resourceTable(comparison, "memory"), notebookTable(comparison)];
  return `${[title, ...tables].join("\n\n")}\n`;
}
