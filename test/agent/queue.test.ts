/** The queue and the alarm: one job at a time, in order; ticks on time, early when asked, never in bursts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Alarm } from "../../src/agent/alarm.js";
import { SerialQueue } from "../../src/agent/queue.js";
import { milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { failsWith } from "./support.js";

test("jobs run one at a time, in order of arrival, and a failed one stops no other", async () => {
  const queue = new SerialQueue();
  const heard: string[] = [];
  const job = (name: string, fails = false) =>
    queue.run(async () => {
      heard.push(`${name} begins`);
      await Promise.resolve();
      heard.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const [a, b, c] = await Promise.allSettled([job("a"), job("b", true), job("c")]);
  assert.deepEqual([a.status, b.status, c.status], ["fulfilled", "rejected", "fulfilled"]);
  assert.deepEqual(heard, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("a job given by a job runs after it, not inside it", async () => {
  const queue = new SerialQueue();
  const heard: string[] = [];
  let inner: Promise<void> = Promise.resolve();
  await queue.run(async () => {
    inner = queue.run(async () => void heard.push("inner"));
    await Promise.resolve();
    heard.push("outer");
  });
  await inner;
  assert.deepEqual(heard, ["outer", "inner"]);
});

test("closing waits for the job in progress and turns the others away, those that come later too", async () => {
  const queue = new SerialQueue();
  let finish = (): void => undefined;
  const first = queue.run(() => new Promise<void>((resolve) => (finish = resolve)));
  const second = assert.rejects(
    queue.run(async () => undefined),
    failsWith("agent-unreachable"),
  );
  await Promise.resolve();
  const closed = queue.close();
  await second;
  finish();
  await Promise.all([first, closed]);
  await assert.rejects(
    queue.run(async () => undefined),
    failsWith("agent-unreachable"),
  );
});

/** Times at which a tick that takes no time would run. */
async function ticks(rings: readonly number[], untilMs: number): Promise<number[]> {
  const clock = virtualClock();
  const alarm = new Alarm(clock, milliseconds(1_000), milliseconds(100));
  const controller = new AbortController();
  const times: number[] = [];
  const loop = (async () => {
    while (!controller.signal.aborted) {
      await alarm.wait(milliseconds(times.at(-1) ?? 0), controller.signal);
      if (!controller.signal.aborted) times.push(clock.monotonic());
    }
  })();
  for (const at of rings) {
    await clock.advance(at - clock.monotonic());
    alarm.ring();
  }
  await clock.advance(untilMs - clock.monotonic());
  controller.abort();
  await loop;
  return times;
}

test("without a ring it is the interval", async () => {
  assert.deepEqual(await ticks([], 3_500), [1_000, 2_000, 3_000]);
});

test("a ring is heard at once when the last tick is long ago, and after the gap when it is not", async () => {
  assert.deepEqual(await ticks([1_500, 1_510, 1_520], 2_700), [1_000, 1_500, 1_600, 2_600]);
});
