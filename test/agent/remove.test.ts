/** Removing: all of it, only what is ours to delete, and forward once the guest is stopped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OperationalError } from "../../src/ports/errors.js";
import { accepted, failsWith, Rig, refused } from "./support.js";

const IMAGE = "/images/debian.qcow2";

test("a removed VM leaves no domain, no overlay and no room behind", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 4, 2, { image: IMAGE });
  const last = accepted(await rig.agent.remove("web"));
  assert.equal(last.name, "web");
  assert.deepEqual(rig.world.names(), []);
  assert.equal(rig.images.overlays.size, 0);
  assert.equal(rig.agent.status().pcpus.free, 16);
  assert.equal(rig.agent.vm("web"), null);
  assert.equal(refused(await rig.agent.remove("web")).code, "unknown-vm");
});

test("stopped, unplaced and adopted VMs are removed when asked by name, and disks that Headroom did not make stay", async () => {
  const rig = await new Rig().start();
  await rig.deploy("asleep", 2);
  rig.world.stopFromInside("asleep");
  rig.world.createForeign({ name: "found", vcpus: 2, memoryMiB: 1024, disk: { path: IMAGE, format: "qcow2" } });
  rig.world.createForeign({ name: "huge", vcpus: 40, memoryMiB: 1024 });
  await rig.tick();
  assert.deepEqual(
    rig.agent.vms().map((vm) => [vm.name, vm.state]),
    [
      ["asleep", "stopped"],
      ["found", "running"],
      ["huge", "unplaced"],
    ],
  );
  for (const name of ["asleep", "found", "huge"]) accepted(await rig.agent.remove(name));
  assert.deepEqual(rig.world.names(), []);
  assert.ok(rig.images.known.has(IMAGE));
  rig.check();
});

test("a removal whose destroy is refused leaves the VM running, and is not tried again", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2);
  const before = rig.picture();
  rig.hypervisor.faults.failNext("destroy");
  await assert.rejects(rig.agent.remove("web"), failsWith("hypervisor-failed"));
  await rig.tick();
  assert.deepEqual(rig.picture(), before);
  accepted(await rig.agent.remove("web"));
});

for (const step of ["destroy", "undefine"] as const) {
  test(`a removal whose answer to ${step} is lost succeeds, since the hypervisor was asked`, async () => {
    const rig = await new Rig().start();
    await rig.deploy("web", 2);
    rig.hypervisor.faults.loseAnswer(step);
    accepted(await rig.agent.remove("web"));
    assert.deepEqual(rig.world.names(), []);
  });
}

test("a removal that fails once the guest is stopped is finished by the next tick", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1, { image: IMAGE });
  rig.hypervisor.faults.failNext("undefine");
  await assert.rejects(rig.agent.remove("web"), failsWith("hypervisor-failed"));
  assert.deepEqual(rig.world.names(), ["web"]);
  await rig.tick();
  assert.deepEqual(rig.world.names(), []);
  assert.equal(rig.images.overlays.size, 0);
  assert.deepEqual(rig.agent.vms(), []);
});

test("a removal of which nobody knows what became lets a guest live that still runs", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2);
  const before = rig.picture();
  const { hypervisor } = rig;
  const destroy = hypervisor.destroy.bind(hypervisor);
  hypervisor.destroy = async () => {
    hypervisor.disconnect();
    throw new OperationalError("hypervisor-unreachable", "gone", true);
  };
  await assert.rejects(rig.agent.remove("web"), failsWith("hypervisor-unreachable"));
  hypervisor.destroy = destroy;
  hypervisor.reconnect();
  await rig.tick();
  assert.deepEqual(rig.picture(), before);
});

test("an overlay that cannot be deleted is reported, and brings nothing back", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1, { image: IMAGE });
  rig.images.removeOverlay = async () => {
    throw new OperationalError("image-failed", "read-only file system", false);
  };
  accepted(await rig.agent.remove("web"));
  assert.deepEqual(rig.world.names(), []);
  assert.ok(
    rig.agent.eventsAfter(0).some((event) => event.kind === "action-failed" && /read-only/.test(event.message)),
  );
});

test("the pool shrinks after its VM is gone, and its neighbours are pinned anew", async () => {
  const rig = await new Rig({ policy: "slackvm" }).start();
  await rig.deploy("a", 2, 2);
  await rig.deploy("b", 4, 2);
  const wide = rig.pins("a");
  accepted(await rig.agent.remove("b"));
  assert.notDeepEqual(rig.pins("a"), wide);
  rig.check();
});
