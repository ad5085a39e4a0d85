/** The numbers behind the figures of a recorded host are those that the seeds' notebooks plot. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { gatherRecording, type Recording } from "../../src/report/recording/gather.js";
import {
  countNumbers,
  focusNumbers,
  hostCpuNumbers,
  hostMemoryNumbers,
  poolNumbers,
  vmMemoryNumbers,
  vmUsageNumbers,
} from "../../src/report/recording/numbers.js";
import type { NumberTable } from "../../src/report/report.js";
import { readTrace } from "../../src/trace/reader.js";
import { readGolden, replayReference } from "../golden/reference.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";
import { parsed, reported } from "./support.js";

interface Plotted {
  readonly name: string;
  readonly x?: readonly number[];
  readonly y?: readonly (number | null)[];
  readonly value?: number;
}
interface Figures {
  readonly [figure: string]: readonly Plotted[];
}
interface NotebookFigures {
  readonly series: Figures;
  readonly poolMaxima: readonly { readonly name: string; readonly max_val: number; readonly max_config: number }[];
  readonly vms: number;
}

async function notebookFigures(folder: string): Promise<NotebookFigures> {
  const text = gunzipSync(await readFile(sharedPath(`goldens/${folder}/figures.json.gz`))).toString("utf8");
  const { subset_max: poolMaxima, vm_unique: vms, ...series } = JSON.parse(text);
  return { series, poolMaxima, vms };
}

/** Sums in another order differ in their last digits. */
const isClose = (a: number | null, b: number | null): boolean =>
  a === null || b === null ? a === b : Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(b));

/** `exists`: where a row counts for this series; the notebooks plot no point where a pool or VM has no record. */
function equals(table: NumberTable, column: string, { name, x = [], y = [] }: Plotted, exists = column): void {
  const [at, there] = [table.columns.indexOf(column), table.columns.indexOf(exists)];
  assert.ok(at > 0 && there > 0, `${column} and ${exists} are among ${table.columns.join(", ")}`);
  const points = table.rows.filter((row) => row[there] !== null);
  assert.deepEqual(
    points.map(([time]) => time),
    x,
    `${name}: points in time`,
  );
  const wrong = points.filter((row, i) => !isClose(row[at] as number | null, y[i] ?? null));
  assert.deepEqual(wrong, [], `${name}: values`);
}

const poolOf = (name: string): string => name.split(" ")[0]!;

/** Of its figures, by name. */
type Tables = Readonly<Record<string, NumberTable>>;

const tablesOf = (recording: Recording): Tables => ({
  pools: poolNumbers(recording),
  "host-cpu": hostCpuNumbers(recording, 256),
  "vm-usage": vmUsageNumbers(recording),
  vms: focusNumbers(recording),
  "host-memory": hostMemoryNumbers(recording),
  "vm-memory": vmMemoryNumbers(recording),
  "vm-count": countNumbers(recording),
});

const columnOf = ({ columns, rows }: NumberTable, name: string): readonly (number | null)[] =>
  rows.map((row) => row[columns.indexOf(name)] as number | null);

const largest = (values: readonly (number | null)[]): number => Math.max(...values.filter((value) => value !== null));

function poolsHold(pools: NumberTable, { series, poolMaxima }: NotebookFigures): void {
  for (const plotted of series.vnodes!) {
    const pool = poolOf(plotted.name);
    const column = plotted.name.endsWith("usage") ? `${pool} usage_pcpus` : `${pool} pcpus`;
    equals(pools, column, plotted, `${pool} pcpus`);
  }
  for (const { name, max_val, max_config } of poolMaxima)
    assert.deepEqual(
      [largest(columnOf(pools, `${name} usage_pcpus`)), largest(columnOf(pools, `${name} pcpus`))],
      [max_val, max_config],
      `largest use and size of ${name}`,
    );
  const [mean] = series.subset_usage_mean!;
  // A pool stays once it exists: from the first timestamp on there is a mean, or a point without one.
  equals(pools, "mean usage_pcpus of pools", mean!, `${poolMaxima[0]!.name} pcpus`);
}

function holdsTo(tables: Tables, figures: NotebookFigures): void {
  const { series } = figures;
  poolsHold(tables.pools!, figures);
  const host = tables["host-cpu"]!;
  equals(host, "usage_pcpus", series.host_cpu_cores![0]!, "pcpus");
  assert.equal(columnOf(host, "pcpus")[0], series.host_cpu_cores![1]!.value);
  equals(host, "usage_pcpus of 256", series.host_cpu_cores_256![0]!, "pcpus");
  equals(tables["host-memory"]!, "share of the host's memory", series.host_mem_fraction![0]!);
  const memory = tables["vm-memory"]!;
  const allocated = memory.columns.find((column) => column.endsWith(" allocated"))!;
  equals(memory, `${poolOf(allocated)} allocated x host's share`, series.mem_subset![0]!, allocated);
  equals(memory, allocated, series.mem_subset![1]!);
  for (const plotted of series.vm_cpu_by_subset!) {
    const sizes = `${poolOf(plotted.name)} mean vcpus of a VM`;
    const isSize = plotted.name.endsWith("config mean");
    const column = isSize ? sizes : `${poolOf(plotted.name)} mean share of a VM's vcpus`;
    equals(tables["vm-usage"]!, column, plotted, sizes);
  }
  equals(tables["vm-count"]!, "mean VMs of CPU pools", series.count_vm![0]!);
  equals(tables["vm-count"]!, "mean VMs of memory pools", series.count_vm![1]!);
  for (const plotted of series.vm_focus_cores!) equals(tables.vms!, `${plotted.name} usage_pcpus`, plotted);
}

const focusOf = ({ series }: NotebookFigures): readonly string[] => series.vm_focus_cores!.map(({ name }) => name);

describe("the numbers behind a replay's figures equal those of the notebooks", { skip: skipWithoutShared }, () => {
  for (const folder of ["slackvm/medium", "sweetspotvm/small", "sweetspotvm/medium"])
    test(folder, async () => {
      const figures = await notebookFigures(folder);
      await replayReference(folder, readGolden(folder), {}, async ({ monitoringPath }) => {
        const recording = await gatherRecording(readTrace(monitoringPath), focusOf(figures));
        holdsTo(tablesOf(recording), figures);
        assert.equal(recording.vms, figures.vms, "different VMs");
      });
    });

  test("slackvm/small, by the command: the CSV files that lie beside the figures have them", async () => {
    const folder = "slackvm/small";
    const figures = await notebookFigures(folder);
    await replayReference(folder, readGolden(folder), {}, async ({ monitoringPath }) => {
      const out = join(dirname(monitoringPath), "report");
      const vms = focusOf(figures).flatMap((name) => ["--vm", name]);
      const said = await reported([monitoringPath, "--out", out, "--machine-pcpus", "256", ...vms]);
      assert.match(said, /^8 figures, 25 files in /);
      const names = ["pools", "host-cpu", "vm-usage", "vms", "host-memory", "vm-memory", "vm-count"];
      const read = async (name: string) => [name, parsed(await readFile(join(out, `${name}.csv`), "utf8"))] as const;
      holdsTo(Object.fromEntries(await Promise.all(names.map(read))), figures);
      const page = await readFile(join(out, "report.html"), "utf8");
      for (const name of names) assert.ok(page.includes(`<section id="${name}">`), `the page shows ${name}`);
      assert.match(page, /The pool 1:1 \(subset-1\.0 in the trace\) held at most 17 pCPUs/);
      assert.doesNotMatch(page, /(?:src|href)="(?!#|data:)/, "it needs nothing else");
    });
  });
});
