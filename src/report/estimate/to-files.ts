/** One strategy over a trace, to the files that `headroom estimate` leaves: its own, the seed's dump, or both. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DEFAULT_PERCENTILE } from "../../core/estimator/make.js";
import { makeFolder } from "../files.js";
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

/** Bytes of the trace read so far, as a share of the file. */
export async function shareOf(path: string, update: (share: number) => void): Promise<(bytes: number) => void> {
  // A file that is not there is the reader's to complain about.
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
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
  const progress = await shareOf(options.tracePath, update);
  if (outDir !== null) await makeFolder(outDir);
  const files: string[] = [];
  const dumped = wantsDump ? await runWithDump(options, outDir ?? "", progress) : null;
  if (dumped !== null) files.push(dumped.path);
  const { config, vms, windows } = dumped?.run ?? (await runAsStream(options, progress));
  const tally = await writeEstimates(outDir, config, windows);
  if (outDir !== null) {
    const summary = join(outDir, "summary.json");
    await writeJson(summary, summaryOf(options, config, vms, tally, meter()));
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
    await dump.end(run, path);
    return { run, path };
  } catch (error) {
    await dump.abandon();
    throw error;
  }
}
