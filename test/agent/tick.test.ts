/** Ticks: what they find, what they mend, and that they do nothing when all is as planned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib, milliseconds, seconds } from "../../src/core/units.js";
import { OperationalError } from "../../src/ports/errors.js";
import { failsWith, Rig } from "./support.js";

const mark = (requestId: string, ...vcpuRatios: number[]) => ({
  vcpuRatios,
  perVcpu: false,
  requestId,
  image: null,
  overlay: null,
});

test("in a steady state a tick changes nothing: no pins, no other calls, no writes", async () => {
  const rig = await new Rig().start();
  for (const [i, name] of ["a", "b", "c", "d"].entries()) await rig.deploy(name, 2, (i % 3) + 1);
  await rig.tick();
  rig.hypervisor.calls.clear();
  const { writes } = rig.journal;
  for (let i = 0; i < 5; i++) assert.equal((await rig.tick()).actions, 0);
  assert.deepEqual(rig.hypervisor.calls.changes(), []);
  assert.deepEqual(new Set(rig.hypervisor.calls.all().map((call) => call.procedure)), new Set(["stats", "pins"]));
  assert.equal(rig.journal.writes, writes);
});

test("a pin changed by hand is back within a tick, and said so", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1);
  await rig.tick();
  rig.world.pinByHand("web", 1, cpuSetOf([15]));
  await rig.tick();
  rig.check();
  const repaired = rig.agent.eventsAfter(0).filter((event) => event.kind === "pin-repaired");
  assert.equal(repaired.length, 1);
  assert.match(repaired[0]!.message, /vCPU 1 was on 15/);
  assert.equal(rig.agent.metrics().repairedPins, 1);
});

test("with more VMs than are checked in one tick every hand-made pin is back within two ticks", async () => {
  const rig = await new Rig({ settings: { mostPinsEachTick: 3 } }).start();
  const names = ["a", "b", "c", "d", "e"];
  for (const name of names) await rig.deploy(name, 1, 1);
  await rig.tick();
  await rig.tick();
  for (const name of names) rig.world.pinByHand(name, 0, cpuSetOf([15]));
  await rig.tick();
  await rig.tick();
  rig.check();
});

test("a VM found running is adopted at ratio 1, with its memory, and pinned", async () => {
  const rig = await new Rig().start();
  rig.world.createForeign({ name: "found", vcpus: 3, memoryMiB: 2048 });
  await rig.tick();
  const vm = rig.agent.vm("found")!;
  assert.deepEqual([vm.state, vm.vcpus, vm.memoryMiB, vm.ratio, vm.deployedHere], ["running", 3, 2048, 1, false]);
  assert.ok(rig.kinds().includes("vm-adopted"));
  rig.check();
});

test("a VM found running with Headroom's mark is adopted at its own ratio", async () => {
  const rig = await new Rig().start();
  rig.world.createForeign({ name: "ours", vcpus: 2, memoryMiB: 1024, metadata: mark("r7", 3, 3) });
  await rig.tick();
  const vm = rig.agent.vm("ours")!;
  assert.deepEqual([vm.ratio, vm.deployedHere], [3, true]);
  assert.equal((await rig.deploy("ours", 2, 3, { requestId: "r7" })).uuid, vm.uuid, "its request is known");
});

test("a VM that no pool can take is left unpinned and reported once, until there is room", async () => {
  const rig = await new Rig().start();
  await rig.deploy("big", 14, 1);
  rig.world.createForeign({ name: "late", vcpus: 4, memoryMiB: 1024 });
  const free = rig.pins("late");
  await rig.tick();
  await rig.tick();
  assert.equal(rig.agent.vm("late")!.state, "unplaced");
  assert.deepEqual(rig.pins("late"), free);
  assert.equal(rig.kinds().filter((kind) => kind === "vm-unplaced").length, 1);
  await rig.agent.remove("big");
  await rig.tick();
  assert.equal(rig.agent.vm("late")!.state, "running");
  rig.check();
});

test("a stopped VM gives its room back, and is taken in again with its own size when it is started", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 4, 2);
  rig.world.stopFromInside("web");
  await rig.tick();
  assert.equal(rig.agent.vm("web")!.state, "stopped");
  assert.deepEqual(rig.agent.vm("web")!.pins, []);
  assert.equal(rig.agent.status().pcpus.free, 16);
  await rig.deploy("other", 3, 1);
  rig.world.start("web");
  await rig.tick();
  assert.deepEqual([rig.agent.vm("web")!.state, rig.agent.vm("web")!.ratio], ["running", 2]);
  rig.check();
});

test("a crashed guest gives its room back; a paused one keeps it", async () => {
  const rig = await new Rig().start();
  await rig.deploy("crashing", 2);
  await rig.deploy("pausing", 2);
  rig.world.crash("crashing");
  rig.world.pause("pausing");
  await rig.tick();
  assert.equal(rig.agent.vm("crashing")!.state, "stopped");
  assert.equal(rig.agent.vm("pausing")!.state, "paused");
  rig.check();
  rig.world.pause("pausing", false);
  await rig.tick();
  assert.equal(rig.agent.vm("pausing")!.state, "running");
});

test("a VM that vanished is forgotten, its room given back, and its disk left and named", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 4, 2, { image: "/images/debian.qcow2" });
  rig.world.destroy("web");
  rig.world.undefine("web");
  await rig.tick();
  assert.equal(rig.agent.vm("web"), null);
  assert.equal(rig.agent.status().pcpus.free, 16);
  assert.equal(rig.images.overlays.size, 1);
  const event = rig.agent.eventsAfter(0).find((one) => one.kind === "vm-vanished")!;
  assert.match(event.message, /overlays\/web/);
});

test("a domain that took the name of a vanished VM is another VM", async () => {
  const rig = await new Rig().start();
  const old = await rig.deploy("web", 4, 2);
  rig.world.destroy("web");
  rig.world.undefine("web");
  rig.world.createForeign({ name: "web", vcpus: 1, memoryMiB: 512 });
  await rig.tick();
  const vm = rig.agent.vm("web")!;
  assert.notEqual(vm.uuid, old.uuid);
  assert.deepEqual([vm.vcpus, vm.ratio, vm.deployedHere], [1, 1, false]);
  rig.check();
});

test("definitions are read for domains that are new, and for no others", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web");
  rig.world.createForeign({ name: "asleep", vcpus: 1, memoryMiB: 512, running: false });
  rig.world.createForeign({ name: "found", vcpus: 1, memoryMiB: 512 });
  await rig.tick();
  const looked = rig.hypervisor.calls.count("detail");
  for (let i = 0; i < 3; i++) await rig.tick();
  assert.equal(rig.hypervisor.calls.count("detail"), looked);
});

test("guests report their memory: switched on once, and again after a restart by hand", async () => {
  const rig = await new Rig({ settings: { memoryStatsPeriod: seconds(7) } }).start();
  await rig.deploy("web");
  for (let i = 0; i < 3; i++) await rig.tick();
  const count = () => rig.hypervisor.calls.count("setMemoryStatsPeriod");
  assert.equal(count(), 1);
  assert.notEqual(rig.world.stats()[0]!.memory!.lastUpdate, null);
  rig.world.destroy("web");
  rig.world.start("web");
  await rig.tick();
  assert.equal(count(), 2);
});

test("a hypervisor without memory statistics is not asked again and again", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web");
  const unsupported = new OperationalError("unsupported-by-hypervisor", "no balloon", false);
  rig.hypervisor.faults.failNext("setMemoryStatsPeriod", unsupported);
  for (let i = 0; i < 3; i++) assert.deepEqual((await rig.tick()).problems, []);
  assert.equal(rig.hypervisor.calls.count("setMemoryStatsPeriod"), 1);
});

test("a pin that fails is a problem, told once, and mended by a later tick", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1);
  await rig.tick();
  rig.world.pinByHand("web", 0, cpuSetOf([15]));
  rig.hypervisor.faults.failNext("pinVcpu", undefined, 2);
  for (let i = 0; i < 2; i++) assert.equal((await rig.tick()).problems.length, 1);
  assert.equal(rig.agent.status().problems.length, 1);
  assert.equal(rig.kinds().filter((kind) => kind === "action-failed").length, 1);
  assert.deepEqual((await rig.tick()).problems, []);
  rig.check();
});

test("while the hypervisor is away reads are served, changes fail as retryable, and its return is an early tick", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1);
  const controller = new AbortController();
  const run = rig.agent.run(controller.signal);
  await rig.clock.advance(5_000);
  rig.hypervisor.disconnect();
  await rig.clock.advance(5_000);
  assert.equal(rig.agent.ready(), false);
  assert.equal(rig.agent.vm("web")!.state, "running");
  assert.equal(rig.agent.status().hypervisor.connected, false);
  assert.equal(rig.agent.status().problems.length, 1);
  await assert.rejects(rig.tryDeploy("other"), failsWith("hypervisor-unreachable"));
  rig.world.pinByHand("web", 0, cpuSetOf([15]));
  rig.hypervisor.reconnect();
  await rig.clock.advance(300);
  rig.check();
  assert.equal(rig.agent.ready(), true);
  assert.ok(rig.kinds().includes("hypervisor-lost") && rig.kinds().includes("hypervisor-back"));
  controller.abort();
  await rig.clock.advance(0);
  await run;
});

test("a guest's stop or start is an early tick, and a burst of them is one", async () => {
  const rig = await new Rig().start();
  for (const name of ["a", "b", "c"]) await rig.deploy(name, 1);
  const controller = new AbortController();
  const run = rig.agent.run(controller.signal);
  await rig.clock.advance(5_000);
  const before = rig.agent.metrics().ticks;
  for (const name of ["a", "b", "c"]) rig.world.stopFromInside(name);
  await rig.clock.advance(400);
  assert.ok(rig.agent.vms().every((vm) => vm.state === "stopped"));
  assert.equal(rig.agent.metrics().ticks - before, 1);
  await rig.clock.advance(4_000);
  assert.equal(rig.agent.metrics().ticks - before, 1);
  await rig.clock.advance(1_000);
  assert.equal(rig.agent.metrics().ticks - before, 2);
  controller.abort();
  await run;
});

test("stopping finishes the request in progress, turns the waiting ones away and leaves the guests running", async () => {
  const rig = await new Rig().start();
  rig.hypervisor.faults.delay("start", 1_000);
  const first = rig.tryDeploy("first");
  const second = rig.tryDeploy("second");
  const turnedAway = assert.rejects(second, failsWith("agent-unreachable"));
  await rig.clock.advance(10);
  const stop = rig.agent.stop();
  await turnedAway;
  assert.equal((await rig.clock.runUntil(first)).ok, true);
  await stop;
  assert.deepEqual(rig.running(), ["first"]);
  assert.equal(rig.agent.ready(), false);
  await assert.rejects(rig.tryDeploy("third"), failsWith("agent-unreachable"));
});

test("usage is known from the second tick on, per VM, pool and host", async () => {
  const demand = {
    cpu: { kind: "constant", fraction: 0.5 },
    memory: { kind: "constant", fraction: 0.5 },
  } as const;
  const rig = await new Rig({ world: { demandOf: () => demand } }).start();
  await rig.deploy("a", 2, 2);
  await rig.deploy("b", 2, 2);
  assert.equal(rig.agent.vm("a")!.usage.cpuPcpus, null);
  await rig.tick();
  await rig.tick();
  const { usage } = rig.agent.vm("a")!;
  assert.ok(Math.abs(usage.cpuPcpus! - 1) < 0.05, `${usage.cpuPcpus}`);
  assert.ok(usage.memoryMiB! > 0);
  const status = rig.agent.status();
  assert.ok(Math.abs(status.pools[0]!.usagePcpus! - 2) < 0.1);
  assert.ok(Math.abs(status.usage.cpuPcpus! - 2) < 0.1);
});

test("a topology with pCPUs that the host lacks is refused at the start", async () => {
  const rig = new Rig();
  rig.hypervisor.host = async () => ({ ...rig.world.host(), pcpus: cpuSetOf([0, 1, 2, 3]) });
  await assert.rejects(rig.agent.start(), failsWith("bad-settings"));
});

test("memory reserved for the host is given to no VM", async () => {
  const rig = await new Rig({ settings: { reservedMemoryMiB: mib(65_000) } }).start();
  assert.equal(rig.agent.status().memory.capacityMiB, 536);
  assert.equal((await rig.tryDeploy("web")).ok, false);
});

test("a subscriber that fails does no harm", async () => {
  const rig = await new Rig().start();
  const heard: string[] = [];
  rig.agent.subscribe(() => {
    throw new Error("mine");
  });
  const end = rig.agent.subscribe((event) => heard.push(event.kind));
  await rig.deploy("web");
  end();
  await rig.agent.remove("web");
  assert.ok(heard.includes("vm-deployed") && !heard.includes("vm-removed"));
});

test("pools are packed again no more often than set", async () => {
  const rig = await new Rig({ settings: { repackInterval: milliseconds(60_000) } }).start();
  let asked = 0;
  const repack = rig.policy.repack!;
  Object.assign(rig.policy, {
    repack: (host: Parameters<typeof repack>[0], most: number) => {
      asked++;
      return repack(host, most);
    },
  });
  await rig.deploy("web");
  for (let i = 0; i < 24; i++) await rig.tick();
  assert.equal(asked, 2);
});
