/** What survives the agent: its journal, and where that is gone, what the domains say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { accepted, memoryText, Rig } from "./support.js";

const IMAGE = "/images/debian.qcow2";

async function busyRig(options = {}): Promise<Rig> {
  const rig = await new Rig(options).start();
  await rig.deploy("a", 2, 1, { image: IMAGE, requestId: "ra" });
  await rig.deploy("b", 3, 2);
  await rig.deploy("c", 3, 2.6);
  rig.world.createForeign({ name: "found", vcpus: 1, memoryMiB: 512 });
  await rig.tick();
  await rig.deploy("asleep", 1, 1);
  rig.world.stopFromInside("asleep");
  await rig.tick();
  await rig.agent.remove("b");
  return rig;
}

for (const policy of ["headroom", "slackvm", "vmstack", "sweetspotvm"] as const) {
  test(`with its journal a restarted agent (${policy}) is where the last one was, and pins nothing`, async () => {
    const rig = await busyRig({ policy, criticalSize: policy === "vmstack" ? 3 : 0 });
    await rig.tick();
    const before = rig.picture();
    await rig.restart();
    assert.deepEqual(rig.picture(), before);
    assert.equal(rig.hypervisor.calls.count("pinVcpu"), 0);
    rig.check();
  });
}

test("without its journal the agent finds every VM again, at its ratio, and moves few pins", async () => {
  const rig = await busyRig();
  await rig.tick();
  const before = rig.agent.vms().map(({ usage: _, ...vm }) => vm);
  rig.journal.text = null;
  await rig.restart();
  assert.deepEqual(
    rig.agent.vms().map(({ usage: _, ...vm }) => vm),
    before,
  );
  rig.check();
});

test("without its journal the agent counts the memory that was sold, not what a balloon leaves the guest", async () => {
  const rig = await busyRig();
  await rig.deploy("grown", 1, 1, { memoryMiB: mib(4_096) });
  const resized = await rig.agent.resize({ name: "grown", memoryMiB: mib(3_000) });
  assert.equal(accepted(resized).memoryMiB, 3_000);
  rig.world.setMemory("grown", mib(1_500));
  await rig.clock.advance(60_000);
  assert.equal(rig.world.detail("grown")?.memoryMiB, 1_500);
  const allocated = rig.agent.status().memory.allocatedMiB;
  rig.journal.text = null;
  await rig.restart();
  assert.equal(rig.agent.vm("grown")?.memoryMiB, 3_000);
  assert.equal(rig.agent.status().memory.allocatedMiB, allocated);
  rig.check();
});

test("a corrupt journal is kept aside, and the state rebuilt from the domains", async () => {
  for (const corrupt of ["", "{", '{"version":2}', "null"]) {
    const rig = await busyRig();
    const names = rig.agent.vms().map((vm) => vm.name);
    rig.journal.text = corrupt;
    await rig.restart();
    assert.equal(rig.aside.text, corrupt);
    assert.deepEqual(
      rig.agent.vms().map((vm) => vm.name),
      names,
    );
    rig.check();
    assert.equal((await rig.deploy("a", 2, 1, { requestId: "ra" })).name, "a");
    assert.ok(rig.journal.text !== corrupt, "it is written anew");
  }
});

test("a journal whose pools contradict themselves or its VMs is not believed", async () => {
  const rig = await busyRig();
  const journal = JSON.parse(rig.journal.text!) as { host: { pools: { pcpus: number[] }[] }; vms: { state: string }[] };
  const doubled = structuredClone(journal);
  doubled.host.pools[1]!.pcpus = [...doubled.host.pools[0]!.pcpus];
  const contradicting = structuredClone(journal);
  for (const vm of contradicting.vms) vm.state = "stopped";
  for (const wrong of [doubled, contradicting]) {
    rig.journal.text = JSON.stringify(wrong);
    await rig.restart();
    assert.equal(rig.aside.text, JSON.stringify(wrong));
    rig.check();
  }
});

test("a changed policy keeps VMs, cordon and answers, and lays its own pools", async () => {
  const rig = await busyRig();
  await rig.agent.cordon(true);
  const names = rig.agent.vms().map((vm) => vm.name);
  const other = new Rig({ policy: "slackvm" });
  const hypervisor = new FakeHypervisor(rig.world, "fake:///");
  const agent = other.newAgent(hypervisor);
  other.journal.text = rig.journal.text;
  rig.hypervisor.die();
  await agent.start();
  assert.equal(agent.status().policy, "slackvm");
  assert.equal(agent.status().cordoned, true);
  assert.deepEqual(
    agent.vms().map((vm) => vm.name),
    names,
  );
  assert.equal(agent.vm("c")!.ratio, 2.6);
});

test("a VM with our mark that the journal does not know is adopted, not lost", async () => {
  const rig = await new Rig().start();
  const old = rig.journal.text;
  await rig.deploy("web", 2, 2);
  rig.journal.text = old;
  await rig.restart();
  const vm = rig.agent.vm("web")!;
  assert.deepEqual([vm.ratio, vm.deployedHere, vm.state], [2, true, "running"]);
  rig.check();
});

test("VMs that stopped, vanished or came while the agent was away are found out at the start", async () => {
  const rig = await new Rig().start();
  for (const name of ["stays", "stops", "goes"]) await rig.deploy(name, 2);
  rig.hypervisor.die();
  rig.world.stopFromInside("stops");
  rig.world.destroy("goes");
  rig.world.undefine("goes");
  rig.world.createForeign({ name: "comes", vcpus: 2, memoryMiB: 512 });
  await rig.restart();
  assert.deepEqual(
    rig.agent.vms().map((vm) => [vm.name, vm.state]),
    [
      ["comes", "running"],
      ["stays", "running"],
      ["stops", "stopped"],
    ],
  );
  rig.check();
});

for (const when of ["before", "after"] as const) {
  for (const nth of [1, 2]) {
    test(`an agent killed ${when} step ${nth} of a deploy leaves nothing once it is back, and the request can be repeated`, async () => {
      const rig = await new Rig().start();
      await rig.deploy("old", 2, 1);
      await rig.tick();
      const before = rig.picture();
      rig.hypervisor.faults.dieAtChange(nth, when);
      void rig.tryDeploy("web", 2, 2, { image: IMAGE, requestId: "r1" });
      await rig.clock.advance(0);
      await rig.restart();
      assert.deepEqual(rig.picture(), before);
      await rig.deploy("web", 2, 2, { image: IMAGE, requestId: "r1" });
      rig.check();
    });

    test(`an agent killed ${when} step ${nth} of a removal finishes it once it is back`, async () => {
      const rig = await new Rig().start();
      await rig.deploy("web", 2, 2, { image: IMAGE });
      await rig.tick();
      rig.hypervisor.faults.dieAtChange(nth, when);
      void rig.agent.remove("web");
      await rig.clock.advance(0);
      await rig.restart();
      assert.deepEqual(rig.world.names(), []);
      assert.equal(rig.images.overlays.size, 0);
      assert.deepEqual(rig.agent.vms(), []);
    });
  }
}

for (const nth of [1, 2, 3, 4, 5, 6]) {
  test(`an agent killed at step ${nth} of a resize leaves the VM as it was`, async () => {
    const rig = await new Rig({ settings: { liveMemoryFactor: 4 } }).start();
    await rig.deploy("web", 2, 1);
    await rig.deploy("other", 2, 2);
    await rig.tick();
    const before = rig.picture();
    rig.hypervisor.faults.dieAtChange(nth, "after");
    void rig.agent.resize({ name: "web", vcpus: 4, memoryMiB: mib(2048), ratio: ratio(2) });
    await rig.clock.advance(0);
    await rig.restart();
    await rig.tick();
    await rig.tick();
    assert.deepEqual(rig.picture(), before);
  });
}

test("an agent that starts while the hypervisor answers nothing is not ready, and recovers when it does", async () => {
  const rig = await busyRig();
  const before = rig.picture();
  rig.hypervisor.die();
  rig.hypervisor = rig.hypervisor.another();
  rig.agent = rig.newAgent();
  rig.hypervisor.faults.failNext("stats");
  await rig.agent.start();
  assert.equal(rig.agent.ready(), false);
  await rig.tick();
  assert.equal(rig.agent.ready(), true);
  assert.deepEqual(rig.picture(), before);
});

test("a journal that cannot be put aside does not keep the agent from starting", async () => {
  const rig = await busyRig({ agent: { corruptJournal: memoryText() } });
  rig.journal.text = "nonsense";
  await rig.restart();
  assert.equal(accepted(await rig.agent.remove("a")).name, "a");
});
