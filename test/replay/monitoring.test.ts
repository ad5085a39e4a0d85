/** The re-computed trace: what is copied, what is computed, and that it can be replayed in turn. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { replayed, type TracedVm, traceText } from "./traces.js";

const vm = (name: string, first: number, last: number, rest: Partial<TracedVm> = {}): TracedVm => ({
  name,
  vcpus: 2,
  memory: 2 * 1024 * 1024,
  ratio: 2,
  first,
  last,
  ...rest,
});

const at = (csv: string, timestamp: number): string[] =>
  csv
    .split("\n")
    .filter((line) => line.startsWith(`${timestamp}\t`))
    .map((line) => line.replace(/^\d+\t/, ""));

describe("monitoring.csv", () => {
  it("copies values and has sizes as replayed", async () => {
    const { monitoring } = await replayed(traceText([vm("a", 0, 30), vm("b", 0, 30)], 30), {}, true);
    assert.deepEqual(at(monitoring, 15), [
      "global\tcpu\t0.25\t8\tNone\tNone\tNone\tNone\tNone\tNone",
      'subset\tcpu\t1.5\t2\tsubset-2.0\tNone\tNone\t2.0\t0\t{"res_list": [0, 4], "consumer_list": ["a", "b"]}',
      "vm\tcpu\t0.5\t2\tsubset-2.0\tuuid-a\ta\t2.0\tNone\tNone",
      "vm\tcpu\t0.5\t2\tsubset-2.0\tuuid-b\tb\t2.0\tNone\tNone",
      "global\tmem\t0.25\t32768\tNone\tNone\tNone\tNone\tNone\tNone",
      'subset\tmem\t0.1\t4096\tsubset-1\tNone\tNone\t1\t0\t{"res_list": [[0, 4096]], "consumer_list": ["a", "b"]}',
      "vm\tmem\t0.1\t2048\tsubset-1\tuuid-a\ta\t1\tNone\tNone",
      "vm\tmem\t0.1\t2048\tsubset-1\tuuid-b\tb\t1\tNone\tNone",
    ]);
  });

  it("holds the state after the actions and before the clean-up: a dropped VM still counts at its timestamp", async () => {
    const trace = traceText([vm("a", 0, 60, { ratio: 1 }), vm("b", 0, 60, { ratio: 1, gaps: [30] })], 60);
    const { monitoring } = await replayed(trace, {}, true);
    const sizes = [15, 30, 45].map((t) => at(monitoring, t)[1]!.split("\t")[3]);
    assert.deepEqual(sizes, ["4", "4", "2"]);
  });

  it("writes VMs that were refused or dropped as the trace has them", async () => {
    const trace = traceText([vm("a", 0, 60, { vcpus: 8, ratio: 1 }), vm("b", 15, 60, { ratio: 1 })], 60);
    const { monitoring } = await replayed(trace, {}, true);
    assert.equal(at(monitoring, 30).filter((line) => line.includes("uuid-b")).length, 2);
  });

  it("prints numbers as Python does", async () => {
    const trace = traceText([vm("a", 0, 30)], 30)
      .replaceAll("15\tglobal\tcpu\t0.25", "15\tglobal\tcpu\t1e-5")
      .replaceAll("15\tsubset\tcpu\t1.5", "15\tsubset\tcpu\t2")
      .replaceAll("15\tvm\tcpu\t0.5", "15\tvm\tcpu\tNone");
    const { monitoring } = await replayed(trace, {}, true);
    assert.deepEqual(
      at(monitoring, 15)
        .slice(0, 3)
        .map((line) => line.split("\t")[2]),
      ["1e-05", "2.0", "None"],
    );
  });

  it("is a trace: replayed again it gives the same decisions, byte for byte", async () => {
    const vms = [vm("a", 0, 60), vm("b", 15, 45, { vcpus: 5, ratio: 3 }), vm("c", 30, 75, { vcpus: 1, ratio: 1 })];
    const options = { policy: "headroom" as const, criticalSize: 2 };
    const first = await replayed(traceText(vms, 90), { ...options, memoryUnit: "KiB" }, true);
    // Recordings are in MB.
    const second = await replayed(first.monitoring, options, true);
    assert.deepEqual(second.lines, first.lines);
    assert.equal(second.monitoring, first.monitoring);
  });

  it("names beyond ASCII pass through unchanged", async () => {
    const { monitoring, lines } = await replayed(traceText([vm("größe-é", 0, 15)], 15), {}, true);
    assert.match(monitoring, /\tgröße-é\t/);
    assert.deepEqual(lines[0]!.pools[0]!.vms, ["größe-é"]);
    assert.match(monitoring, /"gr\\u00f6\\u00dfe-\\u00e9"/);
  });
});
