/**
 * Ballooning side by side: Headroom's coordinator, fixed steps, MoM's rules and Proxmox's, on the same simulated guests, and the
 * time of a decision. Distress and memory are read from the guests themselves each second, not from what they report.
 */
import type { GuestMemory } from "../../src/core/balloon/model.js";
import { DEFAULT_BALLOON_SETTINGS } from "../../src/core/balloon/settings.js";
import { mib } from "../../src/core/units.js";
import {
  type Balloon,
  freshBalloon,
  kernelMiB,
  type MemoryTraits,
  memoryStats,
  moveBalloon,
  ORDINARY_MEMORY,
  withReport,
} from "../../src/drivers/fake/balloon.js";
import { type MemoryPoint, memoryInUseMiB, noise } from "../../src/drivers/fake/usage-profile.js";
import { reversals } from "../balloon/course-host.js";
import { fixedStep, headroomPolicy, momPolicy, type Policy, proxmoxPolicy } from "./balloon-policies.js";
import { printTable } from "./table.js";

interface Guest {
  readonly name: string;
  readonly points: readonly MemoryPoint[];
  readonly traits: MemoryTraits;
  balloon: Balloon;
  readonly sizes: number[];
}

interface Load {
  readonly name: string;
  readonly hostMiB: number;
  readonly seconds: number;
  guests(): Guest[];
}

const INTERVAL_SECONDS = 12;
const REPORT_SECONDS = 4;
const { floorMiB: FLOOR_MIB, hostReserveMiB: RESERVE_MIB } = DEFAULT_BALLOON_SETTINGS;

const guest = (
  name: string,
  points: readonly MemoryPoint[],
  sizeMiB = 512,
  maximumMiB = 2048,
  cacheShare = 0,
): Guest => ({
  name,
  points,
  traits: { ...ORDINARY_MEMORY, cacheShare },
  balloon: freshBalloon(sizeMiB, maximumMiB),
  sizes: [],
});

const consumes = (to: number, hold: number): readonly MemoryPoint[] => {
  const full = 60 + (to - 150) / 4;
  return [
    { atSeconds: 60, usedMiB: 150 },
    { atSeconds: full, usedMiB: to },
    { atSeconds: full + hold, usedMiB: to },
    { atSeconds: full + hold + 1, usedMiB: 150 },
  ];
};
const IDLE: readonly MemoryPoint[] = [{ atSeconds: 0, usedMiB: 150 }];

/** Idle ones, ramps, swings, noisy ones, readers of files: dealt by the number. */
function dealt(index: number, seconds: number): readonly MemoryPoint[] {
  const draw = (salt: number): number => noise(index, salt, 7);
  const kind = Math.floor(draw(0) * 4);
  const base = 120 + 200 * draw(1);
  if (kind === 0) return [{ atSeconds: 0, usedMiB: base }];
  const points: MemoryPoint[] = [{ atSeconds: 0, usedMiB: base }];
  for (let at = 120 * draw(2), turn = 0; at < seconds; turn++) {
    const high = base + (kind === 3 ? 60 : 1100) * draw(10 + turn);
    const rise = kind === 3 ? 20 : 60 + (high - base) / (1 + 5 * draw(40 + turn));
    points.push({ atSeconds: at, usedMiB: base }, { atSeconds: at + rise, usedMiB: high });
    points.push({ atSeconds: at + rise + 300 * draw(70 + turn), usedMiB: high });
    at += rise + 300 * draw(70 + turn) + 30;
    points.push({ atSeconds: at, usedMiB: base });
    at += 60 + 600 * draw(100 + turn);
  }
  return points;
}

const LOADS: readonly Load[] = [
  {
    name: "course 1: one of 4 consumes, 8 GiB host",
    hostMiB: 8192,
    seconds: 1500,
    guests: () => ["a", "b", "c", "d"].map((name, index) => guest(name, index === 0 ? consumes(1880, 120) : IDLE)),
  },
  {
    name: "course 2: all 4 consume, 3.5 GiB host",
    hostMiB: 3600,
    seconds: 1200,
    guests: () => ["a", "b", "c", "d"].map((name) => guest(name, consumes(720, 300))),
  },
  {
    name: "course 3: two of 4, one stops early, 2.7 GiB",
    hostMiB: 2800,
    seconds: 1200,
    guests: () =>
      ["a", "b", "c", "d"].map((name, index) =>
        guest(name, index === 0 ? consumes(700, 20) : index === 1 ? consumes(1300, 200) : IDLE),
      ),
  },
  ...[51_200, 34_816, 30_720].map((hostMiB) => ({
    name: `64 mixed guests sold 2 GiB each, host of ${hostMiB / 1024} GiB`,
    hostMiB,
    seconds: 7200,
    guests: () =>
      Array.from({ length: 64 }, (_, index) =>
        guest(`g${index}`, dealt(index, 7200), 450, 2048, index % 3 === 0 ? 0.6 : 0.2),
      ),
  })),
];

interface Outcome {
  /** Per cent of all guests' time. */
  readonly belowFloor: number;
  readonly swapping: number;
  /** Of what guests needed, per cent that they had. */
  readonly covered: number;
  /** More than need and floor, MiB per guest. */
  readonly idle: number;
  readonly turns: number;
  readonly calls: number;
  /** Per cent of the time. */
  readonly hostShort: number;
  readonly leastAvailable: number;
  /** Per cent of the time in which the host would lose its reserve if guests touched what they were given. */
  readonly overpromised: number;
}

