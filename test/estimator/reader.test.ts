import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { VmWindow } from "../../src/core/estimator/vm-window.js";
import { OperationalError } from "../../src/ports/errors.js";
import { readEstimatorTrace } from "../../src/trace/estimator-reader.js";
import type { EstimatorTraceVisitor } from "../../src/trace/estimator-record.js";
import { JsonScanner, type JsonVisitor } from "../../src/trace/json-scanner.js";
import { NumberList } from "../../src/trace/number-list.js";
import fc from "../support/property.js";
import { seeded } from "./families.js";
import { CONFIG, estimate, estimateText, hostWindow, traceOf, vmWindow, withFile } from "./traces.js";

/** Rebuilds what it is told, with lists of numbers as lists and everything under `skip` passed over. */
class Rebuilder implements JsonVisitor {
  readonly events: unknown[] = [];
  readonly #numbers = new NumberList();
  #key = "";

  open(kind: "object" | "list"): "walk" | "skip" | NumberList {
    if (this.#key === "skip") return "skip";
    if (this.#key === "numbers" && kind === "list") return this.#numbers;
    this.events.push(kind);
    return "walk";
  }
  close(): void {
    if (this.#numbers.isTold) this.events.push([...this.#numbers.view()], this.#numbers.missing);
    this.#numbers.clear();
    this.events.push("close");
  }
  key(name: string): void {
    this.#key = name;
    this.events.push(`key ${name}`);
  }
  scalar(value: string | number | boolean | null): void {
    this.events.push(value);
  }
  where(): string {
    return this.#key;
  }
}

function eventsOf(text: string, pieces: number): readonly unknown[] {
  const rebuilder = new Rebuilder();
  const scanner = new JsonScanner("trace", rebuilder);
  const bytes = Buffer.from(text);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; at < bytes.length; at += size) scanner.push(bytes.subarray(at, at + size));
  scanner.end();
  return rebuilder.events;
}

describe("the scanner", () => {
  const texts = fc.string({ unit: "binary", maxLength: 12 });
  const json = fc.jsonValue({ maxDepth: 4 });
  const numbers = fc.array(
    fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constant(null)),
    { maxLength: 20 },
  );

  test("reads the same whatever the pieces that JSON comes in", () => {
    fc.assert(
      fc.property(json, json, numbers, texts, fc.integer({ min: 1, max: 400 }), (one, skip, list, text, pieces) => {
        const trace = JSON.stringify(
          { one, skip: [skip, { skip: text }], numbers: list, [text]: text },
          null,
          pieces % 3,
        );
        assert.deepEqual(eventsOf(trace, pieces), eventsOf(trace, 1));
      }),
    );
  });

  test("reads numbers as JSON.parse does, to the last bit", () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const told = list.filter((value) => value !== null);
        const text = JSON.stringify({ numbers: list });
        const expected = (JSON.parse(text) as { numbers: (number | null)[] }).numbers.filter((value) => value !== null);
        assert.deepEqual(eventsOf(text, 3), [
          "object",
          "key numbers",
          expected,
          list.length - told.length,
          "close",
          "close",
        ]);
      }),
    );
  });

  test("takes what Python writes for no numbers as missing", () => {
    assert.deepEqual(eventsOf('{"numbers": [1, NaN, Infinity, -Infinity, null, -2.5e1]}', 1).slice(2, 4), [
      [1, -25],
      4,
    ]);
  });

  for (const [text, complaint] of [
    ["", /the file is empty/],
    ['{"a": [1, 2', /the file ends in the middle/],
    ['{"a": 1}}', /found "}"/],
    ['{"a" 1}', /where colon was expected/],
    ['{"a": 1, }', /found "}" where key was expected/],
    ['{"numbers": [1, "x"]}', /numbers: "\\"x\\"" is not a number; allowed: numbers, and null/],
    ['{"numbers": [[1]]}', /is not a number/],
    ["[tru]", /"tru" is no JSON value/],
    ['{"a": "\\q"}', /escape/i],
  ] as const) {
    test(`says what is wrong with ${text === "" ? "nothing" : text}`, () => {
      assert.throws(
        () => eventsOf(text, 1),
        (error) => error instanceof OperationalError && complaint.test(error.message),
      );
    });
  }
});

const HOST = [hostWindow([1, 2]), hostWindow([3, 4])];

