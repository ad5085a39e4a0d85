/** The agent's memory: the coordinator across all its VMs, and more memory sold than there is, against estimates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MeasuredPeaks } from "../../src/agent/balloon/measured-peaks.js";
import type { AgentSettings } from "../../src/agent/settings.js";
import { DEFAULT_BALLOON_SETTINGS } from "../../src/core/balloon/settings.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, milliseconds, seconds } from "../../src/core/units.js";
import type { MemoryProfile } from "../../src/drivers/fake/usage-profile.js";
import type { FakeWorld } from "../../src/drivers/fake/world.js";
import { accepted, Rig, refused } from "./support.js";

const HOST_MIB = 16_384;
const RESERVE_MIB = 1024;

/** 32 pCPUs, 16 GiB: memory is what runs out. */
const TOPOLOGY = buildTopology({
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 32,
  threadsPerCore: 1,
  coresPerL3: 4,
  memoryMiB: mib(HOST_MIB),
});

const BALLOON = {
  ...DEFAULT_BALLOON_SETTINGS,
  interval: milliseconds(5_000),
  statsPeriod: seconds(1),
  hostReserveMiB: mib(RESERVE_MIB),
};

const uses = (memory: MemoryProfile) => ({ cpu: { kind: "idle" as const }, memory });

function rigOf(settings: Partial<AgentSettings>, memory: MemoryProfile): Rig {
  const rig: Rig = new Rig({
    topology: TOPOLOGY,
    settings: { reservedMemoryMiB: mib(2048), memoryStatsPeriod: seconds(1), ...settings },
    world: { demandOf: () => uses(memory), traitsOf: () => ({ cacheShare: 0 }) },
    agent: { hostProbe: { sample: async () => rig.world.hostSample() } },
  });
  return rig;
}

const OVERSUBSCRIBED = { balloon: BALLOON, memoryRatio: 2, memoryMargin: 0.25, memoryHistory: milliseconds(60_000) };
const QUARTER: MemoryProfile = { kind: "constant", fraction: 0.2 };

const ticks = async (rig: Rig, count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await rig.tick();
};
const sizeOf = (world: FakeWorld, name: string): number => world.detail(name)!.memoryMiB;

test("without the setting no balloon moves", async () => {
  const rig = await rigOf({}, QUARTER).start();
  await rig.deploy("a", 2, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 30);
  assert.equal(sizeOf(rig.world, "a"), 4096);
  assert.equal(rig.hypervisor.calls.count("setMemory"), 0);
});

test("with it idle VMs shrink to their need and the floor, and are still shown with what they were sold", async () => {
  const rig = await rigOf({ balloon: BALLOON }, QUARTER).start();
  await rig.deploy("a", 2, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 60);
  const size = sizeOf(rig.world, "a");
  assert.ok(size < 1150 && size > 900, `it has ${size} MiB`);
  assert.equal(rig.agent.vm("a")?.memoryMiB, 4096);
  assert.ok((rig.agent.metrics().actions.balloon ?? 0) > 0);
  const calls = rig.hypervisor.calls.count("setMemory");
  await ticks(rig, 20);
  assert.equal(rig.hypervisor.calls.count("setMemory"), calls, "then nothing is asked any more");
});

test("a journal that is lost takes nothing of what VMs were sold, found ones included", async () => {
  const rig = await rigOf({ balloon: BALLOON }, QUARTER).start();
  await rig.deploy("a", 2, 1, { memoryMiB: mib(4096) });
  rig.world.createForeign({ name: "found", vcpus: 1, memoryMiB: 2048 });
  await ticks(rig, 60);
  assert.ok(sizeOf(rig.world, "found") < 1000);
  rig.journal.text = null;
  await rig.restart();
  assert.equal(rig.agent.vm("a")?.memoryMiB, 4096);
  assert.equal(rig.agent.vm("found")?.memoryMiB, 2048);
  assert.equal(rig.agent.vm("found")?.deployedHere, false);
});

test("a VM that grows gets its memory back, up to what it was sold", async () => {
  const growing: MemoryProfile = {
    kind: "script",
    points: [
      { atSeconds: 0, usedMiB: 400 },
      { atSeconds: 300, usedMiB: 400 },
      { atSeconds: 700, usedMiB: 3000 },
    ],
  };
  const rig = await rigOf({ balloon: BALLOON }, growing).start();
  await rig.deploy("a", 2, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 58);
  assert.ok(sizeOf(rig.world, "a") < 700);
  await ticks(rig, 110);
  assert.ok(sizeOf(rig.world, "a") > 3100 && sizeOf(rig.world, "a") <= 4096);
  assert.equal(rig.world.contents().guests.get("a")?.live?.balloon.swapOutMiB, 0);
});

test("more memory is sold than there is, but only as far as what the VMs are expected to hold leaves room", async () => {
  const rig = await rigOf(OVERSUBSCRIBED, QUARTER).start();
  const physical = HOST_MIB - 2048;
  assert.equal(rig.agent.status().memory.capacityMiB, 2 * physical);
  const whole = refused(await rig.tryDeploy("whole", 1, 1, { memoryMiB: mib(16_000) }));
  assert.equal(whole.code, "vm-larger-than-host");
  for (const name of ["a", "b", "c"]) await rig.deploy(name, 1, 1, { memoryMiB: mib(4096) });
  const early = refused(await rig.tryDeploy("d", 1, 1, { memoryMiB: mib(4096) }));
  assert.equal(early.code, "no-memory-capacity", "nothing is known of the three yet: they count in full");
  assert.match(early.reason, /are expected to hold leaves 2048 of 14336 MiB/);
  assert.equal(rig.agent.status().memory.freeMiB, 2048);
  const told = rig.agent.tag();
  await ticks(rig, 20);
  assert.notEqual(rig.agent.tag(), told, "schedulers hear of the room");
  assert.ok(rig.agent.status().memory.freeMiB > 8000);
  const { counts } = rig.agent.hostStatus();
  assert.equal(counts.memoryCapacityMiB - counts.memoryAllocatedMiB, rig.agent.status().memory.freeMiB);
  await rig.deploy("d", 1, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 20);
  await rig.deploy("e", 1, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 20);
  const sold = rig.agent.host().memory.allocatedMiB;
  assert.ok(sold > physical, `${sold} MiB are sold of ${physical}`);
  rig.check();
});

