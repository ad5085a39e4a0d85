/** Resizing: live where the guest has the room, by restart where that was allowed, whole or not at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import type { Procedure } from "../../src/drivers/fake/faults.js";
import { OperationalError } from "../../src/ports/errors.js";
import { accepted, failsWith, Rig, refused } from "./support.js";

test("vCPUs, memory and ratio change live, and the definition and the mark follow", async () => {
  const rig = await new Rig({ settings: { liveMemoryFactor: 2 } }).start();
  await rig.deploy("web", 2, 1);
  await rig.deploy("other", 2, 2);
  const vm = accepted(await rig.agent.resize({ name: "web", vcpus: 4, memoryMiB: mib(2048), ratio: ratio(2) }));
  assert.deepEqual([vm.vcpus, vm.memoryMiB, vm.ratio, vm.vcpuRatios], [4, 2048, 2, [2, 2, 2, 2]]);
  rig.check();
  await rig.tick();
  await rig.tick();
  const detail = rig.world.detail("web")!;
  assert.deepEqual([detail.vcpus, detail.memoryMiB], [4, 2048]);
  assert.deepEqual(detail.metadata?.vcpuRatios, [2, 2, 2, 2]);
  rig.world.destroy("web");
  rig.world.start("web");
  assert.equal(rig.world.detail("web")!.memoryMiB, 2048, "a restart by hand keeps the new size");
});

test("a VM that gives vCPUs back shrinks its pool", async () => {
  const rig = await new Rig({ policy: "slackvm" }).start();
  await rig.deploy("web", 8, 1);
  accepted(await rig.agent.resize({ name: "web", vcpus: 3 }));
  assert.equal(rig.agent.status().pcpus.free, 13);
  rig.check();
});

test("what is not asked for stays, and asking for the present size does nothing", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 2);
  const before = rig.picture();
  const calls = rig.hypervisor.calls.changes().length;
  accepted(await rig.agent.resize({ name: "web", vcpus: 2, ratio: ratio(2) }));
  assert.deepEqual(rig.picture(), before);
  assert.equal(rig.hypervisor.calls.changes().length, calls);
});

test("beyond the guest's maximum it is refused, and done by a restart where that is allowed", async () => {
  const rig = await new Rig().start();
  const { uuid } = await rig.deploy("web", 2, 1);
  const before = rig.picture();
  assert.equal(refused(await rig.agent.resize({ name: "web", vcpus: 5 })).code, "restart-required");
  assert.equal(refused(await rig.agent.resize({ name: "web", memoryMiB: mib(4096) })).code, "restart-required");
  assert.deepEqual(rig.picture(), before);
  const bigger = rig.agent.resize({ name: "web", vcpus: 5, memoryMiB: mib(4096), restart: true });
  const vm = accepted(await rig.clock.runUntil(bigger));
  assert.equal(vm.uuid, uuid);
  const detail = rig.world.detail("web")!;
  assert.deepEqual([detail.state, detail.vcpus, detail.memoryMiB], ["running", 5, 4096]);
  await rig.tick();
  rig.check();
});

test("a guest that does not shut down for its restart has the plug pulled after the patience set", async () => {
  const rig = await new Rig({ world: { traitsOf: () => ({ obeysShutdown: false }) } }).start();
  await rig.deploy("web", 2, 1);
  const began = rig.clock.monotonic();
  accepted(await rig.clock.runUntil(rig.agent.resize({ name: "web", vcpus: 6, restart: true })));
  assert.equal(rig.clock.monotonic() - began, 20_000);
  assert.equal(rig.world.detail("web")!.vcpus, 6);
});

test("refusals name what decided and change nothing", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 8, 1);
  await rig.deploy("other", 8, 1);
  rig.world.createForeign({ name: "found", vcpus: 1, memoryMiB: 512 });
  await rig.tick();
  const before = rig.picture();
  assert.equal(refused(await rig.agent.resize({ name: "web", vcpus: 9 })).code, "no-cpu-capacity");
  assert.equal(refused(await rig.agent.resize({ name: "web", memoryMiB: mib(65_000) })).code, "no-memory-capacity");
  assert.equal(refused(await rig.agent.resize({ name: "nobody", vcpus: 1 })).code, "unknown-vm");
  assert.deepEqual(rig.picture(), before);
});

test("an adopted VM keeps its own definition: what it cannot take live is refused even with restart", async () => {
  const rig = await new Rig().start();
  rig.world.createForeign({ name: "found", vcpus: 1, memoryMiB: 512 });
  await rig.tick();
  const refusal = refused(await rig.agent.resize({ name: "found", vcpus: 2, restart: true }));
  assert.equal(refusal.code, "restart-required");
  accepted(await rig.agent.resize({ name: "found", ratio: ratio(2) }));
  rig.journal.text = null;
  await rig.restart();
  const vm = rig.agent.vm("found")!;
  assert.deepEqual([vm.ratio, vm.deployedHere], [2, false]);
});

test("a stopped VM takes its new size into its definition and starts with it", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1);
  rig.world.stopFromInside("web");
  await rig.tick();
  assert.equal(accepted(await rig.agent.resize({ name: "web", vcpus: 3, memoryMiB: mib(2048) })).state, "stopped");
  rig.world.start("web");
  await rig.tick();
  const vm = rig.agent.vm("web")!;
  assert.deepEqual([vm.state, vm.vcpus, vm.memoryMiB], ["running", 3, 2048]);
  rig.check();
});

test("an unplaced VM made smaller finds its room", async () => {
  const rig = await new Rig().start();
  rig.world.createForeign({ name: "huge", vcpus: 20, memoryMiB: 1024 });
  await rig.tick();
  assert.equal(rig.agent.vm("huge")!.state, "unplaced");
  accepted(await rig.agent.resize({ name: "huge", vcpus: 4 }));
  await rig.tick();
  assert.equal(rig.agent.vm("huge")!.state, "running");
  rig.check();
});

const FAULTS: readonly Procedure[] = ["setVcpus", "setMemory", "setMetadata", "redefine"];

for (const step of FAULTS) {
  test(`a resize whose ${step} fails is taken back whole`, async () => {
    const rig = await new Rig({ settings: { liveMemoryFactor: 4 } }).start();
    await rig.deploy("web", 2, 1);
    await rig.deploy("other", 2, 2);
    await rig.tick();
    const before = rig.picture();
    rig.hypervisor.faults.failNext(step);
    const request = { name: "web", vcpus: 4, memoryMiB: mib(2048), ratio: ratio(2) };
    await assert.rejects(rig.agent.resize(request), failsWith("hypervisor-failed"));
    await rig.tick();
    assert.deepEqual(rig.picture(), before);
    accepted(await rig.agent.resize(request));
    rig.check();
  });
}

test("a guest that does not give up its vCPUs fails the resize, and all is as before", async () => {
  const rig = await new Rig({ world: { traitsOf: () => ({ vcpuUnplug: false }) } }).start();
  await rig.deploy("web", 4, 1);
  const before = rig.picture();
  await assert.rejects(rig.agent.resize({ name: "web", vcpus: 2 }), failsWith("hypervisor-failed"));
  assert.deepEqual(rig.picture(), before);
});

test("a restart that fails half-way brings the guest back with its old size", async () => {
  for (const step of ["redefine", "start"] as const) {
    const rig = await new Rig().start();
    await rig.deploy("web", 2, 1);
    const host = rig.agent.host();
    rig.hypervisor.faults.failNext(step);
    const resize = rig.agent.resize({ name: "web", vcpus: 8, restart: true });
    await assert.rejects(rig.clock.runUntil(resize), failsWith("hypervisor-failed"));
    const detail = rig.world.detail("web")!;
    assert.deepEqual([detail.state, detail.vcpus], ["running", 2], step);
    await rig.tick();
    assert.equal(rig.agent.host(), host, step);
    rig.check();
  }
});

test("a resize that failed only at the journal stands where the guest keeps its new vCPUs", async () => {
  const rig = await new Rig({ world: { traitsOf: () => ({ vcpuUnplug: false }) } }).start();
  await rig.deploy("web", 2, 2);
  const write = rig.journal.write.bind(rig.journal);
  let calls = 0;
  rig.journal.write = async (text) => {
    if (++calls === 2) throw new OperationalError("state-not-written", "no space left on device", true);
    await write(text);
  };
  await assert.rejects(rig.agent.resize({ name: "web", vcpus: 4, ratio: ratio(1) }), failsWith("state-not-written"));
  await rig.tick();
  assert.deepEqual((await rig.tick()).problems, []);
  const vm = rig.agent.vm("web")!;
  assert.deepEqual([vm.vcpus, vm.ratio], [4, 1]);
  assert.deepEqual(rig.world.detail("web")!.metadata?.vcpuRatios, [1, 1, 1, 1]);
  rig.check();
});
