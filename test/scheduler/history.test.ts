/** The checker of histories: true answers pass, and each kind of lie is found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHistory, type Operation, type State } from "./history.js";

const deploy = (
  requestId: string,
  asked: number,
  answered: number | null,
  outcome: Operation["outcome"],
): Operation => ({
  vm: "web",
  kind: "deploy",
  requestId,
  vcpus: 2,
  asked,
  answered,
  outcome,
});

const remove = (asked: number, answered: number | null, outcome: Operation["outcome"]): Operation => ({
  ...deploy("", asked, answered, outcome),
  kind: "remove",
});

const resize = (vcpus: number, asked: number, answered: number | null, outcome: Operation["outcome"]): Operation => ({
  ...deploy("", asked, answered, outcome),
  kind: "resize",
  vcpus,
});

const there = (requestId: string, vcpus = 2): State => ({ requestId, vcpus });
const holds = (end: State, ...operations: Operation[]): boolean =>
  checkHistory(operations, new Map([["web", end]])).length === 0;

test("an acknowledged VM exists", () => {
  assert.ok(holds(there("a"), deploy("a", 1, 2, "ok")));
  assert.ok(!holds(null, deploy("a", 1, 2, "ok")));
});

test("a refused VM does not exist", () => {
  assert.ok(holds(null, deploy("a", 1, 2, "refused")));
  assert.ok(!holds(there("a"), deploy("a", 1, 2, "refused")));
});

test("an unanswered deploy may have happened, or not, also after everything else", () => {
  assert.ok(holds(null, deploy("a", 1, null, "unknown")));
  assert.ok(holds(there("a"), deploy("a", 1, null, "unknown")));
  assert.ok(holds(there("a"), deploy("a", 1, null, "unknown"), deploy("b", 2, 3, "ok"), remove(4, 5, "ok")));
});

test("two VMs of one name were not both acknowledged without a removal between", () => {
  assert.ok(!holds(there("b"), deploy("a", 1, 2, "ok"), deploy("b", 3, 4, "ok")));
  assert.ok(holds(there("b"), deploy("a", 1, 2, "ok"), remove(3, 4, "ok"), deploy("b", 5, 6, "ok")));
  assert.ok(holds(there("b"), deploy("a", 1, 2, "ok"), remove(3, null, "unknown"), deploy("b", 5, 6, "ok")));
});

test("a request that is repeated happens once", () => {
  const twice = [deploy("a", 1, 2, "unknown"), deploy("a", 5, 6, "ok")];
  assert.ok(holds(there("a"), ...twice));
  assert.ok(holds(null, ...twice, remove(3, 4, "ok")));
  assert.ok(!holds(there("a"), ...twice, remove(3, 4, "ok")));
  assert.ok(!holds(there("a"), ...twice, remove(7, 8, "ok")));
  assert.ok(holds(there("b"), ...twice, remove(3, 4, "ok"), deploy("b", 7, 8, "ok")));
});

test("a removed VM is gone, and what was never there was not removed", () => {
  assert.ok(!holds(there("a"), deploy("a", 1, 2, "ok"), remove(3, 4, "ok")));
  assert.ok(!holds(null, remove(1, 2, "ok")));
  assert.ok(!holds(there("a"), deploy("a", 1, 2, "ok"), remove(3, 4, "unknown-vm")));
});

test("a repeated removal may have found the VM gone by itself", () => {
  assert.ok(holds(null, deploy("a", 1, 2, "ok"), remove(3, 4, "gone")));
  assert.ok(holds(null, deploy("a", 1, 2, "ok"), remove(3, 4, "ok"), remove(5, 6, "gone")));
  assert.ok(!holds(there("a"), deploy("a", 1, 2, "ok"), remove(3, 4, "gone")));
});

test("requests that overlap may have happened in either order", () => {
  assert.ok(holds(there("a"), deploy("a", 1, 4, "ok"), remove(2, 3, "unknown-vm")));
  assert.ok(holds(null, deploy("a", 1, 3, "ok"), remove(2, 4, "ok")));
  assert.ok(!holds(there("a"), deploy("a", 1, 3, "ok"), remove(2, 4, "ok")));
});

test("an acknowledged size stands", () => {
  assert.ok(holds(there("a", 4), deploy("a", 1, 2, "ok"), resize(4, 3, 4, "ok")));
  assert.ok(!holds(there("a", 2), deploy("a", 1, 2, "ok"), resize(4, 3, 4, "ok")));
  assert.ok(!holds(there("a", 4), deploy("a", 1, 2, "ok"), resize(4, 3, 4, "refused")));
});