function play({ hostMiB, seconds, guests: make }: Load, policy: Policy): Outcome {
  const guests = make();
  const sum = {
    below: 0,
    swapping: 0,
    had: 0,
    needed: 0,
    idle: 0,
    calls: 0,
    short: 0,
    over: 0,
    least: Number.POSITIVE_INFINITY,
  };
  for (let second = 1; second <= seconds; second++) {
    for (const one of guests) {
      const used = memoryInUseMiB({ kind: "script", points: one.points }, 0, second * 1000, 0);
      one.balloon = moveBalloon(one.balloon, used, 1, one.traits);
      if (second % REPORT_SECONDS === 0) one.balloon = withReport(one.balloon, used, second * 1000, one.traits);
      const need = used + kernelMiB(one.balloon.maximumMiB);
      const has = one.balloon.currentMiB;
      if (has - need < FLOOR_MIB / 2 && has < one.balloon.maximumMiB - 1) sum.below++;
      if (one.balloon.swappedMiB > 0) sum.swapping++;
      sum.needed += need;
      sum.had += Math.min(need, has);
      sum.idle += Math.max(0, has - need - FLOOR_MIB);
    }
    const held = guests.reduce((total, { balloon }) => total + (memoryStats(balloon).rssMiB ?? 0), 0);
    const available = hostMiB - held;
    if (available < RESERVE_MIB) sum.short++;
    // What is held and not there is swapped by the host, whatever the guests believe.
    const missing = Math.max(0, -available);
    sum.had -= missing;
    sum.swapping += missing / (held / guests.length);
    sum.least = Math.min(sum.least, available);
    const untouched = guests.reduce((total, { balloon }) => total + balloon.currentMiB - balloon.touchedMiB, 0);
    if (available - untouched < RESERVE_MIB) sum.over++;
    if (second % INTERVAL_SECONDS !== 0) continue;
    const shown = guests.map(({ name, balloon }): GuestMemory => ({ name, uuid: name, ...memoryStats(balloon) }));
    const targets = policy.decide(
      shown,
      { totalMiB: mib(hostMiB), availableMiB: mib(Math.max(0, available)) },
      second * 1000,
    );
    sum.calls += targets.size;
    for (const one of guests) {
      const targetMiB = targets.get(one.name);
      if (targetMiB !== undefined) one.balloon = { ...one.balloon, targetMiB };
      one.sizes.push(one.balloon.currentMiB);
    }
  }
  const time = guests.length * seconds;
  const hours = time / 3600;
  return {
    belowFloor: (100 * sum.below) / time,
    swapping: (100 * sum.swapping) / time,
    covered: (100 * sum.had) / sum.needed,
    idle: sum.idle / time,
    turns: guests.reduce((turns, { sizes }) => turns + reversals(sizes, 20), 0) / hours,
    calls: sum.calls / hours,
    hostShort: (100 * sum.short) / seconds,
    leastAvailable: sum.least,
    overpromised: (100 * sum.over) / seconds,
  };
}

const round = (value: number, digits = 1): string => value.toFixed(digits);
const POLICIES = [headroomPolicy, fixedStep, momPolicy, proxmoxPolicy];

for (const load of LOADS) {
  console.log(`\n${load.name}`);
  printTable(
    [
      "policy",
      "below half the floor %",
      "swapping %",
      "need covered %",
      "idle MiB",
      "turns/h",
      "calls/h",
      "host short %",
      "host least MiB",
      "overpromised %",
    ],
    POLICIES.map((make) => {
      const policy = make();
      const out = play(load, policy);
      const figures = [out.belowFloor, out.swapping].map((value) => round(value, 2));
      const rest = [round(out.covered, 2), round(out.idle, 0), round(out.turns), round(out.calls, 0)];
      return [
        policy.name,
        ...figures,
        ...rest,
        round(out.hostShort),
        round(out.leastAvailable, 0),
        round(out.overpromised),
      ];
    }),
  );
}

/** Time of one decision about many guests, all of which grow and shrink. */
function decisionMs(make: () => Policy, count: number): number {
  const policy = make();
  const rounds = 40;
  const readings = Array.from({ length: rounds }, (_, at) =>
    Array.from({ length: count }, (_, index): GuestMemory => {
      const used = 200 + 1200 * noise(index, Math.floor((at + index) / 6), 3);
      const balloon = { ...freshBalloon(1000, 2048), touchedMiB: 900 };
      const told = withReport(balloon, Math.min(900, used), at * 12_000 + 1000, ORDINARY_MEMORY);
      return { name: `g${index}`, uuid: `g${index}`, ...memoryStats(told) };
    }),
  );
  const host = { totalMiB: mib(count * 1100), availableMiB: mib(count * 60) };
  const times = readings.map((reading, at) => {
    const began = performance.now();
    policy.decide(reading, host, at * 12_000);
    return performance.now() - began;
  });
  return Math.min(...times.slice(10));
}

console.log("\nTime of one decision, the shortest of 30");
printTable(
  ["guests", ...POLICIES.map((make) => `${make().name} ms`), "headroom / fixed step"],
  [100, 1000, 5000].map((count) => {
    const times = POLICIES.map((make) => decisionMs(make, count));
    return [String(count), ...times.map((ms) => round(ms, 2)), round(times[0]! / times[1]!)];
  }),
);
