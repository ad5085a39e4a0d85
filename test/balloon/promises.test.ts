/** The coordinator's invariants (spec 4.2, DESIGN promise 8) under random loads, odd guests and odd statistics. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shareOut } from "../../src/core/balloon/claims.js";
import {
  type BalloonMemory,
  type BalloonReading,
  type GuestMemory,
  NOTHING_REMEMBERED,
} from "../../src/core/balloon/model.js";
import { bandOf, stepOf } from "../../src/core/balloon/observe.js";
import { coordinate } from "../../src/core/balloon/plan.js";
import { type BalloonSettings, DEFAULT_BALLOON_SETTINGS, EMULATOR_MIB } from "../../src/core/balloon/settings.js";
import { milliseconds, type Unit } from "../../src/core/units.js";
import type { MemoryPoint } from "../../src/drivers/fake/usage-profile.js";
import fc from "../support/property.js";
import { CourseHost, type ScriptedGuest, startGuest } from "./course-host.js";

const SETTINGS = DEFAULT_BALLOON_SETTINGS;

/** Any number, likely ones more often: statistics are not to be trusted. */
const figure = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 4096 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300, 0.5) },
);
const told = fc.option(figure, { freq: 6 });
const asUnit = <T extends string>(value: number) => value as Unit<T>;
const maybe = <T extends string>(value: number | null) => value as Unit<T> | null;

const anyGuest = fc
  .record({
    name: fc.constantFrom("a", "b", "c", "d", "e"),
    uuid: fc.constantFrom("1", "2"),
    currentMiB: figure,
    maximumMiB: figure,
    unusedMiB: told,
    availableMiB: told,
    usableMiB: told,
    swapInMiB: told,
    lastUpdate: fc.option(fc.oneof(fc.integer({ min: 900, max: 1400 }), figure), { freq: 6 }),
    rssMiB: told,
  })
  .map(
    (guest): GuestMemory => ({
      name: guest.name,
      uuid: guest.uuid,
      currentMiB: asUnit(guest.currentMiB),
      maximumMiB: asUnit(guest.maximumMiB),
      unusedMiB: maybe(guest.unusedMiB),
      availableMiB: maybe(guest.availableMiB),
      usableMiB: maybe(guest.usableMiB),
      swapInMiB: maybe(guest.swapInMiB),
      lastUpdate: maybe(guest.lastUpdate),
      rssMiB: maybe(guest.rssMiB),
    }),
  );

const anyReading = (round: number): fc.Arbitrary<BalloonReading> =>
  fc
    .record({
      guests: fc.uniqueArray(anyGuest, { selector: (guest) => guest.name, maxLength: 5 }),
      host: fc.option(fc.record({ totalMiB: figure, availableMiB: figure })),
    })
    .map(({ guests, host }) => ({
      wallTime: milliseconds(1_000_000 + round * SETTINGS.interval),
      at: milliseconds(round * SETTINGS.interval),
      guests,
      host: host && { totalMiB: asUnit(host.totalMiB), availableMiB: asUnit(host.availableMiB) },
    }));

/** What no plan may ever do, whatever it was told. */
function assertSound(reading: BalloonReading, memory: BalloonMemory, settings: BalloonSettings): BalloonMemory {
  const { memory: next, plan } = coordinate(memory, reading, settings);
  assert.deepEqual(
    plan.guests.map(({ name }) => name),
    reading.guests.map(({ name }) => name).sort(),
  );
  for (const planned of plan.guests) {
    const guest = reading.guests.find(({ name }) => name === planned.name)!;
    assert.notEqual(planned.why, "");
    const { targetMiB } = planned;
    if (targetMiB === null) continue;
    assert.ok(Number.isSafeInteger(targetMiB), `${targetMiB} is no number of MiB`);
    if (planned.reason === "not-following") {
      assert.ok(Math.abs(targetMiB - guest.currentMiB) < 1, "it is asked for what it has");
      continue;
    }
    assert.ok(!["no-driver", "stale", "absurd", "waiting", "content"].includes(planned.reason));
    // Sizes in a plan are whole MiB.
    const sizeMiB = planned.sizeMiB!;
    const moved = targetMiB - sizeMiB;
    assert.ok(targetMiB <= Math.max(guest.maximumMiB, sizeMiB) + 1, "nobody gets more than his maximum");
    assert.ok(targetMiB >= Math.min(planned.minimumMiB, sizeMiB) - 1, "nobody goes below his minimum");
    if (planned.reason === "idle" || planned.reason === "taxed")
      assert.ok(-moved <= planned.unusedMiB! / 2 + 1, "more than half of what is unused");
    assert.ok(Math.abs(moved) <= stepOf(guest, settings) * settings.urgency + 1, `a step of ${moved} MiB`);
  }
  return next;
}