test("the pools' ceiling holds, whatever estimates say", async () => {
  const known = { ...OVERSUBSCRIBED, memoryHistory: milliseconds(0) };
  const rig = await rigOf(known, { kind: "constant", fraction: 0 }).start();
  for (let index = 0; index < 7; index++) {
    await rig.deploy(`v${index}`, 1, 1, { memoryMiB: mib(4096) });
    await ticks(rig, 6);
  }
  assert.ok(
    rig.agent.status().memory.freeMiB < 4096,
    "the VMs hold next to nothing, and the pools have sold all they may",
  );
  const { code, reason } = refused(await rig.tryDeploy("more", 1, 1, { memoryMiB: mib(4096) }));
  assert.equal(code, "no-memory-capacity");
  assert.doesNotMatch(reason, /expected to hold/, "it is not the estimates that refuse");
});

test("growing a VM is admitted like a new one, and shrinking never refused", async () => {
  const rig = await rigOf({ ...OVERSUBSCRIBED, liveMemoryFactor: 4 }, QUARTER).start();
  for (const name of ["a", "b", "c"]) await rig.deploy(name, 1, 1, { memoryMiB: mib(4096) });
  const grown = refused(await rig.agent.resize({ name: "a", memoryMiB: mib(8192) }));
  assert.equal(grown.code, "no-memory-capacity");
  assert.equal(rig.agent.vm("a")?.memoryMiB, 4096);
  accepted(await rig.agent.resize({ name: "a", memoryMiB: mib(2048) }));
  const told = rig.agent.explain({ name: "x", vcpus: 1, memoryMiB: mib(8192), ratio: rig.agent.vm("b")!.ratio });
  assert.deepEqual([told.fits, told.code], [false, "no-memory-capacity"]);
});

test("when all VMs want what they were sold at once, they swap, and the host keeps its reserve", async () => {
  const greedy: MemoryProfile = {
    kind: "script",
    points: [
      { atSeconds: 0, usedMiB: 500 },
      { atSeconds: 600, usedMiB: 500 },
      { atSeconds: 900, usedMiB: 3800 },
    ],
  };
  const rig = await rigOf(OVERSUBSCRIBED, greedy).start();
  for (const name of ["a", "b", "c"]) await rig.deploy(name, 1, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 30);
  for (const name of ["d", "e"]) {
    await rig.deploy(name, 1, 1, { memoryMiB: mib(4096) });
    await ticks(rig, 30);
  }
  for (let tick = 0; tick < 200; tick++) {
    await rig.tick();
    const { memoryAvailableMiB } = rig.world.hostSample();
    assert.ok(memoryAvailableMiB >= RESERVE_MIB, `the host has ${memoryAvailableMiB} MiB left`);
  }
  assert.equal(refused(await rig.tryDeploy("late", 1, 1, { memoryMiB: mib(1024) })).code, "no-memory-capacity");
  rig.check();
});

test("an agent that starts again counts all VMs in full until it knows them", async () => {
  const rig = await rigOf(OVERSUBSCRIBED, QUARTER).start();
  for (const name of ["a", "b", "c"]) await rig.deploy(name, 1, 1, { memoryMiB: mib(4096) });
  await ticks(rig, 20);
  await rig.deploy("d", 1, 1, { memoryMiB: mib(4096) });
  await rig.restart();
  assert.deepEqual(
    rig.agent.vms().map(({ name, state }) => [name, state]),
    ["a", "b", "c", "d"].map((name) => [name, "running"]),
  );
  assert.equal(rig.agent.status().memory.freeMiB, 0);
  assert.equal(refused(await rig.tryDeploy("e", 1, 1, { memoryMiB: mib(512) })).code, "no-memory-capacity");
  await ticks(rig, 20);
  assert.ok(rig.agent.status().memory.freeMiB > 4000);
});

test("a VM's measured peak has a margin, lasts a day, and is not known too early or after a silence", () => {
  const peaks = new MeasuredPeaks(0.5, milliseconds(60_000));
  const see = (minutes: number, heldMiB: number | null) =>
    peaks.observe(milliseconds(minutes * 60_000), [
      { uuid: "u", soldMiB: mib(1000), heldMiB: heldMiB === null ? null : mib(heldMiB) },
    ]);
  see(0, 300);
  assert.equal(peaks.peakMiB("u"), null);
  see(2, 200);
  assert.equal(peaks.peakMiB("u"), 450);
  see(3, 900);
  assert.equal(peaks.peakMiB("u"), 1000, "never more than it was sold");
  see(60 * 25, 100);
  assert.equal(peaks.peakMiB("u"), 150);
  see(60 * 25 + 1, null);
  assert.equal(peaks.peakMiB("u"), null);
  assert.equal(peaks.peakMiB("other"), null);
});
