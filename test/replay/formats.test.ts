/** Reading and writing traces: compression, numbers as Python prints them, records, presence in little memory. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { OperationalError } from "../../src/ports/errors.js";
import { linePieces } from "../../src/trace/input.js";
import { Presence, TickTimes } from "../../src/trace/presence.js";
import { decimalOf, isPythonFloatText, pythonFloat } from "../../src/trace/python-number.js";
import { readTrace } from "../../src/trace/reader.js";
import type { TraceRecord } from "../../src/trace/record.js";
import { formatTraceRecord, TRACE_HEADER } from "../../src/trace/writer.js";
import fc from "../support/property.js";
import { inFolder, replayed, type TracedVm, traceText } from "./traces.js";

const vm = (name: string, first: number, last: number): TracedVm => ({
  name,
  vcpus: 2,
  memory: 1_048_576,
  ratio: 2,
  first,
  last,
});

/** What fixtures/long.zst holds, made with `zstd -19`. */
const long = traceText([vm("a", 0, 30_000), vm("b", 1500, 20_000), vm("c", 15_000, 30_000)], 30_000);
const zstdFile = fileURLToPath(new URL("fixtures/long.zst", import.meta.url));

async function textOf(path: string): Promise<string> {
  let text = "";
  for await (const piece of linePieces(path)) text += piece.toString("latin1");
  return text;
}

describe("compression", () => {
  it("plain, .gz and .zst of any name give the same replay", async () => {
    const plain = await replayed(long, {}, true);
    const zipped = await replayed(gzipSync(long), {}, true);
    const zstd = await replayed(readFileSync(zstdFile), {}, true);
    assert.deepEqual(zipped.lines, plain.lines);
    assert.deepEqual(zstd.lines, plain.lines);
    assert.ok(zipped.monitoring === plain.monitoring && zstd.monitoring === plain.monitoring);
  });

  it("files of several parts are read to their end", () =>
    inFolder(async (folder) => {
      const path = join(folder, "parts");
      writeFileSync(path, Buffer.concat([gzipSync(long.slice(0, 1000)), gzipSync(long.slice(1000))]));
      assert.ok((await textOf(path)) === long);
      writeFileSync(path, Buffer.concat([readFileSync(zstdFile), readFileSync(zstdFile)]));
      assert.ok((await textOf(path)) === long + long);
    }));

  for (const [what, bytes] of [
    ["gzip", gzipSync(long)],
    ["Zstandard", readFileSync(zstdFile)],
  ] as const)
    it(`a ${what} file that is cut or damaged is refused with its name`, async () => {
      const damaged = Buffer.from(bytes);
      damaged.fill(0x55, 200, 400);
      for (const broken of [bytes.subarray(0, bytes.length >> 1), damaged])
        await assert.rejects(replayed(broken), (error: unknown) => {
          assert.ok(error instanceof OperationalError && error.code === "bad-input-file", String(error));
          assert.match(error.message, /trace: cannot be read: /);
          return true;
        });
    });

  it("pieces end with line ends, wherever the reads end", () =>
    inFolder(async (folder) => {
      const path = join(folder, "trace");
      const text = `${"x".repeat(300_000)}\nshort\n${"y".repeat(600_000)}\nno end`;
      writeFileSync(path, text);
      const pieces: string[] = [];
      for await (const piece of linePieces(path)) pieces.push(piece.toString("latin1"));
      assert.equal(pieces.join(""), text);
      assert.ok(pieces.slice(0, -1).every((piece) => piece.endsWith("\n")));
    }));
});

