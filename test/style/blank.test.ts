/** The scanner under the style tests sees code where there is code, and nowhere else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { blankComments } from "./blank.js";

/** In the expected code `_` stands for a blank, and `$` is written `§` in both, as no template is meant here. */
const CASES: readonly (readonly [name: string, source: string, code: string])[] = [
  ["line comments go", "a; // b\nc", "a; ____\nc"],
  ["block comments go and keep their lines", "a /* b\nc */ d", "a ____\n____ d"],
  ["a comment mark inside a text is text", 'x = "// no"; y', "x = _______; y"],
  ["escaped quotes do not end a text", 'x = "a\\"b"; y', "x = ______; y"],
  ["code inside a template stays", "`a §{b} c` + d", "_____b____ + d"],
  ["braces inside a template's code nest", "`§{ {a: 1}.a }` + d", "___ {a: 1}.a __ + d"],
  ["templates nest", "`§{`x§{y}`}` + z", "_______y____ + z"],
  ["a regular expression is no comment", "x = /[/*]\\//; y", "x = ________; y"],
  ["a division is no regular expression", "a = b / c; // d", "a = b / c; ____"],
];

for (const [name, source, code] of CASES) {
  test(name, () => assert.equal(blankComments(source.replaceAll("§", "$"), true), code.replaceAll("_", " ")));
}

test("texts stay when only comments are blanked", () => {
  assert.equal(blankComments('import "./a.js"; // b'), `import "./a.js"; ${" ".repeat(4)}`);
});
