/** The online estimator: says what the offline one says, whatever befalls the process or the store. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { WindowsOfPromise } from "../../src/core/estimator/headroom/promise.js";
import { STRATEGY_NAMES, type StrategyName } from "../../src/core/estimator/names.js";
import { milliseconds, seconds } from "../../src/core/units.js";
import type { WatchSettings } from "../../src/estimator/settings.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { HostEstimate } from "../../src/ports/estimates.js";
import type { Sample } from "../../src/ports/sample-store.js";
import { estimatorTrace } from "../../src/trace/estimator-writer.js";
import { estimateText } from "../estimator/traces.js";
import fc from "../support/property.js";
import { rememberingLog } from "../support/quiet-log.js";
import {
  away,
  HOUR_MS,
  hostHistory,
  liveEstimates,
  MemoryStates,
  MemoryStore,
  openWatch,
  START,
  settingsFor,
} from "./histories.js";

const never = new AbortController().signal;
const HOURS = 24;

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

describe("every strategy says online what it says offline of the same history", () => {
  for (const strategy of STRATEGY_NAMES)
    for (const slices of [1, 4])
      test(`${strategy}, ${slices} slices`, async () => {
        const store = new MemoryStore(hostHistory("h", HOURS, 7));
        const settings = settingsFor(strategy, { slices });
        const [from, to] = [milliseconds(START * HOUR_MS), milliseconds((START + HOURS) * HOUR_MS)];
        const shape = { sliceSeconds: seconds(3600), scopeSeconds: seconds(3600 * slices), history: settings.history };
        const text = await textOf(estimatorTrace(store, { host: "h", from, to, ...shape }));
        const { choice } = settings;
        const { windows } = await estimateText(text, { ...choice });
        const online = await liveEstimates(store, settings, HOURS);
        assert.equal(online.length, HOURS);
        assert.deepEqual(
          online.map(({ cpu }) => [cpu.need, cpu.booked, cpu.free, cpu.samples, cpu.instead]),
          windows.map(({ cpu: { estimate, booked } }) => [
            estimate.need,
            booked,
            estimate.free,
            estimate.samples,
            estimate.instead,
          ]),
        );
        for (const [i, { memory }] of online.entries())
          assert.ok(Math.abs(memory.need! - windows[i]!.memory.estimate.need! / 1.024) < 1e-6);
      });
});

/** Runs pass after pass, dying whenever the plan says so, and gives what was told last of each window. */
async function interrupted(
  store: MemoryStore,
  settings: WatchSettings,
  hours: number,
  plan: readonly { readonly hour: number; readonly crashAfter: number; readonly downHours: number }[],
): Promise<ReadonlyMap<string, HostEstimate>> {
  const states = new MemoryStates();
  const last = new Map<string, HostEstimate>();
  let hour = 1;
  for (const { hour: until, crashAfter, downHours } of [...plan, { hour: hours, crashAfter: 1e9, downHours: 0 }]) {
    states.crashAfter = 1e9;
    const { watch, clock, told } = await openWatch(store, states, settings, Math.min(hour, hours));
    for (; hour < Math.min(until, hours); hour++) {
      await watch.pass(never);
      await clock.advance(HOUR_MS);
    }
    states.crashAfter = crashAfter;
    await watch.pass(never).catch((error: unknown) => assert.match(String(error), /killed/));
    for (const estimate of told) last.set(`${estimate.host} ${estimate.at}`, estimate);
    hour += downHours;
  }
  return last;
}

