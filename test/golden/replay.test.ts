/** The faithful policies decide every step of the reference replays as the originals did. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { skipWithoutShared } from "../support/shared.js";
import {
  digestOf,
  type Golden,
  type GoldenStep,
  monitoringDigest,
  readGolden,
  readSlimMonitoring,
  recordedHost,
  replayReference,
} from "./reference.js";

const SMALL = ["slackvm/small", "sweetspotvm/small"];
const MEDIUM = ["slackvm/medium", "sweetspotvm/medium"];

const sorted = (record: object): object => Object.fromEntries(Object.entries(record).sort());

/** A step of the reference, as a line of decisions.jsonl tells it. */
function expectedLine(golden: Golden, step: GoldenStep): Record<string, unknown> {
  const { cpu, mem, pins, status, progress } = step.state;
  const allocatedMiB = mem.subsets.reduce((sum, subset) => sum + subset.alloc, 0);
  const perVm = golden.peer === "slackvm";
  return {
    t: step.t,
    actions: step.actions.map((action) => ({
      op: action.op,
      vm: action.vm,
      uuid: action.uuid,
      vcpus: action.cpu,
      memoryMiB: action.mem_mb,
      ...(perVm ? { ratio: action.oc } : {}),
      accepted: action.success,
      reason: action.success ? null : action.reason,
    })),
    warnings: [...step.actions.flatMap((action) => action.warnings ?? []), ...(step.iterate_warnings ?? [])],
    pools: cpu.subsets.map(({ id, res, alloc, vms }) => ({ ratio: id, pcpus: res, allocated: alloc, vms })),
    memory: { allocatedMiB, freeMiB: mem.avail },
    freePcpus: cpu.avail,
    pins: sorted(pins),
    status,
    ...(progress === undefined ? {} : { progress }),
  };
}

const withoutLastColumn = (csv: string): string => csv.replace(/\t[^\t\n]*\n/g, "\n");

function holdsTo(folder: string): void {
  it(`${folder}: every step equals the reference: pools with pCPU order, pins, memory, status, progress`, async () => {
    const golden = readGolden(folder);
    await replayReference(folder, golden, { monitoringPath: null }, ({ lines, summary }) => {
      assert.equal(lines.length, golden.steps.length, "as many lines as steps");
      for (const [i, step] of golden.steps.entries()) {
        const line = lines[i]!;
        const expected = expectedLine(golden, step);
        assert.deepEqual({ ...line, pins: sorted(line.pins as object) }, expected, `step ${i} at ${step.t}`);
        assert.deepEqual(Object.keys(line), Object.keys(expected), "fields in the order of the format");
      }
      assert.equal(summary.trace.problems, 0);
    });
  });

  it(`${folder}: monitoring.csv equals the reference in its columns, and decisions do not depend on writing it`, async () => {
    const golden = readGolden(folder);
    await replayReference(folder, golden, {}, ({ lines, monitoringPath }) => {
      assert.deepEqual(
        lines.map((line) => line.t),
        golden.steps.map((step) => step.t),
      );
      const written = withoutLastColumn(readFileSync(monitoringPath, "latin1"));
      assert.ok(written === readSlimMonitoring(folder), "monitoring.csv differs from the reference");
    });
  });
}

describe("small reference decisions, on the preset of their machine", () => {
  for (const folder of SMALL) holdsTo(folder);
});

describe("reference decisions on the recorded host", { skip: skipWithoutShared }, () => {
  for (const folder of MEDIUM) holdsTo(folder);

  for (const folder of SMALL) {
    it(`${folder}: with the full pool texts monitoring.csv is the original's, byte for byte`, async () => {
      const golden = readGolden(folder);
      const full = { poolText: "full", topology: recordedHost(golden) } as const;
      await replayReference(folder, golden, full, async ({ monitoringPath }) => {
        assert.equal(await digestOf(monitoringPath), monitoringDigest(folder));
      });
    });
  }
});
