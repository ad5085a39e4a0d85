/** Deploying: whole, or not at all, once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Procedure } from "../../src/drivers/fake/faults.js";
import { OperationalError } from "../../src/ports/errors.js";
import { accepted, failsWith, Rig, refused } from "./support.js";

const IMAGE = "/images/debian.qcow2";

test("a deployed VM runs, pinned as planned from its first instruction, and carries its mark", async () => {
  const rig = await new Rig().start();
  const vm = await rig.deploy("web", 2, 2, { requestId: "r1", image: IMAGE });
  assert.equal(vm.state, "running");
  assert.deepEqual(rig.pins("web"), vm.pins);
  const detail = rig.world.detail("web")!;
  assert.deepEqual(detail.metadata, {
    vcpuRatios: [2, 2],
    perVcpu: false,
    memoryMiB: 1024,
    requestId: "r1",
    image: IMAGE,
    overlay: "/overlays/web.qcow2",
  });
  assert.deepEqual(detail.disks, ["/overlays/web.qcow2"]);
  rig.check();
});

test("in direct mode the guest gets the image itself, and no overlay is made", async () => {
  const rig = await new Rig({ settings: { imageMode: "direct" } }).start();
  await rig.deploy("web", 1, 1, { image: IMAGE });
  assert.deepEqual(rig.world.detail("web")!.disks, [IMAGE]);
  assert.equal(rig.images.overlays.size, 0);
});

test("the same request id gets the same VM, also after a restart, and also while the first is under way", async () => {
  const rig = await new Rig().start();
  const [first, second] = await Promise.all([
    rig.deploy("web", 2, 1, { requestId: "r1" }),
    rig.deploy("web", 2, 1, { requestId: "r1" }),
  ]);
  assert.equal(second.uuid, first.uuid);
  await rig.restart();
  assert.equal((await rig.deploy("web", 2, 1, { requestId: "r1" })).uuid, first.uuid);
  assert.deepEqual(rig.running(), ["web"]);
});

test("a request repeated after its VM was removed does not make a second one", async () => {
  const rig = await new Rig().start();
  const first = await rig.deploy("web", 2, 1, { requestId: "r1" });
  await rig.agent.remove("web");
  await rig.restart();
  assert.equal((await rig.deploy("web", 2, 1, { requestId: "r1" })).uuid, first.uuid);
  assert.deepEqual(rig.running(), []);
});

test("a refused request is refused again under the same id, even when there is room by then", async () => {
  const rig = await new Rig().start();
  await rig.deploy("big", 16);
  const first = refused(await rig.tryDeploy("web", 2, 1, { requestId: "r1" }));
  assert.equal(first.code, "no-cpu-capacity");
  await rig.agent.remove("big");
  assert.deepEqual(refused(await rig.tryDeploy("web", 2, 1, { requestId: "r1" })), first);
  await rig.deploy("web", 2, 1, { requestId: "r2" });
});

test("a name is taken by a VM, by a stopped domain and by a foreign one", async () => {
  const rig = await new Rig().start();
  rig.world.createForeign({ name: "asleep", vcpus: 1, memoryMiB: 512, running: false });
  await rig.deploy("web");
  const before = rig.picture();
  for (const name of ["web", "asleep"]) assert.equal(refused(await rig.tryDeploy(name)).code, "name-taken");
  rig.world.stopFromInside("web");
  await rig.tick();
  assert.equal(refused(await rig.tryDeploy("web")).code, "name-taken");
  assert.notDeepEqual(rig.picture(), before);
});

test("refusals change nothing and name what decided", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 8, 1);
  const before = rig.picture();
  const domainsBefore = rig.hypervisor.calls.changes().length;
  assert.equal(refused(await rig.tryDeploy("a", 9, 1)).code, "no-cpu-capacity");
  assert.equal(refused(await rig.tryDeploy("b", 17, 1)).code, "vm-larger-than-host");
  assert.equal(refused(await rig.tryDeploy("c", 1, 1, { image: "/etc/passwd" })).code, "image-not-found");
  await rig.agent.cordon(true);
  assert.equal(refused(await rig.tryDeploy("d")).code, "host-cordoned");
  await rig.agent.cordon(false);
  assert.deepEqual(rig.picture(), before);
  assert.equal(rig.hypervisor.calls.changes().length, domainsBefore);
  assert.equal(rig.kinds().filter((kind) => kind === "vm-refused").length, 4);
});

test("a cordon outlives the agent", async () => {
  const rig = await new Rig().start();
  await rig.agent.cordon(true);
  await rig.restart();
  assert.equal(rig.agent.status().cordoned, true);
  assert.equal(refused(await rig.tryDeploy("web")).code, "host-cordoned");
  await rig.agent.cordon(false);
  await rig.deploy("web");
});

const STEPS: readonly Procedure[] = ["define", "start"];

for (const step of STEPS) {
  test(`a deploy whose ${step} fails leaves everything as it was`, async () => {
    const rig = await new Rig().start();
    await rig.deploy("old", 3, 2);
    const before = rig.picture();
    rig.hypervisor.faults.failNext(step);
    await assert.rejects(rig.tryDeploy("web", 2, 2, { image: IMAGE }), failsWith("hypervisor-failed"));
    assert.deepEqual(rig.picture(), before);
    await rig.tick();
    assert.deepEqual(rig.agent.status().problems, []);
    assert.deepEqual(rig.picture(), before);
    await rig.deploy("web", 2, 2, { image: IMAGE });
    rig.check();
  });

  test(`a deploy whose answer to ${step} is lost succeeds, since the hypervisor was asked`, async () => {
    const rig = await new Rig().start();
    rig.hypervisor.faults.loseAnswer(step);
    await rig.deploy("web", 2, 2);
    assert.deepEqual(rig.running(), ["web"]);
    rig.check();
  });

  test(`a connection lost at ${step} fails the deploy, keeps its room until it is undone, and leaves nothing`, async () => {
    const rig = await new Rig().start();
    await rig.deploy("old", 3, 2);
    await rig.deploy("older", 3, 1);
    const before = rig.picture();
    // Done, unanswered, and then nobody can be asked.
    rig.hypervisor.faults.loseAnswer(step);
    const { hypervisor } = rig;
    const detail = hypervisor.detail.bind(hypervisor);
    let asked = 0;
    hypervisor.detail = (name) => {
      if (++asked === 2) hypervisor.disconnect();
      return detail(name);
    };
    await assert.rejects(rig.tryDeploy("web", 2, 2), (error: unknown) => {
      assert.ok(error instanceof OperationalError && error.retryable);
      return true;
    });
    assert.equal(rig.agent.vm("web"), null, "a failed deploy is shown to nobody");
    assert.equal(rig.agent.host().memory.members.length, 3, "its pCPUs go to nobody else while it perhaps runs");
    hypervisor.detail = detail;
    hypervisor.reconnect();
    await rig.tick();
    assert.deepEqual(rig.picture(), before);
  });

  test(`a deploy that could not be undone after ${step} is made anew when it is asked for again`, async () => {
    const rig = await new Rig().start();
    const { hypervisor } = rig;
    hypervisor.faults.loseAnswer(step);
    const end = rig.world.subscribe(({ kind }) => {
      if (kind === (step === "define" ? "defined" : "started")) hypervisor.disconnect();
    });
    await assert.rejects(rig.tryDeploy("web", 2, 2, { requestId: "r1" }));
    end();
    hypervisor.reconnect();
    const { uuid } = await rig.deploy("web", 2, 2, { requestId: "r1" });
    await rig.tick();
    assert.equal(rig.agent.vm("web")?.uuid, uuid);
    assert.deepEqual(rig.running(), ["web"]);
    rig.check();
  });
}

test("a journal that cannot be written fails the deploy before or after its steps, and leaves nothing behind", async () => {
  for (const failing of [0, 1]) {
    const rig = await new Rig().start();
    const before = rig.picture();
    if (failing === 1) {
      const write = rig.journal.write.bind(rig.journal);
      let calls = 0;
      rig.journal.write = (text) => {
        if (calls++ === 1) rig.journal.failures.push(diskFull());
        return write(text);
      };
    } else rig.journal.failures.push(diskFull());
    await assert.rejects(rig.tryDeploy("web"), failsWith("state-not-written"));
    assert.deepEqual(rig.picture(), before);
    await rig.tick();
    assert.deepEqual(rig.agent.status().problems, []);
    await rig.restart();
    assert.deepEqual(rig.picture(), before);
  }
});

test("an overlay that cannot be made fails the deploy and leaves nothing", async () => {
  const rig = await new Rig().start();
  const before = rig.picture();
  rig.images.failures.push(new OperationalError("image-failed", "no qemu-img", false));
  await assert.rejects(rig.tryDeploy("web", 1, 1, { image: IMAGE }), failsWith("image-failed"));
  assert.deepEqual(rig.picture(), before);
  assert.deepEqual((await rig.tick()).problems, []);
});

test("a domain defined after its deploy was given up is erased, and its name is free", async () => {
  const rig = await new Rig().start();
  let uuid = "";
  const { hypervisor } = rig;
  const define = hypervisor.define.bind(hypervisor);
  hypervisor.define = async (spec) => {
    uuid = spec.uuid;
    throw new OperationalError("hypervisor-timeout", "frozen", true);
  };
  await assert.rejects(rig.tryDeploy("late"), failsWith("hypervisor-timeout"));
  hypervisor.define = define;
  const pins = [rig.world.pcpus];
  rig.world.define({
    name: "late",
    uuid,
    vcpus: 1,
    maximumVcpus: 1,
    memoryMiB: rig.world.host().memoryMiB,
    maximumMemoryMiB: rig.world.host().memoryMiB,
    disk: null,
    pins,
    metadata: { vcpuRatios: [1], perVcpu: false, requestId: "r", image: null, overlay: null },
  });
  await rig.tick();
  assert.deepEqual(rig.world.names(), []);
  assert.deepEqual(rig.agent.vms(), []);
  await rig.deploy("late");
});

test("neighbours whose pool grows are pinned anew, and nobody else is", async () => {
  const rig = await new Rig({ policy: "slackvm" }).start();
  await rig.deploy("a", 2, 2);
  await rig.deploy("other", 2, 1);
  rig.hypervisor.calls.clear();
  await rig.deploy("b", 4, 2);
  rig.check();
  assert.deepEqual(rig.pins("a"), rig.pins("b").slice(0, 2));
  const pinned = rig.hypervisor.calls.changes().filter((call) => call.procedure === "pinVcpu");
  assert.deepEqual(new Set(pinned.map((call) => call.domain)), new Set(["a"]));
});

test("what waits in a full queue is refused as busy", async () => {
  const rig = await new Rig({ settings: { longestQueue: 2 } }).start();
  const results = await Promise.all(["a", "b", "c", "d", "e"].map((name) => rig.tryDeploy(name, 1)));
  const codes = results.map((result) => (result.ok ? "accepted" : result.refusal.code));
  assert.ok(codes.includes("busy"), codes.join());
  assert.deepEqual(
    rig.running(),
    results.flatMap((result) => (result.ok ? [result.value.name] : [])),
  );
});

test("under a per-vCPU template each vCPU is pinned to the pool of its ratio", async () => {
  const rig = await new Rig({ policy: "sweetspotvm", template: [1, 2] }).start();
  const vm = await rig.deploy("web", 3);
  assert.deepEqual(vm.vcpuRatios, [1, 2, 2]);
  assert.equal(vm.ratio, null);
  rig.check();
  await rig.restart();
  assert.deepEqual(accepted(await rig.agent.remove("web")).vcpuRatios, [1, 2, 2]);
});

const diskFull = (): OperationalError => new OperationalError("state-not-written", "no space left on device", true);
