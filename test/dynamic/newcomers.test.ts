/** Who is new, and who boots: told from what was seen, never guessed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Acquaintances, isBooting, isFresh, meet } from "../../src/core/dynamic/newcomers.js";
import { milliseconds } from "../../src/core/units.js";
import { WINDOW } from "./support.js";

const START = 100 * WINDOW;
const at = (ms: number) => milliseconds(START + ms);
const BOOT = milliseconds(60_000);
const vm = (runs: boolean, restarted = false) => ({ uuid: "a", runs, restarted });
const boots = (vms: Acquaintances, ms: number): boolean => isBooting(vms.get("a"), at(ms), BOOT);

test("a VM that runs at the first look is not said to boot, one that comes later is, for its boot time", () => {
  const first = meet(null, [vm(true)], at(0));
  assert.equal(boots(first, 0), false);
  const come = meet(meet(null, [], at(0)), [vm(true)], at(5_000));
  assert.equal(boots(come, 5_000), true);
  const later = meet(come, [vm(true)], at(10_000));
  assert.deepEqual([boots(later, 64_999), boots(later, 65_000)], [true, false]);
  assert.equal(isBooting(later.get("a"), at(5_000), milliseconds(0)), false, "switched off");
});

test("it boots again when it is started again and when its guest began anew, and stays as known as it was", () => {
  const known = meet(null, [vm(true)], at(0));
  const stopped = meet(known, [vm(false)], at(3 * WINDOW));
  assert.equal(boots(stopped, 3 * WINDOW), false);
  const started = meet(stopped, [vm(true)], at(4 * WINDOW));
  assert.equal(boots(started, 4 * WINDOW), true);
  assert.equal(isFresh(started.get("a"), at(4 * WINDOW), WINDOW), false);
  assert.equal(boots(meet(known, [vm(true, true)], at(5_000)), 5_000), true);
});

test("it is fresh until it was there for a whole window, and forgotten when it goes", () => {
  const met = meet(null, [vm(true)], at(10));
  assert.ok(isFresh(met.get("a"), at(WINDOW + 10), WINDOW));
  assert.ok(!isFresh(met.get("a"), at(2 * WINDOW), WINDOW));
  assert.equal(meet(met, [], at(20)).size, 0);
  assert.ok(isFresh(undefined, at(9 * WINDOW), WINDOW), "who is not known at all is");
});
