/** Traces that break the format: the reader says line and field, and goes on, or stops where it is to be strict. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OperationalError } from "../../src/ports/errors.js";
import { TRACE_HEADER } from "../../src/trace/writer.js";
import { type DecisionLine, replayed, type TracedVm, traceText } from "./traces.js";

const vm = (name: string, first: number, last: number): TracedVm => ({
  name,
  vcpus: 2,
  memory: 1024 * 1024,
  ratio: 2,
  first,
  last,
});

const whole = traceText([vm("a", 0, 60), vm("b", 15, 30)], 60);
const lines = whole.trimEnd().split("\n");

/** Line number, from 1, of the first line that `text` is part of. */
const lineOf = (text: string): number => lines.findIndex((line) => line.includes(text)) + 1;

const changed = (at: number, to: string | null): string =>
  `${lines.flatMap((line, i) => (i + 1 === at ? (to === null ? [] : [to]) : [line])).join("\n")}\n`;

const field = (at: number, column: number, value: string): string =>
  changed(
    at,
    lines[at - 1]!.split("\t")
      .map((cell, i) => (i === column ? value : cell))
      .join("\t"),
  );

interface Case {
  readonly what: string;
  readonly text: string;
  readonly line: number;
  readonly field: string;
  readonly kind: string;
}

const aAt15 = lineOf("15\tvm\tcpu\t0.5\t2\tsubset-2.0\tuuid-a");
const bAt15 = lineOf("15\tvm\tcpu\t0.5\t2\tsubset-2.0\tuuid-b");
const globalAt30 = lineOf("30\tglobal\tcpu");
const poolAt45 = lineOf("45\tsubset\tcpu");
const memAt15 = lineOf("15\tvm\tmem\t0.1\t1048576\tsubset-1\tuuid-b");

const CASES: readonly Case[] = [
  {
    what: "a last line cut in a uuid",
    text: whole.slice(0, -20),
    line: lines.length,
    field: "vm_cmn",
    kind: "cut-line",
  },
  {
    what: "a last line cut in the value",
    text: `${whole}75\tvm\tcpu\t0.1`,
    line: lines.length + 1,
    field: "config",
    kind: "cut-line",
  },
  {
    what: "a last line cut in the timestamp",
    text: `${whole}7`,
    line: lines.length + 1,
    field: "tmp",
    kind: "cut-line",
  },
  {
    what: "a last line that lacks its last columns",
    text: `${whole}75\tglobal\tcpu\t0.1\t8`,
    line: lines.length + 1,
    field: "subset",
    kind: "cut-line",
  },
  {
    what: "a line cut in the middle of the file",
    text: changed(aAt15, "15\tvm\tcpu\t0.5"),
    line: aAt15,
    field: "config",
    kind: "cut-line",
  },
  {
    what: "a timestamp that goes back",
    text: field(globalAt30, 0, "0"),
    line: globalAt30,
    field: "tmp",
    kind: "back-in-time",
  },
  {
    what: "a timestamp that is no number",
    text: field(globalAt30, 0, "soon"),
    line: globalAt30,
    field: "tmp",
    kind: "bad-field",
  },
  {
    what: "a timestamp with a fraction",
    text: field(globalAt30, 0, "30.5"),
    line: globalAt30,
    field: "tmp",
    kind: "bad-field",
  },
  {
    what: "a VM that is repeated",
    text: changed(aAt15, `${lines[aAt15 - 1]}\n${lines[aAt15 - 1]}`),
    line: aAt15 + 1,
    field: "vm_uuid",
    kind: "repeated-record",
  },
  {
    what: "a pool that is repeated",
    text: changed(poolAt45, `${lines[poolAt45 - 1]}\n${lines[poolAt45 - 1]}`),
    line: poolAt45 + 1,
    field: "subset",
    kind: "repeated-record",
  },
  {
    what: "a pool that has no record",
    text: changed(poolAt45, null),
    line: poolAt45 + 3,
    field: "subset",
    kind: "pool-missing",
  },
  { what: "NaN as a value", text: field(bAt15, 3, "nan"), line: bAt15, field: "val", kind: "bad-field" },
  { what: "an infinite value", text: field(globalAt30, 3, "inf"), line: globalAt30, field: "val", kind: "bad-field" },
  { what: "an empty value", text: field(bAt15, 3, ""), line: bAt15, field: "val", kind: "bad-field" },
  {
    what: "vCPUs that are no whole number",
    text: field(bAt15, 4, "1.5"),
    line: bAt15,
    field: "config",
    kind: "bad-field",
  },
  { what: "no vCPUs", text: field(bAt15, 4, "0"), line: bAt15, field: "config", kind: "bad-field" },
  { what: "negative memory", text: field(memAt15, 4, "-5"), line: memAt15, field: "config", kind: "bad-field" },
  { what: "a ratio that is no number", text: field(bAt15, 8, "two"), line: bAt15, field: "sb_oc", kind: "bad-field" },
  { what: "a VM without uuid", text: field(bAt15, 6, "None"), line: bAt15, field: "vm_uuid", kind: "bad-field" },
  {
    what: "a pool record without pool",
    text: field(poolAt45, 5, "None"),
    line: poolAt45,
    field: "subset",
    kind: "bad-field",
  },
  {
    what: "an unknown kind of record",
    text: field(bAt15, 1, "container"),
    line: bAt15,
    field: "rec",
    kind: "unknown-record",
  },
  { what: "an unknown resource", text: field(bAt15, 2, "disk"), line: bAt15, field: "res", kind: "unknown-record" },
  {
    what: "a column too many",
    text: whole.replaceAll("\n", "\t7\n").replace("\t7\n", "\tcolour\n"),
    line: 1,
    field: "colour",
    kind: "unknown-column",
  },
];

