/** The fake host's guests use and wait for pCPUs as their pins and demands say, and live and die as a host's guests do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { mib, seconds } from "../../src/core/units.js";
import { fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { HypervisorEvent } from "../../src/ports/hypervisor.js";
import fc from "../support/property.js";
import { cpuSeconds, EIGHT_CORES, START_MS, smallHost, spec, statsOf, wants } from "./fake-hosts.js";

test("two guests on one pCPU get half of it each and wait for the other half", async () => {
  const { hypervisor, clock } = await smallHost();
  for (const name of ["a", "b"]) {
    await hypervisor.define(spec(name, [3]));
    await hypervisor.start(name);
  }
  await clock.advance(10_000);
  assert.deepEqual(await cpuSeconds(hypervisor, "a"), { got: [5], waited: [5] });
  assert.deepEqual(await cpuSeconds(hypervisor, "b"), { got: [5], waited: [5] });
});

test("moving one of them away ends the waiting from that moment on", async () => {
  const { hypervisor, clock } = await smallHost();
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 512, pins: [cpuSetOf([0])] });
  hypervisor.world.createForeign({ name: "b", vcpus: 1, memoryMiB: 512, pins: [cpuSetOf([0])] });
  await clock.advance(4000);
  await hypervisor.pinVcpu("b", 0, cpuSetOf([1]));
  await clock.advance(6000);
  assert.deepEqual(await cpuSeconds(hypervisor, "a"), { got: [8], waited: [2] });
});

test("what a guest has got does not depend on how often anybody looked", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 20 }), async (looks) => {
      const run = async (pauses: readonly number[]) => {
        const clock = virtualClock(START_MS);
        const hypervisor = fakeHypervisor({ topology: EIGHT_CORES, clock, seed: 5 });
        await hypervisor.connect();
        for (let i = 0; i < 6; i++) hypervisor.world.createForeign({ name: `vm${i}`, vcpus: 4, memoryMiB: 512 });
        for (const pause of pauses) {
          await clock.advance(pause);
          await hypervisor.stats();
        }
        await clock.advance(100_000 - pauses.reduce((sum, pause) => sum + pause, 0));
        return hypervisor.stats();
      };
      const [often, once] = [await run(looks), await run([])];
      for (const [i, domain] of often.entries()) {
        // Sums of doubles in another order: nanoseconds of a hundred seconds.
        const difference = domain.cpuTimeNs - once[i]!.cpuTimeNs;
        assert.ok(difference < 100n && difference > -100n, `${domain.name} differs by ${difference} ns`);
      }
    }),
    { numRuns: 25 },
  );
});

test("the same seed gives the same run, another seed another one", async () => {
  const run = async (seed: number) => {
    const clock = virtualClock(START_MS);
    const hypervisor = fakeHypervisor({ topology: EIGHT_CORES, clock, seed });
    await hypervisor.connect();
    for (let i = 0; i < 5; i++) hypervisor.world.createForeign({ name: `vm${i}`, vcpus: 2, memoryMiB: 512 });
    await clock.advance(600_000);
    return hypervisor.stats();
  };
  assert.deepEqual(await run(1), await run(1));
  assert.notDeepEqual(await run(1), await run(2));
});

test("nobody can use more pCPUs than its set has, and the host not more than it has", async () => {
  const { hypervisor, clock } = await smallHost();
  for (let i = 0; i < 5; i++) {
    hypervisor.world.createForeign({ name: `wide${i}`, vcpus: 4, memoryMiB: 512 });
    hypervisor.world.createForeign({
      name: `narrow${i}`,
      vcpus: 2,
      memoryMiB: 512,
      pins: [cpuSetOf([0, 1]), cpuSetOf([0, 1])],
    });
  }
  await clock.advance(60_000);
  const stats = await hypervisor.stats();
  const total = (part: string) =>
    stats
      .filter((domain) => domain.name.startsWith(part))
      .reduce((sum, domain) => sum + Number(domain.cpuTimeNs) / 6e10, 0);
  assert.ok(total("narrow") <= 2 + 1e-9);
  assert.ok(Math.abs(total("") - 8) < 0.2, `${total("")} of 8 pCPUs are used by 30 vCPUs that want them`);
});

test("a long absence is caught up in bounded steps, and nothing is forgotten", async () => {
  const { hypervisor, clock } = await smallHost({ demandOf: () => wants(0.25) });
  hypervisor.world.createForeign({ name: "a", vcpus: 2, memoryMiB: 512 });
  await clock.advance(30 * 86_400_000);
  assert.deepEqual((await cpuSeconds(hypervisor, "a")).got, [648_000, 648_000]);
});

test("a guest that is paused uses nothing and waits for nothing", async () => {
  const { hypervisor, clock } = await smallHost();
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 512 });
  await clock.advance(1000);
  hypervisor.world.pause("a");
  await clock.advance(5000);
  assert.equal((await statsOf(hypervisor, "a")).state, "paused");
  hypervisor.world.pause("a", false);
  await clock.advance(1000);
  assert.deepEqual(await cpuSeconds(hypervisor, "a"), { got: [2], waited: [0] });
});

test("a vCPU that was added runs, one that was taken away keeps its counter and stops", async () => {
  const { hypervisor, clock } = await smallHost();
  await hypervisor.define(spec("a", [0, 1], { vcpus: 1, maximumVcpus: 2 }));
  await hypervisor.start("a");
  await hypervisor.setVcpus("a", 2);
  await clock.advance(3000);
  await hypervisor.setVcpus("a", 1);
  await clock.advance(3000);
  assert.deepEqual((await cpuSeconds(hypervisor, "a")).got, [6, 3]);
  assert.deepEqual(
    (await statsOf(hypervisor, "a")).vcpus.map((vcpu) => vcpu.online),
    [true, false],
  );
});

test("a guest does something else from the moment it is told", async () => {
  const { hypervisor, clock } = await smallHost();
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 512 });
  await clock.advance(1500);
  hypervisor.world.setDemand("a", wants(0));
  await clock.advance(10_000);
  assert.deepEqual((await cpuSeconds(hypervisor, "a")).got, [1.5]);
});

test("pinning by hand, crashing and stopping from inside are seen by the connection as events and states", async () => {
  const { hypervisor, clock } = await smallHost();
  const events: string[] = [];
  hypervisor.subscribe((event: HypervisorEvent) =>
    events.push("name" in event ? `${event.kind} ${event.name}` : event.kind),
  );
  for (const name of ["a", "b", "c"]) hypervisor.world.createForeign({ name, vcpus: 1, memoryMiB: 512 });
  hypervisor.world.pinByHand("a", 0, cpuSetOf([7]));
  hypervisor.world.crash("b");
  hypervisor.world.stopFromInside("c");
  await clock.advance(1);
  assert.deepEqual((await hypervisor.pins(["a"])).get("a"), [[7]]);
  const states = (await hypervisor.stats()).map((domain) => domain.state);
  assert.deepEqual(states, ["running", "crashed", "stopped"]);
  assert.deepEqual(events.slice(-2), ["crashed b", "stopped c"]);
  await hypervisor.start("b");
  assert.equal((await statsOf(hypervisor, "b")).state, "running");
});

test("a transient domain is gone when it stops", async () => {
  const { hypervisor } = await smallHost();
  hypervisor.world.createForeign({ name: "brief", vcpus: 1, memoryMiB: 512, persistent: false });
  assert.deepEqual((await hypervisor.detail("brief"))?.persistent, false);
  hypervisor.world.stopFromInside("brief");
  assert.equal(await hypervisor.detail("brief"), null);
});

test("a guest that obeys shuts down after its time, one that does not goes on", async () => {
  const { hypervisor, clock } = await smallHost({ traitsOf: ({ name }) => ({ obeysShutdown: name !== "deaf" }) });
  const stopped: string[] = [];
  hypervisor.subscribe((event) => {
    if (event.kind === "stopped") stopped.push(event.name);
  });
  for (const name of ["deaf", "good"]) hypervisor.world.createForeign({ name, vcpus: 1, memoryMiB: 512 });
  await hypervisor.shutdown("good");
  await hypervisor.shutdown("deaf");
  await clock.advance(1999);
  assert.deepEqual(stopped, []);
  await clock.advance(1);
  assert.deepEqual(stopped, ["good"]);
  await clock.advance(60_000);
  assert.equal((await statsOf(hypervisor, "deaf")).state, "running");
});

test("a guest cannot be started where none of its pCPUs exists, and is pinned to those that do", async () => {
  const { hypervisor } = await smallHost();
  await hypervisor.define(spec("nowhere", [99]));
  await assert.rejects(hypervisor.start("nowhere"), { code: "hypervisor-failed" });
  assert.equal((await statsOf(hypervisor, "nowhere")).state, "stopped");
  await hypervisor.define(spec("partly", [7, 99]));
  await hypervisor.start("partly");
  assert.deepEqual((await hypervisor.pins(["partly"])).get("partly"), [[7]]);
});

test("the host's pCPUs include those that pools may not take", () => {
  const all = presetTopology("i7-1185g7")!;
  const topology = { ...all, pcpus: all.pcpus.slice(2) };
  assert.equal(fakeHypervisor({ topology }).world.pcpus.length, 8);
});

test("the host's own probe shows what the guests use", async () => {
  const { hypervisor, clock } = await smallHost({ demandOf: () => wants(0.5, 0.5) });
  hypervisor.world.createForeign({ name: "a", vcpus: 4, memoryMiB: 2048 });
  await clock.advance(10_000);
  const sample = await hypervisor.hostProbe().sample();
  assert.equal(sample?.cpuBusyNs, 20_000_000_000n);
  assert.equal(sample?.memoryTotalMiB, 16_384);
  assert.ok(sample.memoryAvailableMiB < 16_384 - 1024 && sample.memoryAvailableMiB > 16_384 - 2200);
});

test("foreign domains have uuids of their own, the same in every run", async () => {
  const uuids = async () => {
    const { hypervisor } = await smallHost();
    return ["a", "b"].map((name) => hypervisor.world.createForeign({ name, vcpus: 1, memoryMiB: 64 }));
  };
  const [a, b] = await uuids();
  assert.deepEqual(await uuids(), [a, b]);
  assert.notEqual(a, b);
  assert.match(a!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("the balloon moves at its speed, never past its target, and not at all without a driver", async () => {
  const { hypervisor, clock } = await smallHost({
    demandOf: () => wants(0, 0.1),
    traitsOf: ({ name }) => ({ balloonDriver: name !== "plain" }),
  });
  for (const name of ["plain", "virtio"]) {
    hypervisor.world.createForeign({ name, vcpus: 1, memoryMiB: 8192 });
    await hypervisor.setMemory(name, mib(4096));
  }
  const current = async () => (await hypervisor.stats()).map((domain) => domain.memory?.currentMiB);
  await clock.advance(1000);
  assert.deepEqual(await current(), [8192, 7168]);
  await clock.advance(60_000);
  assert.deepEqual(await current(), [8192, 4096]);
  await hypervisor.setMemory("virtio", mib(8192));
  await clock.advance(2000);
  assert.deepEqual(await current(), [8192, 6144]);
});

test("guest memory statistics begin a period after they were asked for, and end when it is set to 0", async () => {
  const { hypervisor, clock } = await smallHost({ demandOf: () => wants(0, 0.25) });
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 4096 });
  const memory = async () => (await statsOf(hypervisor, "a")).memory!;
  await clock.advance(60_000);
  assert.equal((await memory()).unusedMiB, null);
  await hypervisor.setMemoryStatsPeriod("a", seconds(5));
  await clock.advance(4999);
  assert.equal((await memory()).lastUpdate, null);
  await clock.advance(4000);
  const told = await memory();
  assert.equal(told.lastUpdate, START_MS / 1000 + 65);
  assert.ok(told.availableMiB! < 4096 && told.availableMiB! > 3900);
  assert.ok(told.unusedMiB! < told.usableMiB! && told.usableMiB! <= told.availableMiB! - 1024);
  assert.equal(told.swapOutMiB, 0);
  await hypervisor.setMemoryStatsPeriod("a", seconds(0));
  assert.equal((await memory()).unusedMiB, null);
});

test("a guest squeezed below what it uses swaps, and reads back when it may grow again", async () => {
  const { hypervisor, clock } = await smallHost({ demandOf: () => wants(0, 0.5) });
  hypervisor.world.createForeign({ name: "a", vcpus: 1, memoryMiB: 4096 });
  await hypervisor.setMemoryStatsPeriod("a", seconds(1));
  await hypervisor.setMemory("a", mib(1024));
  await clock.advance(10_000);
  const squeezed = (await statsOf(hypervisor, "a")).memory!;
  assert.ok(squeezed.swapOutMiB! > 1000 && squeezed.unusedMiB === 0 && squeezed.swapInMiB === 0);
  await hypervisor.setMemory("a", mib(4096));
  await clock.advance(10_000);
  const relieved = (await statsOf(hypervisor, "a")).memory!;
  assert.equal(relieved.swapInMiB, relieved.swapOutMiB);
});