describe("numbers as Python prints them", () => {
  const cases: [number, string][] = [
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [0.1, "0.1"],
    [1e-4, "0.0001"],
    [1e-5, "1e-05"],
    [1.2345e-7, "1.2345e-07"],
    [5e-324, "5e-324"],
    [1e15, "1000000000000000.0"],
    [1e16, "1e+16"],
    [123456789012345680, "1.2345678901234568e+17"],
    [1e22, "1e+22"],
    [-2.5, "-2.5"],
    [577.2, "577.2"],
    [Number.NaN, "nan"],
    [Number.NEGATIVE_INFINITY, "-inf"],
  ];
  for (const [value, text] of cases) it(`${value} is ${text}`, () => assert.equal(pythonFloat(value), text));

  it("a text that is taken as it is reads and prints to itself", () => {
    const digits = fc.stringMatching(/^\d{0,9}\.?\d{0,9}$/);
    const printed = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map(pythonFloat);
    fc.assert(
      fc.property(fc.oneof(digits, printed), (text) => {
        if (isPythonFloatText(Buffer.from(text), 0, text.length)) assert.equal(pythonFloat(Number(text)), text);
      }),
      { numRuns: 2000 },
    );
  });

  it("usual values are taken as they are", () => {
    for (const text of ["0.0", "0.25", "0.037567", "12.5", "6.206336", "100.0", "0.0001"])
      assert.ok(isPythonFloatText(Buffer.from(text), 0, text.length), text);
    for (const text of ["0.250", "00.5", "1", "1.", ".5", "0.00001", "1e-05", "-0.5", "None", ""])
      assert.ok(!isPythonFloatText(Buffer.from(text), 0, text.length), text);
  });

  it("only finite decimal numbers are numbers", () => {
    for (const text of ["nan", "inf", "1_000", "0x10", "", " 1", "1e999", "1,5"])
      assert.equal(decimalOf(text), null, text);
    for (const [text, value] of [
      ["1", 1],
      ["+1.5", 1.5],
      ["1e-05", 1e-5],
      [".5", 0.5],
      ["-2.", -2],
    ] as const)
      assert.equal(decimalOf(text), value);
  });
});

describe("records", () => {
  const records: readonly TraceRecord[] = [
    {
      timestamp: 15,
      kind: "global",
      resource: "cpu",
      value: null,
      config: 232,
      pool: null,
      vmUuid: null,
      vmName: null,
      ratio: null,
      unused: null,
      description: null,
    },
    {
      timestamp: 15,
      kind: "subset",
      resource: "cpu",
      value: 2,
      config: 4,
      pool: "subset-2.6",
      vmUuid: null,
      vmName: null,
      ratio: 2.6,
      unused: 1,
      description: '{"res_list": []}',
    },
    {
      timestamp: 15,
      kind: "vm",
      resource: "mem",
      value: 1e-5,
      config: 2048,
      pool: "subset-1",
      vmUuid: "u",
      vmName: "web",
      ratio: 1,
      unused: null,
      description: null,
    },
  ];

  it("are written as the seeds wrote them", () => {
    assert.deepEqual(records.map(formatTraceRecord), [
      "15\tglobal\tcpu\tNone\t232\tNone\tNone\tNone\tNone\tNone\tNone\n",
      '15\tsubset\tcpu\t2.0\t4\tsubset-2.6\tNone\tNone\t2.6\t1\t{"res_list": []}\n',
      "15\tvm\tmem\t1e-05\t2048\tsubset-1\tu\tweb\t1\tNone\tNone\n",
    ]);
  });

  it("come back as they were written", () =>
    inFolder(async (folder) => {
      const path = join(folder, "trace");
      writeFileSync(path, TRACE_HEADER + records.map(formatTraceRecord).join(""));
      const read: TraceRecord[] = [];
      for await (const record of readTrace(path, true)) read.push(record);
      assert.deepEqual(read, records);
    }));

  it("a name with a tab or a line end cannot break the line", () => {
    const line = formatTraceRecord({ ...records[2]!, vmName: "a\tb\nc" });
    assert.equal(line.split("\t").length, 11);
    assert.equal(line.indexOf("\n"), line.length - 1);
  });
});

describe("presence and timestamps", () => {
  it("presence tells exactly the ticks that were marked", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60)), (marked) => {
        const ticks = [...marked].sort((a, b) => a - b);
        const presence = new Presence();
        for (const tick of ticks) assert.ok(presence.mark(tick));
        for (let tick = 0; tick <= 61; tick++) assert.equal(presence.has(tick), ticks.includes(tick));
        const gaps = ticks.filter((tick, i) => i === 0 || ticks[i - 1] !== tick - 1);
        assert.deepEqual(presence.starts, gaps);
        assert.equal(presence.ends.length, gaps.length);
      }),
    );
  });

  it("a tick that is marked twice is told", () => {
    const presence = new Presence();
    assert.ok(presence.mark(3));
    assert.ok(!presence.mark(3));
  });

  it("timestamps of any steps come back by their ticks", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.array(fc.integer({ min: 1, max: 3 })), (first, steps) => {
        const times = [first];
        for (const step of steps) times.push(times.at(-1)! + step);
        const ticks = new TickTimes();
        assert.deepEqual(
          times.map((time) => ticks.add(time)),
          times.map((_, tick) => tick),
        );
        assert.deepEqual(
          times.map((_, tick) => ticks.timeOf(tick)),
          times,
        );
        assert.equal(ticks.count, times.length);
      }),
    );
  });
});
