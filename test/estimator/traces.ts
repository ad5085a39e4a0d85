/** Small traces in the estimator's format, written to files that are gone after the test. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EstimateOptions } from "../../src/report/estimate/options.js";
import { type EstimateRun, estimateTrace } from "../../src/report/estimate/run.js";

export const CONFIG = { node_name: "n", node_scope: 60, slice_scope: 60, historical_occurences: 1 };

/** A window of the host: 10 cores, 1000 MB. */
export const hostWindow = (cpu: readonly unknown[], memory: readonly unknown[] = [100, 200]): object => ({
  cpu: [10],
  mem: [1000],
  cpu_usage: cpu,
  mem_usage: memory,
  vm: [],
});

/** A window of a VM of 4 vCPUs and 100 MB. */
export const vmWindow = (time: number, cpu: readonly unknown[], memory: readonly unknown[] = [10, 20]): object => ({
  time: cpu.map((_, i) => time + i),
  cpu: [4],
  mem: [100],
  cpu_usage: cpu,
  mem_usage: memory,
});

export function traceOf(
  host: readonly unknown[],
  vms: Readonly<Record<string, readonly unknown[]>> = {},
  config: object = CONFIG,
): object {
  const machines = Object.fromEntries(Object.entries(vms).map(([name, raw_data]) => [name, { raw_data }]));
  return { config, epoch: host.map((_, i) => 60 * (i + 1)), node: { raw_data: host }, vm: machines };
}

/** Hands the path of a file with `content` to `use`. */
export async function withFile<T>(
  content: string | Uint8Array,
  use: (path: string, folder: string) => Promise<T> | T,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "headroom-estimate-"));
  try {
    const path = join(folder, "trace.json");
    writeFileSync(path, content);
    return await use(path, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const OPTIONS: Omit<EstimateOptions, "tracePath"> = {
  strategy: "nsigma",
  faithful: false,
  caution: false,
  assessor: "percentile",
  cpuPercentile: null,
  memoryPercentile: null,
  sigmas: 5,
  aggregation: 1,
};

export const estimateText = (text: string, changes: Partial<EstimateOptions> = {}): Promise<EstimateRun> =>
  withFile(text, (tracePath) => estimateTrace({ ...OPTIONS, tracePath, ...changes }));

export const estimate = (trace: object, changes: Partial<EstimateOptions> = {}): Promise<EstimateRun> =>
  estimateText(JSON.stringify(trace), changes);
