/** The loop of a controller: rounds on the grid of the interval, a hypervisor that goes away, and the end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LONGEST_PAUSE_MS, type LoopOptions, pauseAfter, runController } from "../../src/agent/controller/loop.js";
import { milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { Clock } from "../../src/ports/clock.js";
import { type FailureCode, OperationalError } from "../../src/ports/errors.js";
import type { HypervisorEvent } from "../../src/ports/hypervisor.js";

const INTERVAL = milliseconds(1000);
const gone = (code: FailureCode = "hypervisor-unreachable") => new OperationalError(code, "gone", false);

/** A controller whose rounds `round` answers by number, from 1; what happened is in `log` as `time: what`. */
function loopOf(
  round: (number: number, clock: Clock) => Promise<string | null>,
  given: Partial<LoopOptions<string>> = {},
) {
  const clock = virtualClock();
  const stop = new AbortController();
  const log: string[] = [];
  const listeners = new Set<(event: HypervisorEvent) => void>();
  const note = (what: string) => void log.push(`${clock.monotonic()}: ${what}`);
  let rounds = 0;
  const controller = {
    round: () => {
      note(`round ${++rounds}`);
      return round(rounds, clock);
    },
  };
  const ended = runController(controller, {
    hypervisor: {
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    clock,
    interval: INTERVAL,
    once: false,
    signal: stop.signal,
    onReport: note,
    onLost: (_error, pause) => note(`lost for ${pause}`),
    ...given,
  });
  const reconnect = () => {
    for (const listener of listeners) listener({ kind: "reconnected" });
  };
  return { clock, stop, log, ended, reconnect, listeners };
}

test("rounds begin one interval apart, however long they take; one that takes longer costs the next its turn", async () => {
  const loop = loopOf(async (number, clock) => {
    if (number === 2) await clock.sleep(milliseconds(400));
    if (number === 3) await clock.sleep(milliseconds(1700));
    return "done";
  });
  await loop.clock.advance(4000);
  loop.stop.abort();
  await loop.ended;
  assert.deepEqual(
    loop.log.filter((line) => line.includes("round")),
    ["0: round 1", "1000: round 2", "2000: round 3", "4000: round 4"],
  );
});

test("a round under way when the signal comes is finished and shown, and is the last", async () => {
  const loop = loopOf(async (_number, clock) => {
    await clock.sleep(milliseconds(500));
    return "done";
  });
  await loop.clock.advance(100);
  loop.stop.abort();
  await loop.clock.runUntil(loop.ended);
  assert.deepEqual(loop.log, ["0: round 1", "500: done"]);
  assert.equal(loop.clock.sleepers(), 0);
});

test("with once it ends after the first round that decides", async () => {
  const loop = loopOf(async (number) => (number === 1 ? null : "decided"), { once: true });
  await loop.clock.runUntil(loop.ended);
  assert.deepEqual(loop.log, ["0: round 1", "1000: round 2", "1000: decided"]);
});

test("a hypervisor that is away is asked with growing pauses, and again every interval when it is back", async () => {
  const loop = loopOf(async (number) => {
    if (number >= 2 && number <= 4) throw gone(number === 3 ? "hypervisor-failed" : "hypervisor-timeout");
    return "done";
  });
  await loop.clock.advance(9000);
  loop.stop.abort();
  await loop.ended;
  assert.deepEqual(
    loop.log.filter((line) => !line.endsWith("done")),
    [
      "0: round 1",
      "1000: round 2",
      "1000: lost for 1000",
      "2000: round 3",
      "2000: lost for 2000",
      "4000: round 4",
      "4000: lost for 4000",
      "8000: round 5",
      "9000: round 6",
    ],
  );
  assert.equal(loop.listeners.size, 0, "no subscription is left");
});

test("a hypervisor that is back ends the pause at once", async () => {
  const loop = loopOf(async (number) => {
    if (number === 1) throw gone();
    return "done";
  });
  await loop.clock.advance(300);
  loop.reconnect();
  await loop.clock.advance(0);
  loop.stop.abort();
  await loop.ended;
  assert.deepEqual(loop.log, ["0: round 1", "0: lost for 1000", "300: round 2", "300: done"]);
});

test("a signal during a pause ends the loop", async () => {
  const loop = loopOf(async () => {
    throw gone();
  });
  await loop.clock.advance(300);
  loop.stop.abort();
  await loop.ended;
  assert.deepEqual(loop.log, ["0: round 1", "0: lost for 1000"]);
});

test("with once a failure is thrown, and bugs and what the hypervisor cannot do are thrown in any case", async () => {
  const fails = (error: Error, once: boolean) => loopOf(() => Promise.reject(error), { once }).ended;
  await assert.rejects(fails(gone(), true), /gone/);
  await assert.rejects(fails(gone("unsupported-by-hypervisor"), false), /gone/);
  await assert.rejects(fails(new TypeError("bug"), false), /bug/);
});

test("pauses double from the interval up to a minute, and are never shorter than the interval", () => {
  assert.deepEqual(
    [1, 2, 3, 7, 99].map((failures) => pauseAfter(failures, INTERVAL)),
    [1000, 2000, 4000, LONGEST_PAUSE_MS, LONGEST_PAUSE_MS],
  );
  assert.equal(pauseAfter(3, milliseconds(120_000)), 120_000);
});
