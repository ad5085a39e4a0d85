/** The reader of expositions: what the format allows is read, what it does not is refused with its line, nothing makes it fall over. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ExpositionFault, type Labels, quoteLabel, readExposition } from "../../src/core/telemetry/exposition.js";
import { readScrape } from "../../src/core/telemetry/read-scrape.js";
import fc from "../support/property.js";

type Series = readonly [name: string, labels: Labels, value: number];

function read(text: string): Series[] {
  const found: Series[] = [];
  readExposition(text, {
    wants: () => true,
    series: (name, labels, value) => found.push([name, { ...labels }, value]),
  });
  return found;
}

describe("what the format allows", () => {
  const cases: readonly (readonly [string, string, readonly Series[]])[] = [
    ["nothing", "", []],
    ["empty lines and comments", "\n# HELP a b\n#\n  \n", []],
    ["a value without an end of line", "a 1", [["a", {}, 1]]],
    [
      "CRLF",
      "a 1\r\nb 2\r\n",
      [
        ["a", {}, 1],
        ["b", {}, 2],
      ],
    ],
    ["blanks and tabs", "  a\t 1  ", [["a", {}, 1]]],
    ["a time stamp", "a 1 1700000000000", [["a", {}, 1]]],
    ["an exemplar", 'a_bucket{le="1"} 3 # {trace="x"} 0.5', [["a_bucket", { le: "1" }, 3]]],
    ["labels", 'a{b="c",d="e f"} 1', [["a", { b: "c", d: "e f" }, 1]]],
    ["a comma behind the last label", 'a{b="c",} 1', [["a", { b: "c" }, 1]]],
    ["no labels between braces", "a{} 1", [["a", {}, 1]]],
    ["a value right behind the braces", 'a{b="c"}1', [["a", { b: "c" }, 1]]],
    ["escapes", 'a{b="\\\\ \\" \\n \\x"} 1', [["a", { b: '\\ " \n \\x' }, 1]]],
    ["a brace and a hash inside quotes", 'a{b="}# 2"} 1', [["a", { b: "}# 2" }, 1]]],
    [
      "numbers",
      "a -1.5e+3\nb .5\nc 1.\nd +7",
      [
        ["a", {}, -1500],
        ["b", {}, 0.5],
        ["c", {}, 1],
        ["d", {}, 7],
      ],
    ],
    [
      "words",
      "a NaN\nb +Inf\nc -Inf",
      [
        ["a", {}, Number.NaN],
        ["b", {}, Infinity],
        ["c", {}, -Infinity],
      ],
    ],
    [
      "a name that objects know",
      'constructor{__proto__="x"} 1',
      [["constructor", Object.fromEntries([["__proto__", "x"]]), 1]],
    ],
  ];
  for (const [name, text, series] of cases) test(name, () => assert.deepEqual(read(text), series));
});

describe("what it does not is refused, with the line", () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["a web page", "<!doctype html>\n<html>", /^line 1 does not begin/],
    ["no value", "a 1\nb", /^line 2 has no value/],
    ["half a number", "a 1e", /^line 1 has no number/],
    ["hexadecimal", "a 0x10", /^line 1 has no number/],
    ["a word that objects know", "a constructor", /^line 1 has no number/],
    ["a third number", "a 1 2 3", /^line 1 has more than/],
    ["labels without an end", 'a{b="c" 1', /^line 1 has labels without a comma/],
    ["labels that end with the line", 'a{b="c"', /^line 1/],
    ["quotes without an end", 'a{b="c} 1\nd 1', /^line 1 has a quoted value without an end/],
    ["a label without quotes", "a{b=c} 1", /^line 1 has a label whose value is not quoted/],
    ["a label without a value", "a{b} 1", /^line 1 has a label b without/],
    ["a label twice", 'a{b="1",b="2"} 1', /^line 1 names the label b twice/],
    ["binary", "\0\x01\x02", /^line 1 does not begin/],
  ];
  for (const [name, text, message] of cases)
    test(name, () =>
      assert.throws(
        () => read(text),
        (error) => error instanceof ExpositionFault && message.test(error.message),
      ),
    );
});

const label = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
const line = fc.record({
  name: fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/),
  labels: fc.dictionary(label, fc.string({ unit: "binary" }), { maxKeys: 3, noNullPrototype: true }),
  value: fc.double(),
});

test("whatever is printed is read back", () => {
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.map(({ name, labels, value }) => {
        const pairs = Object.entries(labels).map(([key, content]) => `${key}=${quoteLabel(content)}`);
        return `${name}{${pairs.join(",")}} ${value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : value}\n`;
      });
      assert.deepEqual(
        read(text.join("")),
        lines.map(({ name, labels, value }) => [name, { ...labels }, Object.is(value, -0) ? 0 : value]),
      );
    }),
  );
});

const GRAMMAR = fc.constantFrom(
  ...'ab_{}=",\\# \t\r\n10.e+-',
  "a_global_probe_epoch ",
  "a_domain_",
  "_cpu_alloc ",
  "_perf_x ",
);

test("no text whatever makes the reader fall over: it is read, or refused with a reason", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(GRAMMAR, { maxLength: 60 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(anything, fc.constantFrom(null, "a"), (text, prefix) => {
      const result = readScrape(text, prefix);
      if (!result.ok) assert.ok(result.problem.length > 0);
    }),
    { numRuns: 2_000 },
  );
});

test("a scrape that is cut off anywhere gives no VM a value that it has not", () => {
  const whole = 'headroom_probe_timestamp_seconds 1700000000\nheadroom_domain_cpu_seconds_total{domain="a"} 123.5\n';
  for (let end = 0; end < whole.length - 1; end++) {
    const result = readScrape(whole.slice(0, end), null);
    const time = result.ok ? result.reading.domains.get("a")?.values.cpu_cputime : undefined;
    // A number that is cut off is a number: only the connection knows, and says so (scrape.test.ts).
    if (time !== undefined) assert.match("123.5", new RegExp(`^${time / 1e9}`));
  }
});
