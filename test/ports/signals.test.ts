/** Signals made of signals: when they abort, for what reason, and that a long life leaves nothing behind in its signal. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { joined, whenAborted } from "../../src/ports/signals.js";

test("joined signals abort with the first of theirs, for its reason", () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const { signal } = joined(one.signal, other.signal);
  assert.equal(signal.aborted, false);
  other.abort("enough");
  assert.deepEqual([signal.aborted, signal.reason], [true, "enough"]);
  one.abort("late");
  assert.equal(signal.reason, "enough");
});

test("what is joined with a signal that has aborted has aborted, too", () => {
  const { signal } = joined(new AbortController().signal, AbortSignal.abort("before"));
  assert.deepEqual([signal.aborted, signal.reason], [true, "before"]);
});

test("what was released does not hear of its sources any more", () => {
  const source = new AbortController();
  const { signal, release } = joined(source.signal);
  release();
  source.abort();
  assert.equal(signal.aborted, false);
});

test("however many wait on a signal, it has one listener, and each is called once", () => {
  const source = new AbortController();
  const called: number[] = [];
  const releases = Array.from({ length: 100 }, (_, one) => whenAborted(source.signal, () => called.push(one)));
  assert.equal(getEventListeners(source.signal, "abort").length, 1);
  for (const release of releases.slice(2)) release();
  source.abort();
  assert.deepEqual(called, [0, 1]);
});