const deployed = (decided: readonly DecisionLine[]): string[] =>
  decided.flatMap((line) => line.actions.filter((one) => one.op === "deploy").map((one) => one.vm));

describe("malformed traces, leniently", () => {
  for (const one of CASES)
    it(`${one.what}: said by line and field, and the rest is replayed`, async () => {
      const { summary, lines: decided } = await replayed(one.text, {}, true);
      const problem = summary.trace.firstProblems[0]!;
      assert.deepEqual([problem.line, problem.field, problem.kind], [one.line, one.field, one.kind], problem.message);
      assert.ok(deployed(decided).includes("a"), "VM a is still replayed");
    });

  it("a record that comes back in time changes nothing", async () => {
    const { lines: decided } = await replayed(whole + whole.slice(TRACE_HEADER.length));
    assert.deepEqual(decided, (await replayed(whole)).lines);
  });

  it("of a repeated VM the last value is written, once", async () => {
    const twice = changed(aAt15, `${lines[aAt15 - 1]}\n${lines[aAt15 - 1]!.replace("0.5", "0.75")}`);
    const { monitoring } = await replayed(twice, {}, true);
    const rows = monitoring.split("\n").filter((line) => line.startsWith("15\tvm\tcpu\t") && line.includes("uuid-a"));
    assert.deepEqual(
      rows.map((row) => row.split("\t")[3]),
      ["0.75"],
    );
  });

  it("where a pool has no record at all, its VMs are not taken for gone", async () => {
    const without = lines.filter(
      (line) => !line.startsWith("30\t") || !line.includes("cpu\t") || line.includes("global"),
    );
    const { lines: decided, summary } = await replayed(`${without.join("\n")}\n`);
    assert.equal(summary.dropped, 0);
    assert.deepEqual(decided.at(-1)?.pools[0]?.vms, ["a"]);
  });

  it("thousands of problems are counted, and the first hundred kept", async () => {
    const { summary } = await replayed(whole + "x\n".repeat(5000));
    assert.equal(summary.trace.problems, 5000);
    assert.equal(summary.trace.firstProblems.length, 100);
    assert.deepEqual(summary.trace.problemsByKind, { "cut-line": 5000 });
  });

  it("a header and nothing else is a replay of nothing", async () => {
    const { lines: decided, summary } = await replayed(TRACE_HEADER, {}, true);
    assert.deepEqual(decided, []);
    assert.equal(summary.trace.timestamps, 0);
    assert.equal(summary.trace.problemsByKind.empty, 1);
  });

  it("CRLF line ends, empty lines and a missing last line end are no problem", async () => {
    const expected = await replayed(whole, {}, true);
    for (const text of [whole.replaceAll("\n", "\r\n"), whole.replaceAll("\n15\tg", "\n\n15\tg"), whole.trimEnd()]) {
      const { lines: decided, summary, monitoring } = await replayed(text, {}, true);
      assert.equal(summary.trace.problems, 0);
      assert.deepEqual(decided, expected.lines);
      assert.equal(monitoring, expected.monitoring);
    }
  });

  it("columns in another order, and without sb_unused and sb_dsc, are read by their names", async () => {
    const order = [8, 6, 7, 0, 2, 1, 5, 4, 3];
    const text = lines.map((line) => order.map((column) => line.split("\t")[column]).join("\t")).join("\n");
    const { lines: decided, summary } = await replayed(`${text}\n`);
    assert.equal(summary.trace.problems, 0);
    assert.deepEqual(decided, (await replayed(whole)).lines);
  });
});

describe("malformed traces, strictly", () => {
  const stops = (text: string, path: RegExp) => () =>
    assert.rejects(replayed(text, { strict: true }), (error: unknown) => {
      assert.ok(error instanceof OperationalError);
      assert.equal(error.code, "bad-input-file");
      assert.match(error.message, path);
      return true;
    });

  for (const one of CASES)
    it(`${one.what}: stops`, stops(one.text, new RegExp(`line ${one.line}, field ${one.field}: `)));
  it("only a header: stops", stops(TRACE_HEADER, /no records/));
  it("a whole trace does not", async () => {
    assert.equal((await replayed(whole, { strict: true })).summary.trace.problems, 0);
  });
});

describe("files that are no trace, strictly or not", () => {
  const refused = (text: string | Uint8Array, message: RegExp) => () =>
    assert.rejects(replayed(text), (error: unknown) => {
      assert.ok(error instanceof OperationalError && error.code === "bad-input-file", String(error));
      assert.match(error.message, message);
      return true;
    });

  it("an empty file", refused("", /the file is empty/));
  it("another text", refused("hello\nworld\n", /line 1, field tmp: the column is missing/));
  it("a trace without its header", refused(whole.slice(TRACE_HEADER.length), /the column is missing/));
  it("a header that lacks a column", refused("tmp\trec\tres\tval\tconfig\tsubset\tvm_uuid\tvm_cmn\n", /field sb_oc/));
  it("a missing file", () => assert.rejects(replayed(whole, { tracePath: "/nonexistent/trace" }), /no such file/));
  it("a folder", () => assert.rejects(replayed(whole, { tracePath: "/" }), /not a file/));
});