test("whatever hypervisors, guests and hosts report, no plan is unsound and none throws", () => {
  const readings = fc
    .integer({ min: 1, max: 6 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => anyReading(index))));
  fc.assert(
    fc.property(readings, fc.option(fc.integer({ min: 100, max: 8000 })), (rounds, limit) => {
      let memory: BalloonMemory = NOTHING_REMEMBERED;
      const settings = { ...SETTINGS, limitMiB: maybe<"MiB">(limit) };
      for (const reading of rounds) memory = assertSound(reading, memory, settings);
    }),
    { numRuns: 2000 },
  );
});

test("the order in which guests are read changes nothing", () => {
  fc.assert(
    fc.property(anyReading(0), (reading) => {
      const turned = { ...reading, guests: [...reading.guests].reverse() };
      const sizes = (plan: ReturnType<typeof coordinate>["plan"]) =>
        plan.guests.map((guest) => [guest.name, guest.targetMiB]);
      const [one, other] = [reading, turned].map((each) => coordinate(NOTHING_REMEMBERED, each, SETTINGS).plan);
      assert.deepEqual(sizes(one!), sizes(other!));
    }),
  );
});

test("what is shared out is all given or all wishes are met, nobody gets more than his wish, and more weight is never less", () => {
  const wish = fc.record({ most: fc.integer({ min: 0, max: 1000 }), weight: fc.integer({ min: 1, max: 8 }) });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4000 }), fc.array(wish, { maxLength: 8 }), (amount, wishes) => {
      const given = shareOut(amount, wishes);
      const sum = given.reduce((total, each) => total + each, 0);
      const wished = wishes.reduce((total, { most }) => total + most, 0);
      assert.ok(Math.abs(sum - Math.min(amount, wished)) < 1e-6, `${sum} of ${amount}, ${wished} wished`);
      for (const [index, { most, weight }] of wishes.entries()) {
        assert.ok(given[index]! <= most + 1e-9);
        for (const [other, { weight: less }] of wishes.entries())
          if (less <= weight && given[index]! < most - 1e-6) assert.ok(given[other]! <= given[index]! + 1e-6);
      }
    }),
  );
});

/** Straight lines between points a minute or more apart, none steeper than a guest's floor in two intervals. */
const SLOPE_MIB_PER_SECOND = 4;
const script = fc
  .array(fc.tuple(fc.integer({ min: 60, max: 300 }), fc.integer({ min: 40, max: 900 })), { minLength: 1, maxLength: 5 })
  .map((steps): readonly MemoryPoint[] => {
    let [atSeconds, usedMiB] = [0, 150];
    const points = [{ atSeconds, usedMiB }];
    for (const [seconds, wished] of steps) {
      const most = seconds * SLOPE_MIB_PER_SECOND;
      usedMiB = Math.max(usedMiB - 800, Math.min(usedMiB + most, wished));
      atSeconds += seconds;
      points.push({ atSeconds, usedMiB: Math.max(40, usedMiB) });
    }
    return points;
  });

const traits = fc.record({
  balloonDriver: fc.boolean().map((value) => value || true),
  balloonRefuses: fc.constantFrom("nothing", "nothing", "nothing", "inflate", "deflate", "both"),
  cacheShare: fc.constantFrom(0, 0.4, 0.8),
  swap: fc.constant(true),
} as const);

