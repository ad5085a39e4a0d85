/**
 * What a report is made from, told by what is there: the folder of a replay or of a comparison, a recorded trace, or a file of
 * numbers. Reads just enough to tell; numbers are checked before anything is drawn of them.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { STRATEGY_NAMES } from "../../core/estimator/names.js";
import { OperationalError } from "../../ports/errors.js";
import type { Comparison } from "../../report/estimate/comparison.js";
import type { SizingNumbers } from "../../report/sizing/report.js";

export type ReportInput =
  | { readonly kind: "recording"; readonly tracePath: string; readonly summaryPath: string | null }
  | { readonly kind: "comparison"; readonly comparison: Comparison }
  | { readonly kind: "sizing"; readonly path: string; readonly numbers: SizingNumbers };

const MONITORING = ["monitoring.csv", "monitoring.csv.gz", "monitoring.csv.zst"];

const count = z.number().int().min(0);
const SIZING = z.object({
  policies: z.record(z.string(), z.object({ hosts: count })),
  lowerBound: z.object({ volume: count, configurationLp: count }),
});

const series = z.array(z.number().nullable());
const hostSeries = z.object({ capacity: z.array(z.number()), booked: z.array(z.number()), peak: series });
const said = z.object({ estimate: series, stable: z.array(z.boolean()) });
const metrics = z.object({
  windows: count,
  misprediction: z.number(),
  violation: z.object({ count, sum: z.number(), longest: count }),
});
/** What the figures read of a comparison. */
const COMPARISON = z.object({
  options: z.object({ assessor: z.string() }),
  trace: z.object({ nodeName: z.string(), sliceScope: z.number().positive(), windows: count, vms: count }),
  epoch: z.array(z.number()),
  warm: z.array(z.boolean()),
  host: z.object({ cpu: hostSeries, memory: hostSeries }),
  strategies: z.partialRecord(
    z.enum(STRATEGY_NAMES),
    z.object({ cpu: metrics, memory: metrics, series: z.object({ cpu: said, memory: said }) }),
  ),
});

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

function unusable(path: string, why: unknown): OperationalError {
  const said = why instanceof Error ? why.message : String(why);
  const options = why instanceof Error ? { cause: why } : {};
  return new OperationalError("bad-input-file", `${path}: ${said}`, false, options);
}

/** Throws `OperationalError` (bad-input-file) where there is nothing to report on. */
export async function inputOf(path: string): Promise<ReportInput> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unusable(path, cause);
  });
  if (!found.isDirectory())
    return /\.json$/i.test(path) ? numbersOf(path) : { kind: "recording", tracePath: path, summaryPath: null };
  for (const name of MONITORING) {
    const tracePath = join(path, name);
    if (!(await isFile(tracePath))) continue;
    const summaryPath = join(path, "summary.json");
    return { kind: "recording", tracePath, summaryPath: (await isFile(summaryPath)) ? summaryPath : null };
  }
  const comparison = join(path, "comparison.json");
  if (await isFile(comparison)) return numbersOf(comparison);
  if (await isFile(join(path, "decisions.jsonl")))
    throw unusable(path, "a replay without its monitoring.csv; run headroom replay with --monitoring");
  throw unusable(
    path,
    "neither monitoring.csv (headroom replay --monitoring) nor comparison.json (headroom estimate --compare) is in it",
  );
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw unusable(path, cause);
  }
}

/** The first thing that is wrong, by its place. */
function firstIssue(path: string, { issues: [issue] }: z.ZodError): OperationalError {
  return unusable(path, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not usable"}`);
}

async function numbersOf(path: string): Promise<ReportInput> {
  const value = await readJson(path);
  const has = (key: string): boolean => typeof value === "object" && value !== null && key in value;
  if (has("strategies")) {
    const checked = COMPARISON.safeParse(value);
    if (!checked.success) throw firstIssue(path, checked.error);
    return { kind: "comparison", comparison: value as Comparison };
  }
  if (!has("policies"))
    throw unusable(path, "neither the comparison of headroom estimate --compare nor what headroom size --json prints");
  const checked = SIZING.safeParse(value);
  if (!checked.success) throw firstIssue(path, checked.error);
  return { kind: "sizing", path, numbers: checked.data };
}

const SUMMARY = z.object({
  policy: z.string(),
  memoryUnit: z.enum(["MB", "KiB"]),
  deployed: count,
  refused: count,
  trace: z.object({ path: z.string() }),
});
export type ReplayFacts = z.infer<typeof SUMMARY>;

/** What summary.json says of the replay that a trace came from. Throws `OperationalError` (bad-input-file). */
export async function replayFacts(path: string): Promise<ReplayFacts> {
  const checked = SUMMARY.safeParse(await readJson(path));
  if (!checked.success) throw firstIssue(path, checked.error);
  return checked.data;
}
