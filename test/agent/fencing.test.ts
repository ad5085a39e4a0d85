/** What agents promise to schedulers: epochs, request ids that are carried out once, and revocations. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Revocation } from "../../src/agent/service.js";
import { mib } from "../../src/core/units.js";
import { reportTag } from "../../src/ports/agent-client.js";
import { OperationalError } from "../../src/ports/errors.js";
import fc from "../support/property.js";
import { accepted, failsWith, Rig, refused } from "./support.js";

const DAY_MS = 24 * 3_600_000;

const noSpace = (): OperationalError => new OperationalError("state-not-written", "no space left on device", true);

async function revoke(rig: Rig, requestId: string, name = "web", epoch?: number): Promise<Revocation> {
  return accepted(await rig.agent.revoke({ requestId, name, ...(epoch === undefined ? {} : { epoch }) }));
}

test("a leader that was replaced is refused whatever it asks, and nothing changes", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 2, 1, { epoch: 7, requestId: "r1" });
  const before = rig.picture();
  const uuid = rig.agent.vm("web")!.uuid;
  const answers = [
    await rig.tryDeploy("other", 1, 1, { epoch: 6 }),
    await rig.tryDeploy("web", 2, 1, { epoch: 6, requestId: "r1" }),
    await rig.agent.remove("web", { epoch: 1, uuid }),
    await rig.agent.resize({ name: "web", memoryMiB: mib(2048), epoch: 6 }),
    await rig.agent.revoke({ requestId: "r1", name: "web", epoch: 6 }),
    await rig.agent.look("web", 6),
  ];
  for (const answer of answers) {
    assert.ok(!answer.ok);
    assert.equal(answer.refusal.code, "stale-leader");
    assert.deepEqual(answer.refusal.details, { epoch: 7 });
  }
  assert.deepEqual(rig.picture(), before);
});

test("people and scripts, who carry no epoch, are served under any", async () => {
  const rig = await new Rig().start();
  await rig.deploy("a", 1, 1, { epoch: 9 });
  await rig.deploy("b");
  accepted(await rig.agent.remove("a"));
});

test("a higher epoch is written down before anything is done under it, and outlives the agent", async () => {
  const rig = await new Rig().start();
  rig.journal.failures.push(noSpace());
  const before = rig.picture();
  await assert.rejects(rig.tryDeploy("web", 1, 1, { epoch: 3 }), failsWith("state-not-written"));
  assert.deepEqual(rig.picture(), before);
  assert.equal(refused(await rig.agent.look("web", 4)).code, "unknown-vm");
  await rig.restart();
  assert.equal(refused(await rig.tryDeploy("web", 1, 1, { epoch: 3 })).code, "stale-leader");
  const { writes } = rig.journal;
  await rig.agent.look("web", 4);
  assert.equal(rig.journal.writes, writes, "an epoch that is known already is not written again");
});

test("what a scheduler was refused stays refused when the agent has crashed and there is room by then", async () => {
  const rig = await new Rig().start();
  const large = { epoch: 1, requestId: "r1" };
  await rig.deploy("first", 16, 1, { epoch: 1, requestId: "r0" });
  assert.equal(refused(await rig.tryDeploy("web", 16, 1, large)).code, "no-cpu-capacity");
  await rig.restart();
  accepted(await rig.agent.remove("first"));
  assert.equal(refused(await rig.tryDeploy("web", 16, 1, large)).code, "no-cpu-capacity");
  accepted(await rig.tryDeploy("web", 16, 1, { epoch: 1, requestId: "r2" }));
});

test("a refusal that cannot be written down is not given to a scheduler", async () => {
  const rig = await new Rig().start();
  await rig.deploy("first", 16, 1, { epoch: 1, requestId: "r0" });
  rig.journal.failures.push(noSpace());
  await assert.rejects(rig.tryDeploy("web", 16, 1, { epoch: 1, requestId: "r1" }), failsWith("state-not-written"));
});

test("the epoch counts when a request's turn comes, not when it arrives", async () => {
  const rig = await new Rig().start();
  const [first, late, next] = await Promise.all([
    rig.tryDeploy("a", 1, 1, { epoch: 1 }),
    rig.agent.look("b", 2).then(() => null),
    rig.tryDeploy("b", 1, 1, { epoch: 1 }),
  ]);
  assert.ok(first.ok);
  assert.equal(late, null);
  assert.equal(refused(next).code, "stale-leader");
});

test("a removal and a resize asked for again under their ids get their first answers, also after a crash", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web");
  const resize = { name: "web", memoryMiB: mib(512), requestId: "s1" };
  const resized = accepted(await rig.agent.resize(resize));
  await rig.restart();
  await rig.agent.resize({ name: "web", memoryMiB: mib(256) });
  assert.equal(accepted(await rig.agent.resize(resize)).memoryMiB, resized.memoryMiB);
  assert.equal(rig.agent.vm("web")?.memoryMiB, 256, "it was not carried out twice");
  const removed = accepted(await rig.agent.remove("web", { requestId: "d1" }));
  await rig.deploy("web");
  await rig.restart();
  assert.equal(accepted(await rig.agent.remove("web", { requestId: "d1" })).uuid, removed.uuid);
  assert.notEqual(rig.agent.vm("web"), null, "the VM that has the name now stays");
});

test("one id used for a deploy and for the removal of its VM names two requests", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 1, 1, { requestId: "k" });
  accepted(await rig.agent.remove("web", { requestId: "k" }));
  assert.equal(rig.agent.vm("web"), null);
});

test("a request for a VM by its uuid leaves another that has the name alone", async () => {
  const rig = await new Rig().start();
  const first = await rig.deploy("web");
  await rig.agent.remove("web");
  await rig.deploy("web");
  assert.equal(refused(await rig.agent.remove("web", { uuid: first.uuid })).code, "unknown-vm");
  assert.equal(refused(await rig.agent.resize({ name: "web", vcpus: 1, uuid: first.uuid })).code, "unknown-vm");
  assert.notEqual(rig.agent.vm("web"), null);
});

test("revoking a deploy that was carried out answers its VM; one that never came is not carried out any more", async () => {
  const rig = await new Rig().start();
  const made = await rig.deploy("web", 1, 1, { requestId: "came" });
  assert.deepEqual(await revoke(rig, "came"), { outcome: "done", vm: made });
  assert.deepEqual(await revoke(rig, "late", "db"), { outcome: "revoked", vm: null });
  const before = rig.picture();
  const late = await rig.tryDeploy("db", 1, 1, { requestId: "late" });
  assert.equal(refused(late).code, "request-revoked");
  assert.deepEqual(rig.picture(), before);
  await rig.restart();
  assert.equal(refused(await rig.tryDeploy("db", 1, 1, { requestId: "late" })).code, "request-revoked");
  assert.equal((await revoke(rig, "late", "db")).outcome, "revoked", "asked again, the same answer");
});

test("a deploy in progress ends before its revocation is answered", async () => {
  const rig = await new Rig().start();
  const [deployed, revoked] = await Promise.all([rig.deploy("web", 1, 1, { requestId: "r" }), revoke(rig, "r")]);
  assert.deepEqual(revoked, { outcome: "done", vm: deployed });
});

test("a deploy that waits behind its revocation is not carried out", async () => {
  const rig = await new Rig().start();
  const [revoked, late] = await Promise.all([revoke(rig, "r"), rig.tryDeploy("web", 1, 1, { requestId: "r" })]);
  assert.equal(revoked.outcome, "revoked");
  assert.equal(refused(late).code, "request-revoked");
  assert.deepEqual(rig.running(), []);
});

test("a deploy that was refused is revoked: there will be no room for it later either", async () => {
  const rig = await new Rig().start();
  assert.equal(refused(await rig.tryDeploy("web", 99, 1, { requestId: "r" })).code, "vm-larger-than-host");
  assert.deepEqual(await revoke(rig, "r"), { outcome: "revoked", vm: null });
});

test("a request whose VM is gone again was carried out", async () => {
  const rig = await new Rig().start();
  await rig.deploy("web", 1, 1, { requestId: "r" });
  await rig.agent.remove("web", { requestId: "gone" });
  assert.deepEqual(await revoke(rig, "r"), { outcome: "done", vm: null });
  assert.deepEqual(await revoke(rig, "gone"), { outcome: "done", vm: null });
});

test("what a failed deploy has left is gone before its revocation is answered; while that cannot be, nothing is promised", async () => {
  const rig = await new Rig().start();
  const { faults } = rig.hypervisor;
  let failed = false;
  rig.journal.write = async () => {
    // The guest runs, its VM cannot be written down, and the hypervisor cannot be asked to undo it.
    if (failed || rig.running().length === 0) return;
    failed = true;
    faults.failNext("detail");
    throw noSpace();
  };
  await assert.rejects(rig.tryDeploy("web", 1, 1, { requestId: "r" }), failsWith("state-not-written"));
  assert.deepEqual(rig.running(), ["web"]);
  rig.journal.write = async (text) => {
    rig.journal.text = text;
  };
  faults.failNext("detail");
  await assert.rejects(rig.agent.revoke({ requestId: "r", name: "web" }));
  assert.deepEqual(await revoke(rig, "r"), { outcome: "revoked", vm: null });
  assert.deepEqual(rig.running(), []);
});

test("a promise that cannot be written down is not given", async () => {
  const rig = await new Rig().start();
  rig.journal.failures.push(noSpace());
  await assert.rejects(rig.agent.revoke({ requestId: "r", name: "web" }), failsWith("state-not-written"));
  await rig.deploy("web", 1, 1, { requestId: "r" });
});

test("promises are kept for a day, the last few hundred for good, and none is broken to make room", async () => {
  const rig = await new Rig().start();
  for (let i = 0; i < 300; i++) await revoke(rig, `old-${i}`);
  await rig.clock.advance(DAY_MS);
  await revoke(rig, "new");
  const isRevoked = async (requestId: string): Promise<boolean> => {
    const answer = await rig.tryDeploy("web", 99, 1, { requestId });
    return refused(answer).code === "request-revoked";
  };
  assert.equal(await isRevoked("old-0"), false);
  assert.equal(await isRevoked("old-299"), true);
  assert.equal(await isRevoked("new"), true);
});

test("a look under an epoch sees the VM that a request before it made, and who asked for it", async () => {
  const rig = await new Rig().start();
  const [, seen] = await Promise.all([rig.deploy("web", 1, 1, { epoch: 1, requestId: "r" }), rig.agent.look("web", 2)]);
  assert.equal(accepted(seen).name, "web");
  assert.equal(rig.agent.requestIdOf("web"), "r");
  assert.equal(rig.agent.requestIdOf("nobody"), null);
});

test("the tag changes with pools, VMs, cordon and readiness, and with nothing else", async () => {
  const rig = await new Rig().start();
  const tags = [rig.agent.tag()];
  const changes = async (work: () => unknown): Promise<void> => {
    await work();
    tags.push(rig.agent.tag());
    assert.equal(rig.agent.tag(), reportTag(rig.agent.hostStatus()));
  };
  await changes(() => rig.deploy("web"));
  await changes(() => rig.agent.cordon(true));
  await changes(() => rig.hypervisor.disconnect());
  await changes(() => rig.hypervisor.reconnect());
  await changes(() => rig.agent.remove("web"));
  assert.equal(new Set(tags).size, tags.length);
  const quiet = rig.agent.tag();
  await rig.tick();
  await rig.tryDeploy("huge", 99);
  await rig.agent.revoke({ requestId: "x", name: "x" });
  assert.equal(rig.agent.tag(), quiet);
  await rig.restart();
  assert.notEqual(rig.agent.tag(), quiet, "another instance: its generations do not compare");
});

test("a report names every VM with the request that made it, and what placement counts with", async () => {
  const machine = { labels: { zone: "a" }, images: ["/images"], bootId: "b1" };
  const rig = await new Rig({ agent: { machine } }).start();
  await rig.deploy("web", 3, 2, { requestId: "r", image: "/images/debian.qcow2" });
  rig.world.createForeign({ name: "found", vcpus: 1, memoryMiB: 512 });
  await rig.tick();
  const { status, vms } = rig.agent.hostReport();
  assert.deepEqual(
    vms.map(({ name, requestId, image, state }) => ({ name, requestId, image, state })),
    [
      { name: "found", requestId: null, image: null, state: "running" },
      { name: "web", requestId: "r", image: "/images/debian.qcow2", state: "running" },
    ],
  );
  assert.deepEqual([status.ready, status.machineId, status.bootId], [true, "fake-h1", "b1"]);
  assert.deepEqual([status.labels, status.images, status.ratiosOffered], [{ zone: "a" }, ["/images"], null]);
  assert.equal(status.counts.freePcpus, status.pcpus.free);
  assert.deepEqual(
    status.counts.pools.map(({ ratio, vmCount, largestVmVcpus }) => [ratio, vmCount, largestVmVcpus]),
    status.pools.map((pool) => [pool.ratio, pool.vms.length, pool.ratio === 2 ? 3 : 1]),
  );
});

const IDS = ["a", "b", "c"] as const;
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("deploy" as const), id: fc.constantFrom(...IDS) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("revoke" as const), id: fc.constantFrom(...IDS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), id: fc.constantFrom(...IDS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart" as const), id: fc.constantFrom(...IDS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("no-space" as const), id: fc.constantFrom(...IDS) }) },
);

test("whatever is asked at once and whenever the agent restarts, a revoked request never becomes a VM", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 8 }), async (rounds) => {
      const rig = await new Rig().start();
      const revoked = new Set<string>();
      for (const round of rounds) {
        // Those of a round are under way together.
        const answers = round.map(async ({ kind, id }) => {
          if (kind === "deploy") await rig.tryDeploy(id, 1, 1, { requestId: id, epoch: 1 });
          else if (kind === "remove") await rig.agent.remove(id, { requestId: `remove-${id}` });
          else if (kind === "no-space") rig.journal.failures.push(noSpace());
          else if (kind === "revoke") {
            const answer = await rig.agent.revoke({ requestId: id, name: id, epoch: 1 });
            if (answer.ok && answer.value.outcome === "revoked") revoked.add(id);
          }
        });
        await rig.clock.runUntil(Promise.allSettled(answers));
        rig.journal.failures.length = 0;
        if (round.some(({ kind }) => kind === "restart")) await rig.restart();
        await rig.tick();
        for (const id of revoked) assert.ok(!rig.running().includes(id), `${id} was revoked, and runs`);
        rig.check();
      }
    }),
    { numRuns: 150 },
  );
});
