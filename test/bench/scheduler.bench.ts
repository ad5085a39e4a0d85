/**
 * What a scheduler costs beside placement: deploys a second through the whole commit protocol (reservation, question, answer,
 * confirmation) with agents and a store in memory, and 10,000 heartbeats of unchanged hosts. The baseline is the placer alone,
 * on the same hosts and shapes. The agents only count, with the real policy; HTTP and disks are measured elsewhere.
 */

import type { VmShape } from "../../src/core/placement/model.js";
import { createPlacer } from "../../src/core/placement/placer.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { mib, ratio } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { createScheduler, type Scheduler } from "../../src/scheduler/scheduler.js";
import { StoreCore } from "../../src/simulator/memory-store.js";
import { silentLog } from "../agent/support.js";
import { CountingAgent } from "../scheduler/counting-agent.js";
import { printTable } from "./table.js";

const HOST_COUNTS = [1_000, 10_000];
const DEPLOYS = 10_000;
/** Requests under way at once. */
const CALLERS = 64;
const HEARTBEATS = 10_000;

const clock = realClock();

const shapeOf = (i: number): VmShape => ({
  vcpus: [1, 2, 2, 4][i % 4]!,
  memoryMiB: mib([2_048, 4_096, 8_192][i % 3]!),
  ratio: ratio([1, 2, 3][i % 3]!),
});

interface Rates {
  readonly placed: number;
  readonly deploysPerSecond: number;
  readonly placementsPerSecond: number;
  readonly heartbeatsMs: number;
  readonly registerMs: number;
}

async function elected(scheduler: Scheduler): Promise<void> {
  while (scheduler.leadership().role !== "leader") await new Promise((resolve) => setImmediate(resolve));
}

async function deployAll(scheduler: Scheduler): Promise<number> {
  let [next, placed] = [0, 0];
  const caller = async (): Promise<void> => {
    while (next < DEPLOYS) {
      const i = next++;
      const result = await scheduler.deploy({ name: `vm-${i}`, ...shapeOf(i), image: null });
      if (result.ok) placed++;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return placed;
}

async function register(scheduler: Scheduler, agents: readonly CountingAgent[]): Promise<void> {
  for (const agent of agents) await scheduler.register({ url: agent.url, report: agent.hostReport(), at: clock.now() });
}

async function beat(scheduler: Scheduler, agents: readonly CountingAgent[]): Promise<void> {
  for (let i = 0; i < HEARTBEATS; i++) {
    const { name: host, machineId, tag } = agents[i % agents.length]!;
    await scheduler.heartbeat({ host, machineId, tag, at: clock.now() });
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function placementsPerSecond(agents: readonly CountingAgent[]): number {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  for (const agent of agents) placer.upsertHost(agent.summary());
  const began = performance.now();
  for (let i = 0; i < DEPLOYS; i++) {
    const found = placer.choose(shapeOf(i));
    if (found !== null) placer.commitLocally(found.hostId, shapeOf(i));
  }
  return (DEPLOYS / (performance.now() - began)) * 1000;
}

async function measure(hosts: number): Promise<Rates> {
  const agents = Array.from({ length: hosts }, (_, i) => new CountingAgent(`h${i}`));
  const byUrl = new Map(agents.map((agent) => [agent.url, agent]));
  const placements = placementsPerSecond(agents);
  const stop = new AbortController();
  const scheduler = createScheduler({
    store: new StoreCore().connect(),
    clients: (url) => byUrl.get(url)!,
    clock,
    log: silentLog,
    address: "bench",
    placement: { weights: WEIGHTS.headroom },
  });
  const running = scheduler.run(stop.signal);
  await elected(scheduler);
  const registerMs = await timed(() => register(scheduler, agents));
  const heartbeatsMs = await timed(() => beat(scheduler, agents));
  let placed = 0;
  const deployMs = await timed(async () => {
    placed = await deployAll(scheduler);
  });
  stop.abort();
  await running;
  const deploysPerSecond = (DEPLOYS / deployMs) * 1000;
  return { placed, deploysPerSecond, placementsPerSecond: placements, heartbeatsMs, registerMs };
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");
const rows: string[][] = [];
for (const hosts of HOST_COUNTS) {
  const { placed, deploysPerSecond, placementsPerSecond: placements, heartbeatsMs, registerMs } = await measure(hosts);
  rows.push([
    whole(hosts),
    whole(placed),
    whole(deploysPerSecond),
    whole(placements),
    `${(placements / deploysPerSecond).toFixed(1)} x`,
    `${whole(registerMs)} ms`,
    `${whole(heartbeatsMs)} ms`,
  ]);
}
printTable(
  ["hosts", "placed", "deploys/s", "placer alone/s", "ratio", "registering all", `${whole(HEARTBEATS)} heartbeats`],
  rows,
);