describe("a process that is killed and started anew goes on as if nothing had been", () => {
  const strategies: readonly StrategyName[] = ["headroom", "greedy", "maxpeak", "doa"];
  for (const strategy of strategies)
    test(`${strategy}: whenever it dies, however long it is down, the estimates are the same`, async () => {
      const store = new MemoryStore([...hostHistory("a", HOURS, 3), ...hostHistory("b", HOURS, 4)]);
      const settings = settingsFor(strategy);
      const expected = new Map(
        (await liveEstimates(store, settings, HOURS)).map((one) => [`${one.host} ${one.at}`, one]),
      );
      const step = fc.record({ hour: fc.integer({ min: 1, max: HOURS }), crashAfter: fc.nat(2), downHours: fc.nat(5) });
      const plans = fc.array(step, { maxLength: 4 }).map((steps) => steps.sort((one, other) => one.hour - other.hour));
      await fc.assert(
        fc.asyncProperty(plans, async (plan) => {
          const got = await interrupted(store, settings, HOURS, plan);
          for (const [key, estimate] of got) assert.deepEqual(estimate, expected.get(key));
          const end = (START + HOURS) * HOUR_MS;
          for (const host of ["a", "b"]) assert.ok(got.has(`${host} ${end}`), "it has caught up");
        }),
        { numRuns: strategy === "headroom" ? 8 : 3 },
      );
    });

  for (const strategy of strategies)
    test(`${strategy}: killed within a window, it estimates that window from all its samples, those before its death too`, async () => {
      const all = [...hostHistory("a", HOURS, 3), ...hostHistory("b", HOURS, 4)];
      const settings = settingsFor(strategy);
      const expected = await liveEstimates(new MemoryStore(all), settings, HOURS);
      const states = new MemoryStates();
      const told: HostEstimate[] = [];
      // Whoever collects is not killed: the store has what was measured up to now, and no more.
      for (let hour = 1; hour <= HOURS; hour++)
        for (const part of [0, 0.3, 0.8]) {
          const store = new MemoryStore(all.filter(({ at }) => at < (START + hour + part) * HOUR_MS));
          const one = await openWatch(store, states, settings, hour + part);
          await one.watch.pass(never);
          if (part === 0) told.push(...one.told);
          else assert.deepEqual(one.told, one.watch.estimates(), "it tells again what it had found, and nothing else");
        }
      assert.deepEqual(told, expected);
    });

  test("no window is taken twice", async () => {
    const store = new MemoryStore(hostHistory("a", 8, 3));
    const states = new MemoryStates();
    for (const hour of [4, 4, 8, 8]) {
      const { watch } = await openWatch(store, states, settingsFor("headroom"), hour);
      await watch.pass(never);
      await watch.pass(never);
    }
    assert.equal(store.readings, store.samples.length);
  });

  test("a new window costs its own readings", async () => {
    const store = new MemoryStore(hostHistory("a", 20, 3));
    const { watch, clock } = await openWatch(store, new MemoryStates(), settingsFor("maxpeak"), 19);
    await watch.pass(never);
    const before = store.readings;
    await clock.advance(HOUR_MS);
    await watch.pass(never);
    const last = store.samples.filter(({ at }) => at >= (START + 19) * HOUR_MS).length;
    assert.equal(store.readings - before, last);
  });

  test("a state that is damaged, or of a release that remembers other things, is learnt anew", async () => {
    const store = new MemoryStore(hostHistory("a", 10, 3));
    const states = new MemoryStates();
    await (await openWatch(store, states, settingsFor("maxpeak"), 10)).watch.pass(never);
    const text = states.texts.get("a")!;
    const other = { ...(JSON.parse(text) as object), state: { frames: {}, vms: [["a", 1]] } };
    for (const damaged of ["", "{", "null", "[]", JSON.stringify(other), text.replace('"version":2', '"version":0')]) {
      states.texts.set("a", damaged);
      const { watch } = await openWatch(store, states, settingsFor("maxpeak"), 10);
      await watch.pass(never);
      assert.equal(watch.status().windows, 10, damaged.slice(0, 40));
      assert.equal(states.texts.get("a"), text);
    }
  });

  test("what was learnt under other settings is learnt anew from the store's history", async () => {
    const store = new MemoryStore(hostHistory("a", 10, 3));
    const states = new MemoryStates();
    await (await openWatch(store, states, settingsFor("percentile"), 10)).watch.pass(never);
    const { watch } = await openWatch(store, states, settingsFor("headroom"), 10);
    await watch.pass(never);
    assert.equal(watch.status().windows, 10);
    assert.equal(watch.estimate("a")?.strategy, "headroom");
  });

  test("under another promise estimates are those of one who never promised otherwise", async () => {
    const promising = (promise: WindowsOfPromise): WatchSettings => {
      const settings = settingsFor("headroom");
      return { ...settings, choice: { ...settings.choice, promise } };
    };
    const store = new MemoryStore(hostHistory("a", 10, 3));
    const states = new MemoryStates();
    const needs = async (promise: WindowsOfPromise, kept: MemoryStates): Promise<unknown> => {
      const { watch } = await openWatch(store, kept, promising(promise), 10);
      await watch.pass(never);
      const estimate = watch.estimate("a");
      assert.ok(estimate);
      return [estimate.cpu, estimate.memory];
    };
    const bold = await needs(4, states);
    const learnt = states.texts.get("a");
    assert.deepEqual(await needs(4, states), bold);
    assert.equal(states.texts.get("a"), learnt, "the same promise takes up what it had learnt");
    const careful = await needs(200, states);
    assert.deepEqual(careful, await needs(200, new MemoryStates()));
    assert.notDeepEqual(careful, bold);
  });
});

