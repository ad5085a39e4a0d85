/** Clocks: a virtual one wakes sleepers in order and never by itself, a scaled one runs fast, the real one can be hurried. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { milliseconds as ms } from "../../src/core/units.js";
import { scaledClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";

test("sleepers wake in the order of their times, equal times in the order they lay down, at their own time", async () => {
  const clock = virtualClock(1000);
  const woken: string[] = [];
  const sleep = (name: string, duration: number) =>
    clock.sleep(ms(duration)).then(() => woken.push(`${name}@${clock.now()}`));
  void sleep("late", 300);
  void sleep("first", 100);
  void sleep("second", 100);
  await clock.advance(250);
  assert.deepEqual(woken, ["first@1100", "second@1100"]);
  assert.equal(clock.now(), 1250);
  await clock.advance(50);
  assert.deepEqual(woken, ["first@1100", "second@1100", "late@1300"]);
});

test("what a sleeper sets off is done before the next one wakes, and may sleep again within the same advance", async () => {
  const clock = virtualClock();
  const steps: number[] = [];
  const loop = async () => {
    for (let i = 0; i < 5; i++) {
      await clock.sleep(ms(10));
      await Promise.resolve();
      steps.push(clock.monotonic());
    }
  };
  void loop();
  await clock.advance(50);
  assert.deepEqual(steps, [10, 20, 30, 40, 50]);
  assert.equal(clock.sleepers(), 0);
});

test("a virtual sleep ends at once when it is aborted, and is forgotten", async () => {
  const clock = virtualClock();
  const abort = new AbortController();
  const asleep = clock.sleep(ms(1000), abort.signal);
  abort.abort();
  await asleep;
  await clock.sleep(ms(1000), abort.signal);
  assert.deepEqual([clock.monotonic(), clock.sleepers()], [0, 0]);
});

test("running until a promise settles jumps over the sleeps in between, and passes its failure on", async () => {
  const clock = virtualClock();
  const slow = (async () => {
    await clock.sleep(ms(1000));
    await clock.sleep(ms(2000));
    return "done";
  })();
  assert.equal(await clock.runUntil(slow), "done");
  assert.equal(clock.monotonic(), 3000);
  await assert.rejects(clock.runUntil(clock.sleep(ms(5)).then(() => Promise.reject(new Error("no")))), /no/);
  await assert.rejects(clock.runUntil(new Promise(() => undefined)), /nobody sleeps/);
});

test("a scaled clock passes its speed in seconds per second of its base", async () => {
  const base = virtualClock(5000);
  const fast = scaledClock(base, 60, 100_000);
  let woken = false;
  void fast.sleep(ms(60_000)).then(() => {
    woken = true;
  });
  await base.advance(999);
  assert.deepEqual([fast.now(), fast.monotonic(), woken], [100_000 + 59_940, 59_940, false]);
  await base.advance(1);
  assert.equal(woken, true);
});

test("the real clock's sleep ends early when it is aborted, and leaves no listener behind", async () => {
  const clock = realClock();
  const abort = new AbortController();
  const before = clock.monotonic();
  const asleep = clock.sleep(ms(60_000), abort.signal);
  abort.abort();
  await asleep;
  await clock.sleep(ms(60_000), abort.signal);
  assert.ok(clock.monotonic() - before < 30_000);
});

test("a real sleep longer than a timer can hold does not end at once", async () => {
  const clock = realClock();
  const abort = new AbortController();
  let ended = false;
  const asleep = clock.sleep(ms(2 ** 31 + 5), abort.signal).then(() => {
    ended = true;
  });
  await clock.sleep(ms(5));
  assert.equal(ended, false);
  abort.abort();
  await asleep;
});
