/**
 * The vCPU balancer beside what is commonly done, on the same simulated loads: intervals until the loads are even, pin changes
 * on the way and afterwards, and how unequally guests got what they wanted meanwhile. Baselines: usage-greedy (sort by usage, deal out
 * to the least loaded pCPU, every interval: the common solution of the course), the same when it is uneven by more than 5 points
 * only, the same by demand, and guests counted evenly once. Then the time of one decision for 1,000 vCPUs on 256 pCPUs.
 */
import { Balancer } from "../../src/agent/balance/balancer.js";
import { planArena } from "../../src/core/balance/plan.js";
import { cpuSetOf, EMPTY_CPU_SET } from "../../src/core/cpuset.js";
import { mib } from "../../src/core/units.js";
import { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { FakeWorld } from "../../src/drivers/fake/world.js";
import type { DomainStats } from "../../src/ports/hypervisor.js";
import { arenaOf, deviation, random } from "../balance/arenas.js";
import { noisy, plainTopology } from "../balance/host.js";
import { printTable } from "./table.js";

const INTERVAL_MS = 12_000;
const INTERVALS = 60;
const MEMORY = { kind: "constant", fraction: 0.5 } as const;
const EVEN_POINTS = 5;

interface Load {
  readonly name: string;
  readonly pcpus: number;
  readonly loads: readonly number[];
  readonly at: (i: number) => number;
  /** Of each interval's mean, in pCPUs to both sides. */
  readonly noise: number;
}

const draw = random(12);
const LOADS: readonly Load[] = [
  { name: "8 equal on 4, all on pCPU 0", pcpus: 4, loads: Array(8).fill(0.5), at: () => 0, noise: 0.05 },
  {
    name: "8 heavy and light on 4, heavy together",
    pcpus: 4,
    loads: Array.from({ length: 8 }, (_, i) => (i < 4 ? 0.8 : 0.4)),
    at: (i) => i >> 1,
    noise: 0.05,
  },
  {
    name: "64 of all sizes on 16, by chance",
    pcpus: 16,
    loads: Array.from({ length: 64 }, () => 0.1 + 0.6 * draw() * draw()),
    at: () => Math.floor(draw() * 16),
    noise: 0.03,
  },
];

interface Setup {
  readonly world: FakeWorld;
  readonly hypervisor: FakeHypervisor;
  readonly clock: ReturnType<typeof virtualClock>;
  readonly pcpus: number;
}

type Round = () => Promise<unknown>;
type Strategy = (setup: Setup) => Round;

/** What each vCPU used, or wanted, since the last call. */
function meter(hypervisor: FakeHypervisor, clock: Setup["clock"], wanted: boolean) {
  let before: { readonly at: number; readonly times: ReadonlyMap<string, number> } | null = null;
  return async (): Promise<ReadonlyMap<string, number> | null> => {
    const counted = (domain: DomainStats) =>
      Number(domain.vcpus[0]!.timeNs + (wanted ? (domain.vcpus[0]!.delayNs ?? 0n) : 0n));
    const times = new Map((await hypervisor.stats()).map((domain) => [domain.name, counted(domain)]));
    const at = clock.monotonic();
    const was = before;
    before = { at, times };
    if (was === null) return null;
    return new Map([...times].map(([name, ns]) => [name, (ns - (was.times.get(name) ?? 0)) / (at - was.at) / 1e6]));
  };
}

const greedy =
  (wanted: boolean, threshold: number): Strategy =>
  ({ hypervisor, clock, pcpus }) => {
    const measure = meter(hypervisor, clock, wanted);
    return async () => {
      const usage = await measure();
      if (usage === null) return;
      const pins = await hypervisor.pins([...usage.keys()]);
      const now = new Float64Array(pcpus);
      for (const [name, value] of usage) now[pins.get(name)![0]![0]!]! += value;
      if (100 * deviation([...now]) <= threshold) return;
      const planned = new Float64Array(pcpus);
      for (const [name, value] of [...usage].sort((a, b) => b[1] - a[1])) {
        const to = planned.indexOf(Math.min(...planned));
        planned[to]! += value;
        if (pins.get(name)![0]![0] !== to) await hypervisor.pinVcpu(name, 0, cpuSetOf([to]));
      }
    };
  };

const countOnce: Strategy = ({ hypervisor, pcpus }) => {
  let done = false;
  return async () => {
    if (done) return;
    done = true;
    const names = (await hypervisor.stats()).map(({ name }) => name);
    const pins = await hypervisor.pins(names);
    for (const [i, name] of names.entries())
      if (pins.get(name)![0]![0] !== i % pcpus) await hypervisor.pinVcpu(name, 0, cpuSetOf([i % pcpus]));
  };
};

const headroom: Strategy = ({ hypervisor, clock, world }) => {
  const balancer = new Balancer({
    hypervisor,
    clock,
    topology: world.topology,
    excluded: EMPTY_CPU_SET,
    dryRun: false,
  });
  return () => balancer.round();
};

const STRATEGIES: readonly (readonly [string, Strategy])[] = [
  ["headroom", headroom],
  ["usage-greedy, every interval", greedy(false, 0)],
  ["usage-greedy, above 5 points", greedy(false, EVEN_POINTS)],
  ["demand-greedy, above 5 points", greedy(true, EVEN_POINTS)],
  ["counted evenly, once", countOnce],
];

interface Outcome {
  readonly even: number | null;
  readonly pinsUntilEven: number;
  readonly pinsAfter: number;
  readonly points: number;
  readonly unfairness: number;
}

async function play(load: Load, strategy: Strategy): Promise<Outcome> {
  const topology = plainTopology(load.pcpus);
  const clock = virtualClock(1_700_000_000_000);
  const world = new FakeWorld({ topology, clock });
  const hypervisor = new FakeHypervisor(world, "fake:///");
  await hypervisor.connect();
  const chance = random(99);
  for (const [i, mean] of load.loads.entries()) {
    const name = `vm-${String(i).padStart(4, "0")}`;
    world.createForeign({ name, vcpus: 1, memoryMiB: mib(64), pins: [cpuSetOf([load.at(i)])] });
    world.setDemand(name, { cpu: noisy(mean, load.noise, INTERVAL_MS / 1000, chance), memory: MEMORY });
  }
  const points = (): number => {
    const loads: number[] = Array(load.pcpus).fill(0);
    for (const [i, name] of world.names().entries()) loads[world.pinsOf(name)![0]![0]!]! += load.loads[i]!;
    return 100 * deviation(loads);
  };
  const round = strategy({ world, hypervisor, clock, pcpus: load.pcpus });
  const [used, wanted] = [meter(hypervisor, clock, false), meter(hypervisor, clock, true)];
  let even: number | null = null;
  let pinsUntilEven = 0;
  const shares: number[] = [];
  await round();
  await Promise.all([used(), wanted()]);
  for (let interval = 1; interval <= INTERVALS; interval++) {
    await clock.advance(INTERVAL_MS);
    const [got, asked] = [(await used())!, (await wanted())!];
    // A guest that got all it wanted has 1; how far the guests are apart, in points.
    shares.push(100 * deviation([...asked].map(([name, want]) => (want > 0 ? got.get(name)! / want : 1))));
    await round();
    if (even === null && points() <= EVEN_POINTS) {
      even = interval;
      pinsUntilEven = hypervisor.calls.count("pinVcpu");
    }
  }
  const pins = hypervisor.calls.count("pinVcpu");
  const unfairness = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return { even, pinsUntilEven, pinsAfter: pins - pinsUntilEven, points: points(), unfairness };
}

for (const load of LOADS) {
  const at = load.loads.map((_, i) => load.at(i));
  const fixed = { ...load, at: (i: number) => at[i]! };
  console.log(
    `\n${load.name}; loads differ by up to ${100 * load.noise} points from interval to interval; ${INTERVALS} intervals`,
  );
  const rows: string[][] = [];
  for (const [name, strategy] of STRATEGIES) {
    const { even, pinsUntilEven, pinsAfter, points, unfairness } = await play(fixed, strategy);
    const until = even === null ? "never" : String(even);
    rows.push([
      name,
      until,
      even === null ? "-" : String(pinsUntilEven),
      String(pinsAfter),
      points.toFixed(1),
      unfairness.toFixed(1),
    ]);
  }
  printTable(["", "intervals until even", "pins until then", "pins after", "points at the end", "unfairness"], rows);
}

console.log("\none decision, 1,000 vCPUs on 256 pCPUs, CPU milliseconds (median of 15)");
const rows: string[][] = [];
for (const [name, cells, at] of [
  ["pinned by chance", 1, () => Math.floor(draw() * 256)],
  ["all on pCPU 0", 1, () => 0],
  ["pinned nowhere", 1, () => null],
  ["pinned by chance, 8 NUMA cells", 8, () => Math.floor(draw() * 256)],
] as const) {
  const arena = arenaOf(
    256,
    Array.from({ length: 1000 }, () => {
      const to = at();
      return {
        demandPcpus: 0.1 + 0.6 * draw() * draw(),
        at: to,
        homeCell: to === null ? null : Math.floor((to * cells) / 256),
      };
    }),
    { cells: Array.from({ length: 256 }, (_, pcpu) => Math.floor((pcpu * cells) / 256)) },
  );
  const times: number[] = [];
  let moves = 0;
  for (let i = 0; i < 20; i++) {
    const before = process.cpuUsage();
    moves = planArena(arena).moves.length;
    const spent = process.cpuUsage(before);
    if (i >= 5) times.push((spent.user + spent.system) / 1000);
  }
  times.sort((a, b) => a - b);
  const sorted = process.cpuUsage();
  for (let i = 0; i < 20; i++) dealOut(arena.vcpus.map((vcpu) => vcpu.demandPcpus));
  const naive = process.cpuUsage(sorted);
  const baseline = (naive.user + naive.system) / 20_000;
  rows.push([
    name,
    times[7]!.toFixed(1),
    times[14]!.toFixed(1),
    String(moves),
    baseline.toFixed(2),
    `${(times[7]! / baseline).toFixed(1)}x`,
  ]);
}
printTable(["", "median", "slowest", "moves", "greedy", "ratio"], rows);

/** What the greedy baselines do for a decision: sort, and deal out to the least loaded. */
function dealOut(demands: readonly number[]): Float64Array {
  const loads = new Float64Array(256);
  for (const demand of [...demands].sort((a, b) => b - a)) loads[loads.indexOf(Math.min(...loads))]! += demand;
  return loads;
}