describe("late and missing readings", () => {
  const hours = 6;
  const inHour = (hour: number) => (sample: Sample) => Math.floor(sample.at / HOUR_MS) - START === hour;

  test("what comes within the delay counts, what comes later does not, and disturbs nothing", async () => {
    const all = hostHistory("a", hours, 5);
    const late = all.filter((sample) => sample.at === (START + 4) * HOUR_MS - 300_000);
    const store = new MemoryStore(all.filter((sample) => !late.includes(sample)));
    const settings = settingsFor("nsigma");
    const { watch, clock, told } = await openWatch(store, new MemoryStates(), settings, 4);
    await watch.pass(never);
    const [before] = told.splice(0);
    assert.ok(Math.abs(before!.cpu.missing - 1 / 12) < 1e-9);
    await store.write(late);
    await watch.pass(never);
    assert.deepEqual(told.splice(0), []);
    await clock.advance(HOUR_MS);
    await watch.pass(never);
    assert.equal(told[0]!.cpu.samples, 3 * 12 - 1);
  });

  test("readings that lack the value are missing readings, not zeros", async () => {
    const store = new MemoryStore(
      hostHistory("a", hours, 5).map((sample) => {
        const { cpu_usage: _, ...values } = sample.values;
        return sample.vm === null && sample.at % 600_000 === 0 ? { ...sample, values } : sample;
      }),
    );
    const { watch, told } = await openWatch(store, new MemoryStates(), settingsFor("percentile"), hours);
    await watch.pass(never);
    assert.deepEqual([told[0]!.cpu.missing, told[0]!.memory.missing], [0.5, 0]);
    assert.ok(told[0]!.cpu.need! > 1);
  });

  test("too few readings: the estimate is withheld, and what is booked stands in", async () => {
    const gap = (sample: Sample): boolean => inHour(5)(sample) && sample.at % HOUR_MS > 0.3 * HOUR_MS;
    const store = new MemoryStore(hostHistory("a", hours, 5).filter((sample) => !gap(sample)));
    const { watch } = await openWatch(store, new MemoryStates(), settingsFor("headroom"), hours);
    await watch.pass(never);
    const { cpu, memory } = watch.estimate("a")!;
    assert.deepEqual([cpu.need, cpu.instead, memory.need], [null, "too few samples", null]);
    assert.equal(cpu.free, 64 - cpu.booked);
    assert.ok(cpu.missing > 0.6);
  });

  test("a host that falls silent is withheld window after window, comes back, and is forgotten after a week", async () => {
    const all = hostHistory("a", 40, 5);
    const store = new MemoryStore([...all.filter((sample) => !inHour(3)(sample)), ...hostHistory("b", 300, 6)]);
    const states = new MemoryStates();
    const { watch, clock } = await openWatch(store, states, settingsFor("headroom"), 3);
    const seen: (string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      await watch.pass(never);
      seen.push(watch.estimate("a")!.cpu.instead);
      await clock.advance(HOUR_MS);
    }
    assert.deepEqual(seen, [null, "no samples", null]);
    await clock.advance(250 * HOUR_MS);
    await watch.pass(never);
    assert.equal(watch.estimate("a"), null);
    assert.deepEqual([...states.texts.keys()], ["b"]);
  });

  test("a store that does not answer holds windows up, and none is lost", async () => {
    const store = new MemoryStore(hostHistory("a", hours, 5));
    const { watch, clock, told } = await openWatch(store, new MemoryStates(), settingsFor("headroom"), 2);
    await watch.pass(never);
    store.failure = away();
    for (let i = 0; i < 3; i++) {
      await clock.advance(HOUR_MS);
      await watch.pass(never);
    }
    assert.match(watch.status().problem ?? "", /away/);
    assert.ok(told.at(-1)!.validUntil < clock.now(), "the last estimate is stale by now");
    store.failure = null;
    await watch.pass(never);
    assert.equal(watch.status().problem, null);
    assert.equal(watch.status().windows, 5);
  });
});