const crowd = (with_: fc.Arbitrary<ScriptedGuest["traits"]>) =>
  fc
    .array(fc.record({ memoryMiB: fc.integer({ min: 256, max: 1024 }), script, traits: with_ }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((guests): ScriptedGuest[] =>
      guests.map((guest, index) => ({
        name: `g${index}`,
        maximumMiB: 1100,
        memoryMiB: guest.memoryMiB,
        script: guest.script,
        traits: guest.traits ?? {},
      })),
    );

const promised = (guests: readonly ScriptedGuest[]): number =>
  guests.reduce((sum, guest) => sum + guest.memoryMiB + EMULATOR_MIB, 0);

test("a host that starts with its reserve keeps it, whatever its guests do, refuse or lack", async () => {
  await fc.assert(
    fc.asyncProperty(crowd(traits), fc.integer({ min: 0, max: 800 }), async (guests, spare) => {
      const hostMiB = promised(guests) + SETTINGS.hostReserveMiB + spare;
      const host = await CourseHost.start({ hostMiB, guests });
      for (const moment of await host.run(1500)) {
        assert.ok(moment.availableMiB >= SETTINGS.hostReserveMiB, `${moment.availableMiB} MiB at ${moment.seconds} s`);
        for (const [name, { sizeMiB }] of moment.guests) {
          const least = Math.min(SETTINGS.minimumMiB, guests.find((guest) => guest.name === name)!.memoryMiB);
          assert.ok(sizeMiB >= least - 1 && sizeMiB <= 1100, `${name} has ${sizeMiB} MiB`);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("on a host with enough, no guest whose use grows no faster than its floor allows ever runs out of memory", async () => {
  const obedient = fc.constant({ swap: false, cacheShare: 0 });
  await fc.assert(
    fc.asyncProperty(crowd(obedient), async (guests) => {
      const host = await CourseHost.start({ hostMiB: guests.length * 1300 + 400, guests });
      for (const moment of await host.run(1500))
        for (const [name, guest] of moment.guests)
          assert.equal(guest.outOfMemory, 0, `${name} ran out of memory by ${moment.seconds} s`);
    }),
    { numRuns: 40 },
  );
});

test("when the loads stand still, so does everything, and idle guests have their need and the floor", async () => {
  await fc.assert(
    fc.asyncProperty(crowd(fc.constant({ swap: false, cacheShare: 0 })), async (guests) => {
      const host = await CourseHost.start({ hostMiB: guests.length * 1300 + 400, guests });
      await host.run(2400);
      const still = await host.run(240);
      assert.equal(still.flatMap(({ report }) => report.changes).length, 0);
      for (const [name, { sizeMiB, unusedMiB }] of still.at(-1)!.guests)
        assert.ok(
          Math.abs(unusedMiB - SETTINGS.floorMiB) <= 2 * bandOf({ currentMiB: sizeMiB }, SETTINGS) + 2 ||
            sizeMiB <= SETTINGS.minimumMiB + 20,
          `${name} keeps ${unusedMiB} MiB unused of ${sizeMiB}`,
        );
    }),
    { numRuns: 25 },
  );
});

test("guests that come, go, die and start anew at any moment are no error, and the host keeps its reserve", async () => {
  const deed = fc.record({
    name: fc.constantFrom("g0", "g1", "g2", "x", "y"),
    what: fc.constantFrom("start", "destroy", "crash", "pause", "resume"),
    rounds: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(crowd(traits), fc.array(deed, { maxLength: 12 }), async (guests, deeds) => {
      const newcomer = (name: string): ScriptedGuest => ({
        name,
        memoryMiB: 512,
        maximumMiB: 1100,
        script: [{ atSeconds: 0, usedMiB: 300 }],
      });
      const hostMiB = promised(guests) + 2 * (512 + EMULATOR_MIB) + SETTINGS.hostReserveMiB;
      const host = await CourseHost.start({ hostMiB, guests });
      const { world } = host.hypervisor;
      for (const { name, what, rounds } of deeds) {
        const live = world.contents().guests.get(name)?.live;
        const room = host.coordinator.latest?.plan.host.budgetMiB ?? 0;
        if (what === "start" && !live && room > 512 + EMULATOR_MIB) {
          if (world.has(name)) world.start(name);
          else await startGuest(host.hypervisor, newcomer(name));
        } else if (live && what === "destroy") world.destroy(name);
        else if (live && what === "crash") world.crash(name);
        else if (live && (what === "pause" || what === "resume")) world.pause(name, what === "pause");
        for (const moment of await host.run(rounds * 12))
          assert.ok(
            moment.availableMiB >= SETTINGS.hostReserveMiB,
            `${moment.availableMiB} MiB at ${moment.seconds} s`,
          );
      }
    }),
    { numRuns: 40 },
  );
});
