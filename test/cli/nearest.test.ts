/** Guesses at mistyped words: near ones only. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, nearest } from "../../src/cli/settings/nearest.js";

test("a distance counts letters added, dropped, changed and swapped", () => {
  assert.equal(editDistance("port", "port"), 0);
  assert.equal(editDistance("prot", "port"), 1);
  assert.equal(editDistance("por", "port"), 1);
  assert.equal(editDistance("sport", "port"), 1);
  assert.equal(editDistance("fort", "port"), 1);
  assert.equal(editDistance("", "port"), 4);
});

test("the nearest word is guessed, and none when all are far", () => {
  assert.equal(nearest("HEADROOM_PROT", ["HEADROOM_PORT", "HEADROOM_POLICY"]), "HEADROOM_PORT");
  assert.equal(nearest("xyz", ["port", "policy"]), null);
});