describe("what an operator is told", () => {
  const told = (log: ReturnType<typeof rememberingLog>): readonly string[] =>
    log.lines.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level} ${message}`);

  test("a store that stays away is told once, and so is its return", async () => {
    const log = rememberingLog();
    const store = new MemoryStore(hostHistory("a", 6, 5));
    const { watch, clock } = await openWatch(store, new MemoryStates(), settingsFor("headroom"), 3, log);
    store.failure = away();
    for (let i = 0; i < 3; i++) await watch.pass(never);
    store.failure = null;
    await watch.pass(never);
    await clock.advance(HOUR_MS);
    await watch.pass(never);
    assert.deepEqual(told(log), [
      "warn windows could not be read, and are caught up on later",
      "info windows can be read again",
      "info estimated",
      "info estimated",
    ]);
  });

  test("that no host has samples is told once, until one has", async () => {
    const log = rememberingLog();
    const store = new MemoryStore([]);
    const { watch, clock } = await openWatch(store, new MemoryStates(), settingsFor("headroom"), 3, log);
    for (let i = 0; i < 2; i++) await watch.pass(never);
    assert.deepEqual(told(log), ["warn no host has samples in the window that ended last: nothing is estimated"]);
    await store.write(hostHistory("a", 6, 5));
    await clock.advance(HOUR_MS);
    await watch.pass(never);
    assert.deepEqual(told(log).slice(1), ["info estimated"]);
  });

  test("a full disk is told once in a pass, and estimates go on; what was learnt is written with the next window", async () => {
    const log = rememberingLog();
    const states = new MemoryStates();
    const store = new MemoryStore([...hostHistory("a", 6, 5), ...hostHistory("b", 6, 6)]);
    const { watch, clock, told: estimates } = await openWatch(store, states, settingsFor("headroom"), 3, log);
    states.failure = new OperationalError("state-not-written", "no space left on device", true);
    await watch.pass(never);
    assert.deepEqual([watch.status().unsaved, watch.status().problem, estimates.length], [2, null, 2]);
    assert.equal(told(log).filter((line) => line.startsWith("warn what was learnt")).length, 1);
    states.failure = null;
    await clock.advance(HOUR_MS);
    await watch.pass(never);
    assert.deepEqual([watch.status().unsaved, [...states.texts.keys()].sort()], [0, ["a", "b"]]);
  });
});

test("hosts are found as they appear, and only those that are asked for where that is said", async () => {
  const newcomer = hostHistory("b", 8, 6).filter(({ at }) => at >= (START + 5) * HOUR_MS);
  const store = new MemoryStore([...hostHistory("a", 8, 5), ...newcomer, ...hostHistory("c", 8, 5)]);
  const { watch, clock } = await openWatch(
    store,
    new MemoryStates(),
    settingsFor("headroom", { hosts: ["a", "b"] }),
    4,
  );
  const counts: number[] = [];
  for (let i = 0; i < 3; i++) {
    await watch.pass(never);
    counts.push(watch.estimates().length);
    await clock.advance(HOUR_MS);
  }
  assert.deepEqual(counts, [1, 1, 2]);
  assert.equal(watch.estimate("b")?.cpu.instead, "warming up");
});

test("the loop looks at each window once it is over and the delay has passed", async () => {
  const store = new MemoryStore(hostHistory("a", 10, 5));
  const { watch, clock, told } = await openWatch(store, new MemoryStates(), settingsFor("headroom"), 1);
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  await clock.advance(5 * HOUR_MS);
  stop.abort();
  await running;
  const offsets = told.map(({ at }) => at / HOUR_MS - START);
  assert.deepEqual(offsets, [1, 2, 3, 4, 5, 6]);
});