describe("a trace", () => {
  test("may be compressed, and may tell its head last", async () => {
    const { config, epoch, ...machines } = traceOf(HOST, { a: [vmWindow(0, [1, 1]), {}] }) as Record<string, unknown>;
    const reference = await estimateText(JSON.stringify({ config, epoch, ...machines }));
    assert.deepEqual(await estimateText(JSON.stringify({ ...machines, epoch, config })), reference);
    const zipped = gzipSync(JSON.stringify({ config, epoch, ...machines }));
    const occurrences: number[] = [];
    const visitor: EstimatorTraceVisitor = {
      start: () => undefined,
      host: (occurrence) => occurrences.push(occurrence),
      vm: () => undefined,
      vmWindow: () => undefined,
    };
    await withFile(zipped, (path) => readEstimatorTrace(path, visitor));
    assert.deepEqual(occurrences, [0, 1]);
  });

  test("may tell of its VMs before its host, or of none", async () => {
    const { vm, ...rest } = traceOf(HOST, { a: [vmWindow(0, [1, 1])] }) as Record<string, unknown>;
    const { config, epoch, node } = rest;
    const reference = await estimateText(JSON.stringify({ config, epoch, node, vm }));
    assert.deepEqual(await estimateText(JSON.stringify({ config, epoch, vm, node })), reference);
    for (const none of [{ ...rest }, { ...rest, vm: null }, { ...rest, vm: {} }]) {
      const { windows } = await estimateText(JSON.stringify(none));
      assert.deepEqual(
        windows.map(({ cpu }) => cpu.booked),
        [0, 0],
      );
    }
  });

  test("may leave out windows, lists and samples: what is not told is withheld, not guessed", async () => {
    const gaps = [hostWindow([1, null, 3]), {}, null, { cpu: [10], mem: [1000], mem_usage: [5] }];
    const { windows } = await estimate(traceOf(gaps, { a: [vmWindow(0, [2, 2])] }));
    assert.deepEqual(
      windows.map(({ cpu }) => cpu.estimate.instead),
      [null, "no samples", "no samples", "no samples"],
    );
    assert.equal(windows[0]!.cpu.estimate.missing, 1 / 3);
    assert.equal(windows[1]!.cpu.estimate.missing, 1);
    assert.equal(windows[3]!.memory.estimate.instead, null);
    // Free falls back on what is booked: the capacity that was told last, and no VM left.
    assert.equal(windows[1]!.cpu.estimate.free, 10);
  });

  test("may have fewer windows of the host than epochs, and more of a VM", async () => {
    const trace = traceOf([...HOST, {}], { a: [0, 9, 18, 27].map((time) => vmWindow(time, [1, 1])) });
    const { windows } = await estimate(trace);
    assert.deepEqual(
      windows.map(({ cpu }) => cpu.booked),
      [4, 4, 4],
    );
  });

  test("is not read where no strategy looks, unless all are to be checked, and refused by its place where one does", async () => {
    const odd = (list: string): object =>
      traceOf(HOST, { a: [vmWindow(0, [1, 1]), { ...vmWindow(9, [1, 1]), [list]: [1, "?", 2] }] });
    const text = (list: string): string => JSON.stringify(odd(list)).replace('"?"', "tru");
    assert.equal((await estimateText(text("swpagefaults"))).windows.length, HOST.length);
    await assert.rejects(
      estimateText(text("mem_usage")),
      /vm\.a\.raw_data\[1\]\.mem_usage: "tru" is not a number; allowed: numbers, and null where one is missing/,
    );
    await assert.rejects(
      estimateText(text("swpagefaults"), { check: true }),
      /vm\.a\.raw_data\[1\]\.swpagefaults: "tru" is not a number/,
    );
    // A text, a list or an object is no scalar: found in any list that has a meaning.
    await assert.rejects(estimate(odd("swpagefaults")), /vm\.a\.raw_data\[1\]\.swpagefaults: .* is not a number/);
    const nested = JSON.stringify(odd("swpagefaults")).replace('"?"', "[3]");
    await assert.rejects(estimateText(nested), /vm\.a\.raw_data\[1\]\.swpagefaults/);
  });

  test("is refused by the place of an earlier window, where that is looked back on", async () => {
    const windows = [0, 1].map(() => vmWindow(0, [1, 1]));
    const text = JSON.stringify(traceOf(HOST, { a: [{ ...windows[0], mem_rss: ["?"] }, windows[1]] }));
    await assert.rejects(
      estimateText(text.replace('"?"', "nul"), { faithful: true }),
      /vm\.a\.raw_data\[0\]\.mem_rss: "nul" is not a number/,
    );
  });

  test("tells what stands in it, wherever the pieces end in which it is read", async () => {
    const random = seeded(5);
    const samples = (most: number): (number | null)[] =>
      Array.from({ length: Math.floor(most * random()) }, (_, i) =>
        i % 11 === 10 ? null : Math.round(1e6 * random()) / 1e3,
      );
    const names = ["time", "cpu_usage", "mem_usage", "mem_rss", "sched_busy", "swpagefaults", "cpi", "hwcpucycles"];
    // The longest is longer than a piece, others end in the next one.
    const window = (most: number): Record<string, (number | null)[]> => ({
      ...Object.fromEntries(names.map((name) => [name, samples(most)])),
      cpu: [1, 7],
      mem: [2],
    });
    const windows = [200, 60_000, 2000, 900, 4000, 3000, 3000].map(window);
    const told = (name: string, occurrence: number): Float64Array =>
      Float64Array.from(windows[occurrence]![name]!.filter((value) => value !== null));
    let last: VmWindow | null = null;
    let seen = 0;
    const visitor: EstimatorTraceVisitor = {
      start: () => undefined,
      host: () => undefined,
      vm: () => undefined,
      vmWindow: (occurrence, record) => {
        if (last !== null) assert.deepEqual(last.memoryRss, told("mem_rss", occurrence - 1));
        assert.equal(record!.vcpus, 7);
        assert.deepEqual(record!.cpuUsage, told("cpu_usage", occurrence));
        last = record!.kept!(last);
        // What was kept is what stands there, whether it was read before or not.
        for (const list of [last, record!]) {
          assert.deepEqual(list.cpuUsage, told("cpu_usage", occurrence));
          assert.deepEqual(list.memoryUsage, told("mem_usage", occurrence));
          assert.deepEqual(list.pageFaults, told("swpagefaults", occurrence));
          assert.deepEqual(list.schedBusy, told("sched_busy", occurrence));
          assert.equal(list.times.count, windows[occurrence]!.time!.length);
        }
        assert.deepEqual(record!.cycles, told("hwcpucycles", occurrence));
        assert.deepEqual(record!.cyclesPerInstruction, told("cpi", occurrence));
        seen += 1;
      },
    };
    const trace = traceOf(
      windows.map(() => ({})),
      { a: windows },
    );
    await withFile(JSON.stringify(trace), (path) => readEstimatorTrace(path, visitor));
    assert.equal(seen, windows.length);
  });

  for (const [change, complaint] of [
    [{ config: undefined }, /config\.node_name is missing; allowed: a text/],
    [{ config: { ...CONFIG, slice_scope: 0 } }, /config\.slice_scope is 0; allowed: a number of seconds above 0/],
    [{ config: { ...CONFIG, node_scope: 90 } }, /config\.node_scope is 90; allowed: a multiple of slice_scope \(60\)/],
    [{ config: { ...CONFIG, historical_occurences: 1.5 } }, /config\.historical_occurences is 1\.5; allowed: a whole/],
    [{ config: [] }, /config is a list; allowed: an object/],
    [{ epoch: undefined }, /epoch is missing; allowed: a list of numbers/],
    [{ epoch: [1, null] }, /epoch has members that are no numbers/],
    [{ node: undefined }, /node is missing; allowed: an object with raw_data/],
    [{ node: { raw_data: {} } }, /node\.raw_data is an object; allowed: a list or null/],
    [{ node: { raw_data: [3] } }, /node\.raw_data\[0\] is 3; allowed: an object or null/],
    [{ node: { raw_data: [{ cpu_usage: 3 }] } }, /node\.raw_data\[0\]\.cpu_usage is 3; allowed: a list or null/],
    [{ node: { raw_data: [{ cpu_usage: ["a"] }] } }, /node\.raw_data\[0\]\.cpu_usage: .* is not a number/],
    [{ vm: { a: { raw_data: [{}, [1]] } } }, /vm\.a\.raw_data\[1\] is a list; allowed: an object or null/],
  ] as const) {
    test(`is refused with ${JSON.stringify(change)} ${complaint}`, async () => {
      const trace = { ...traceOf(HOST), ...change };
      await assert.rejects(
        estimate(trace),
        (error) =>
          error instanceof OperationalError && error.code === "bad-input-file" && complaint.test(error.message),
      );
    });
  }

  test("that is a list or no JSON is refused", async () => {
    await assert.rejects(estimateText("[1]"), /the trace is a list; allowed: an object/);
    await assert.rejects(estimateText("time\tcpu\n1\t2\n"), /is no JSON value|where/);
  });
});
