import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { SeedDump } from "../../src/report/estimate/dump.js";
import { NOTEBOOK_LAST, notebookSums } from "../../src/report/estimate/notebook.js";
import type { ResourceOutcome, WindowOutcome } from "../../src/report/estimate/run.js";
import { skipWithoutShared } from "../support/shared.js";
import {
  type Golden,
  type GoldenWindow,
  goldenPath,
  goldensOf,
  goldenTraces,
  optionsOf,
  readGoldenJson,
  runAll,
  tracePath,
} from "./golden.js";

const outcomeOf = (prefix: "cpu" | "mem", { booked, estimate }: ResourceOutcome): Record<string, unknown> => ({
  [`booked_${prefix}`]: booked,
  [`free_${prefix}`]: estimate.free,
  [`${prefix}_tier0`]: estimate.tiers?.tier0,
  [`${prefix}_tier1`]: estimate.tiers?.tier1,
  [`${prefix}_tier2`]: estimate.tiers?.tier2,
  [`${prefix}_stable`]: estimate.stable,
});

const decidedOf = ({ occurrence, epoch, slice, cpu, memory }: WindowOutcome): Record<string, unknown> => ({
  occurrence,
  epoch,
  slice,
  ...outcomeOf("cpu", cpu),
  ...outcomeOf("mem", memory),
});

function roundedOf(golden: GoldenWindow): Record<string, unknown> {
  const { unrounded_cpu_tier0, unrounded_mem_tier0, cpu_ratio, mem_ratio, ...rounded } = golden;
  return rounded;
}

/** The same number to the last bit where it is not the numbers' sums that differ. */
function assertNear(ours: number | null, reference: number, what: string): void {
  assert.ok(
    ours !== null && Math.abs(ours - reference) <= 1e-9 * Math.abs(reference),
    `${what}: ${ours}, not ${reference}`,
  );
}

function assertUnrounded(golden: Golden, reference: GoldenWindow, ours: WindowOutcome): void {
  // For maxpeak the reference has one of two parts only.
  if (golden.strategy === "maxpeak") return;
  const { unrounded_cpu_tier0: cpu, unrounded_mem_tier0: memory } = reference;
  const where = `${golden.variant}, window ${reference.occurrence}`;
  if (cpu !== null) assertNear(ours.cpu.estimate.need, cpu, `${where}, CPU`);
  if (memory !== null) assertNear(ours.memory.estimate.need, memory, `${where}, memory`);
  if (reference.cpu_ratio !== undefined) assert.equal(ours.cpu.estimate.deviations, reference.cpu_ratio, where);
  if (reference.mem_ratio !== undefined) assert.equal(ours.memory.estimate.deviations, reference.mem_ratio, where);
}

interface Metrics {
  readonly notebook_filter_1_to_29: { readonly cumulated_cores: Record<string, object> };
  readonly all_but_first: { readonly cumulated_cores: Record<string, object> };
}

describe("the faithful form decides as ScroogeVM, to the last bit", { skip: skipWithoutShared }, () => {
  for (const trace of goldenTraces) {
    test(trace, async () => {
      const goldens = goldensOf(trace);
      const runs = await runAll(
        tracePath(trace),
        goldens.map((golden) => optionsOf(trace, golden)),
      );
      const metrics = readGoldenJson(trace, "metrics.json") as Metrics;
      for (const [i, golden] of goldens.entries()) {
        const { windows } = runs[i]!;
        assert.deepEqual(windows.map(decidedOf), golden.occurrences.map(roundedOf), golden.variant);
        for (const [j, reference] of golden.occurrences.entries()) assertUnrounded(golden, reference, windows[j]!);
        const sums = metrics.notebook_filter_1_to_29.cumulated_cores[golden.variant];
        if (sums === undefined) continue;
        const seen = windows.map(({ cpu }) => ({ ...cpu, free: cpu.estimate.free }));
        assertSums(notebookSums(seen, NOTEBOOK_LAST), sums, golden.variant);
        const all = metrics.all_but_first.cumulated_cores[golden.variant]!;
        assertSums(notebookSums(seen, windows.length), all, golden.variant);
      }
    });
  }
});

function assertSums(ours: object, reference: object, what: string): void {
  for (const [key, value] of Object.entries(reference) as [string, number][]) {
    const own = (ours as Record<string, number>)[key]!;
    assert.ok(Math.abs(own - value) <= 1e-9 * Math.max(1, Math.abs(value)), `${what}: ${key} is ${own}, not ${value}`);
  }
}

type Statistics = Readonly<Record<string, unknown>>;

/** Where a VM is not there the reference has null, and the dump, as the seed's, what was last. */
function assertVms(written: Record<string, unknown>, trace: string): void {
  const reference = readGoldenJson(trace, "vm-stats.json.gz") as Record<string, readonly (Statistics | null)[]>;
  assert.deepEqual(Object.keys(written), Object.keys(reference));
  for (const [name, windows] of Object.entries(reference)) {
    const own = written[name] as Record<string, unknown[]>;
    for (const [occurrence, statistics] of windows.entries()) {
      for (const [key, value] of Object.entries(statistics ?? {}))
        assert.deepEqual(own[key]![occurrence], value, `${name}, window ${occurrence}: ${key}`);
    }
  }
}

describe("the dump holds the seed's statistics", { skip: skipWithoutShared }, () => {
  for (const trace of goldenTraces) {
    test(trace, async () => {
      const folder = mkdtempSync(join(tmpdir(), "headroom-estimate-"));
      try {
        const golden = goldensOf(trace).find(({ variant }) => variant === "percentile")!;
        const path = join(folder, "dump.json");
        const dump = new SeedDump(`${path}.new`, { cpuPercentile: 90, memoryPercentile: 90, aggregation: 1 });
        const [run] = await runAll(tracePath(trace), [optionsOf(trace, golden)], [dump]);
        await dump.end(run!, path);
        const written = JSON.parse(readFileSync(path, "utf8")) as Record<string, Record<string, unknown[]>>;
        const { node } = readGoldenJson(trace, "node-stats.json") as { node: Record<string, unknown[]> };
        for (const key of Object.keys(node)) assert.deepEqual(written.node![key], node[key], `node.${key}`);
        if (existsSync(goldenPath(trace, "vm-stats.json.gz"))) assertVms(written.vm!, trace);
        assert.deepEqual(
          written.model!.free_cpu,
          golden.occurrences.map(({ free_cpu }) => free_cpu),
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
