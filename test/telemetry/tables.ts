/** The tables of docs/telemetry.md, made from the code. */
import { DOMAIN_METRICS, HOST_METRICS, type ReadingMetric, UNITS } from "../../src/core/telemetry/metrics.js";
import { SAMPLE_METRICS } from "../../src/core/telemetry/sample-metrics.js";

const nameOf = ({ name, labels }: ReadingMetric): string => {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
};

const metricRow = (metric: ReadingMetric): string => {
  const { unit, kind, help, source, own, key } = metric;
  return `| \`${nameOf(metric)}\` | ${kind}, ${UNITS[unit].base} | \`${key}\`${own ? " *" : ""} | ${unit} | ${help} | ${source} |`;
};

const table = (head: readonly string[], rows: readonly string[]): string =>
  [`| ${head.join(" | ")} |`, `|${"---|".repeat(head.length)}`, ...rows].join("\n");

const METRIC_HEAD = ["metric", "kind, unit", "flat", "unit", "what", "source"];

/** By the heading under which each stands. */
export const TABLES: ReadonlyMap<string, string> = new Map([
  ["Of the host", table(METRIC_HEAD, HOST_METRICS.map(metricRow))],
  ["Of each VM", table(METRIC_HEAD, DOMAIN_METRICS.map(metricRow))],
  [
    "What is stored",
    table(
      ["value", "of", "unit", "what"],
      SAMPLE_METRICS.map(
        ({ key, of, unit, meaning, own }) => `| \`${key}\`${own ? " *" : ""} | ${of} | ${unit} | ${meaning} |`,
      ),
    ),
  ],
]);
