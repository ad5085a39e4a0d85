import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrictJson } from "../../src/http/strict-json.js";
import { parseQuery } from "../../src/http/strict-query.js";
import fc from "../support/property.js";

const parse = (text: string): unknown => parseStrictJson(Buffer.from(text));
/** Objects without prototype compare unequal to literals. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const key = fc
  .string({ unit: "grapheme", maxLength: 8 })
  .filter((one) => !["__proto__", "constructor", "prototype"].includes(one));
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(key, tie("json"), { maxKeys: 4 }),
  ),
}));

test("whatever JSON.stringify writes is read as JSON.parse reads it, indented or not", () => {
  fc.assert(
    fc.property(json, fc.integer({ min: 0, max: 3 }), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(plain(parse(text)), JSON.parse(text));
    }),
  );
});

test("whatever JSON.parse refuses is refused", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "1",
    "-",
    "0",
    ".",
    "e",
    "null",
    "tru",
    " ",
    "\n",
    "\\",
    "\u0001",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const text = parts.join("");
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      if (!valid) assert.throws(() => parse(text), { name: "JsonFault" });
    }),
    { numRuns: 2000 },
  );
});

test("an object read from JSON has no prototype to pollute", () => {
  assert.equal(Object.getPrototypeOf(parse('{"a":1}')), null);
  assert.throws(() => parse('{"a":{"__proto__":{}}}'), /a\.__proto__|__proto__/);
  assert.equal(({} as { admin?: boolean }).admin, undefined);
});

test("a fault says which field or which character", () => {
  assert.throws(() => parse('{"a":{"b":1,"b":2}}'), { field: "a.b", doubled: true });
  assert.throws(() => parse('{"list":[1,1e999]}'), { field: "list.1" });
  assert.throws(() => parse('{"a" 1}'), /at character 6: ":" should be here/);
  assert.throws(() => parse('{"a":'), /ends where a value should be/);
});

test("queries that URLSearchParams writes are read as they were", () => {
  const value = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !/\p{Cc}/u.test(text));
  const name = value.filter((text) => text !== "");
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 6 }), (pairs) => {
      const { query, errors } = parseQuery(new URLSearchParams(pairs).toString());
      assert.deepEqual(errors, []);
      assert.deepEqual({ ...query }, { ...pairs });
    }),
  );
});

test("no query makes the parser throw, and what is wrong is named", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      for (const error of parseQuery(text).errors) assert.ok(error.message.includes("allowed"));
    }),
  );
  assert.deepEqual(
    parseQuery("a=1&a=2&b=%ff&=3").errors.map(({ field, fault }) => [field, fault]),
    [
      ["a", "doubled"],
      ["b", "not-allowed"],
      ["=3", "unknown"],
    ],
  );
});
