/** The estimator's reference outputs (../shared/goldens/scroogevm), and our own decisions for the same traces: each trace is read once. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { AssessorName } from "../../src/core/estimator/assessor.js";
import type { StrategyName } from "../../src/core/estimator/names.js";
import type { EstimateOptions } from "../../src/report/estimate/options.js";
import { type EstimateRun, EstimateVisitor } from "../../src/report/estimate/run.js";
import { readEstimatorTrace } from "../../src/trace/estimator-reader.js";
import type { EstimatorTraceVisitor } from "../../src/trace/estimator-record.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";

const ROOT = "goldens/scroogevm";

export interface GoldenWindow {
  readonly occurrence: number;
  readonly epoch: number;
  readonly slice: number;
  readonly booked_cpu: number;
  readonly booked_mem: number;
  readonly free_cpu: number;
  readonly free_mem: number;
  readonly cpu_tier0: number;
  readonly cpu_tier1: number;
  readonly cpu_tier2: number;
  readonly mem_tier0: number;
  readonly mem_tier1: number;
  readonly mem_tier2: number;
  readonly cpu_stable: boolean;
  readonly mem_stable: boolean;
  readonly unrounded_cpu_tier0: number | null;
  readonly unrounded_mem_tier0: number | null;
  readonly cpu_ratio?: number;
  readonly mem_ratio?: number;
}

export interface Golden {
  readonly strategy: string;
  readonly variant: string;
  readonly stub: string;
  readonly cpu_percentile: number;
  readonly mem_percentile: number;
  readonly aggregation: number;
  readonly occurrences: readonly GoldenWindow[];
}

/** Every trace with reference outputs, those that are put there later included. */
export const goldenTraces: readonly string[] = skipWithoutShared
  ? []
  : readdirSync(sharedPath(ROOT)).filter((name) => existsSync(sharedPath(`${ROOT}/${name}/trace.json.gz`)));

export const tracePath = (trace: string): string => sharedPath(`${ROOT}/${trace}/trace.json.gz`);

export const goldenPath = (trace: string, name: string): string => sharedPath(`${ROOT}/${trace}/${name}`);

export function readGoldenJson(trace: string, name: string): unknown {
  const bytes = readFileSync(goldenPath(trace, name));
  return JSON.parse((name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
}

export const goldensOf = (trace: string): readonly Golden[] =>
  readdirSync(sharedPath(`${ROOT}/${trace}/golden`))
    .sort()
    .map((name) => readGoldenJson(trace, `golden/${name}`) as Golden);

const ASSESSORS: Readonly<Record<string, AssessorName>> = {
  per: "percentile",
  pval: "pvalue",
  avg: "average",
  always: "always",
  never: "never",
};

export const optionsOf = (trace: string, golden: Golden): EstimateOptions => ({
  tracePath: tracePath(trace),
  strategy: golden.strategy === "scroogevm" ? "greedy" : (golden.strategy as StrategyName),
  faithful: true,
  caution: false,
  assessor: ASSESSORS[golden.stub] ?? "percentile",
  cpuPercentile: golden.cpu_percentile,
  memoryPercentile: golden.mem_percentile,
  sigmas: 5,
  aggregation: golden.aggregation,
});

/** Hands everything on to all. */
export const fanOut = (visitors: readonly EstimatorTraceVisitor[]): EstimatorTraceVisitor => ({
  start: (config, epochs) => {
    for (const visitor of visitors) visitor.start(config, epochs);
  },
  host: (occurrence, record) => {
    for (const visitor of visitors) visitor.host(occurrence, record);
  },
  vm: (name) => {
    for (const visitor of visitors) visitor.vm(name);
  },
  vmWindow: (occurrence, record) => {
    for (const visitor of visitors) visitor.vmWindow(occurrence, record);
  },
});

/** One run for each of the options, from one reading of the trace. */
export async function runAll(
  path: string,
  options: readonly EstimateOptions[],
  others: readonly EstimatorTraceVisitor[] = [],
): Promise<readonly EstimateRun[]> {
  const visitors = options.map((each) => new EstimateVisitor(each, null));
  await readEstimatorTrace(path, fanOut([...visitors, ...others]));
  return visitors.map((visitor) => visitor.finish());
}
