/** One strategy over a trace, to the files that `headroom estimate` leaves: its own, the seed's dump, or both. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_PERCENTILE } from "../../core/estimator/make.js";
import { makeFolder } from "../../trace/make-folder.js";
import { startMeter } from "./cost.js";
import { describeRun } from "./describe.js";
import { dumpName, SeedDump } from "./dump.js";
import type { EstimateOptions } from "./options.js";
import { type EstimateRun, estimateTrace, readForEstimates } from "./run.js";
import { summaryOf, writeEstimates, writeJson } from "./write.js";

export interface Written {
  /** For a person. */
  readonly text: string;
  readonly files: readonly string[];
}

/** Bytes of the file. One that is not there is the reader's to complain about, and has none. */
export function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Bytes of the trace read so far, as a share of the file. */
export function shareOf(path: string, update: (share: number) => void): (bytes: number) => void {
  const size = sizeOf(path);
  return (bytes) => update(size === 0 ? 0 : bytes / size);
}

/** `outDir`: null: no files of our own. Throws `OperationalError`. */
export async function runToFiles(
  options: EstimateOptions,
  outDir: string | null,
  wantsDump: boolean,
  update: (share: number) => void,
): Promise<Written> {
  const meter = startMeter();
  const progress = shareOf(options.tracePath, update);
  if (outDir !== null) makeFolder(outDir);
  const files: string[] = [];
  const dumped = wantsDump ? await runWithDump(options, outDir ?? "", progress) : null;
  if (dumped !== null) files.push(dumped.path);
  const { config, vms, windows } = dumped?.run ?? (await runAsStream(options, progress));
  const tally = writeEstimates(outDir, config, windows);
  if (outDir !== null) {
    const summary = join(outDir, "summary.json");
    writeJson(summary, summaryOf(options, config, vms, tally, meter()));
    files.push(join(outDir, "estimates.jsonl"), summary);
  }
  return { text: describeRun(options, config, vms, tally, meter()), files };
}

/** Windows as they are asked for: nothing of them is kept. */
async function runAsStream(options: EstimateOptions, progress: (bytes: number) => void) {
  const visitor = await readForEstimates(options, progress);
  return { config: visitor.config, vms: visitor.vms, windows: visitor.outcomes() };
}

async function runWithDump(
  options: EstimateOptions,
  folder: string,
  progress: (bytes: number) => void,
): Promise<{ readonly run: EstimateRun; readonly path: string }> {
  const settings = {
    cpuPercentile: options.cpuPercentile ?? DEFAULT_PERCENTILE,
    memoryPercentile: options.memoryPercentile ?? DEFAULT_PERCENTILE,
    aggregation: options.aggregation,
  };
  const dump = new SeedDump(join(folder, `.dump-${process.pid}.json`), settings);
  try {
    const run = await estimateTrace(options, progress, dump);
    const path = join(folder, dumpName(run.config.nodeName, settings));
    dump.end(run, path);
    return { run, path };
  } catch (error) {
    dump.abandon();
    throw error;
  }
}
