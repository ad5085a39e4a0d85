/** A VM moves from one agent's host to another's: it runs once, on one of the two, whatever dies on the way. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseCpuSet } from "../../src/core/cpuset.js";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import { accepted, refused } from "./support.js";
import { TwoHosts, VM } from "./two-hosts.js";

/** Longer than the transfer of `VM` takes. */
const TRANSFER_MS = 2_000;

describe("a move", () => {
  test("ends with the VM on the other host: same uuid, same ratio, pinned as was said, its room here given back", async () => {
    const hosts = await new TwoHosts().start();
    const before = hosts.source.agent!.vm(VM.name)!;
    const pins = await hosts.begin();
    assert.equal(hosts.source.agent!.vm(VM.name)?.state, "migrating");
    assert.equal(hosts.destination.agent!.vm(VM.name), null, "nobody sees it there before it has arrived");
    await hosts.pass(TRANSFER_MS);
    assert.deepEqual(hosts.destination.world.pinsOf(VM.name)?.length, 2);
    await hosts.ticks(1);
    assert.equal(hosts.check().name, "h2");
    const after = hosts.destination.agent!.vm(VM.name)!;
    assert.deepEqual(after.pins, pins);
    assert.deepEqual([after.uuid, after.ratio, after.deployedHere], [before.uuid, VM.ratio, before.deployedHere]);
    assert.equal(hosts.source.agent!.status().memory.allocatedMiB, 0);
    assert.equal(accepted(await hosts.send(pins)).state, "running", "asked again: it has gone");
    assert.equal(accepted(await hosts.revoke(hosts.destination)).outcome, "done");
  });

  test("keeps the pins that were said while other VMs come to the destination", async () => {
    const hosts = await new TwoHosts().start();
    await hosts.begin();
    for (const name of ["a", "b"]) await hosts.deploy(hosts.destination, name);
    await hosts.pass(TRANSFER_MS);
    await hosts.ticks();
    assert.equal(hosts.check().name, "h2");
  });

  test("is under way beside everything else, but nothing else is done with its VM", async () => {
    const hosts = await new TwoHosts().start();
    await hosts.begin();
    const { agent } = hosts.source;
    assert.equal(refused(await hosts.run(agent!.remove(VM.name))).code, "busy");
    assert.equal(refused(await hosts.run(agent!.resize({ name: VM.name, vcpus: 3 }))).code, "busy");
    await hosts.deploy(hosts.source, "other");
    accepted(await hosts.run(agent!.remove("other")));
    await hosts.pass(TRANSFER_MS);
    await hosts.ticks();
    assert.equal(hosts.check().name, "h2");
  });

  test("that is revoked leaves the VM where it was, and its late requests do nothing", async () => {
    const hosts = await new TwoHosts().start();
    const pins = await hosts.begin();
    await hosts.pass(500);
    assert.equal(accepted(await hosts.revoke(hosts.source)).outcome, "revoked");
    assert.equal(accepted(await hosts.revoke(hosts.destination)).outcome, "revoked");
    assert.equal(refused(await hosts.send(pins)).code, "request-revoked");
    assert.equal(refused(await hosts.receive()).code, "request-revoked");
    await hosts.pass(TRANSFER_MS);
    assert.equal(hosts.check().name, "h1");
    assert.equal(hosts.destination.agent!.status().memory.allocatedMiB, 0);
  });

  test("that takes too long is given up, and says so", async () => {
    const hosts = await new TwoHosts().start();
    hosts.source.kill();
    hosts.source.settings = { migrationPatience: milliseconds(500) };
    await hosts.source.start();
    const pins = await hosts.begin();
    await hosts.pass(TRANSFER_MS);
    await hosts.ticks(1);
    const refusal = refused(await hosts.send(pins));
    assert.equal(refusal.code, "migration-failed");
    assert.match(refusal.reason, /0\.5 s/);
    assert.equal((await hosts.mend()).name, "h1");
  });

  test("back and forth leaves nothing behind on either host", async () => {
    const hosts = await new TwoHosts().start();
    await hosts.begin();
    await hosts.pass(TRANSFER_MS);
    await hosts.ticks(1);
    const back = { name: VM.name, uuid: hosts.uuid, requestId: "move-2" };
    const there = hosts.source.agent!;
    const { pins } = accepted(await hosts.run(there.receive({ ...back, ...VM })));
    const address = hosts.source.hypervisor.migrationAddress!;
    accepted(await hosts.run(hosts.destination.agent!.send({ ...back, address, pins: pins.map(parseCpuSet) })));
    await hosts.pass(TRANSFER_MS);
    await hosts.ticks(1);
    assert.equal(hosts.check().name, "h1");
  });
});

describe("what is not moved", () => {
  test("a VM that is paused, has a disk of its own, is another of that name, or is not there", async () => {
    const hosts = await new TwoHosts().start();
    const { source, destination } = hosts;
    const pins = ["0", "1"];
    source.world.pause(VM.name);
    await hosts.ticks(1);
    assert.match(refused(await hosts.send(pins, "a")).reason, /paused/);
    source.world.pause(VM.name, false);
    await hosts.ticks(1);
    assert.equal(refused(await hosts.send(["0"], "b")).code, "not-movable");
    const disked = await hosts.deploy(source, "disked", "/images/debian.qcow2");
    const wanted = { name: "disked", uuid: disked.uuid, requestId: "c", address: hosts.address, pins: [] };
    const refusal = refused(await hosts.run(source.agent!.send(wanted)));
    assert.equal(refusal.code, "not-movable");
    assert.match(refusal.reason, /share/);
    hosts.uuid = disked.uuid;
    assert.equal(refused(await hosts.send(pins, "d")).code, "unknown-vm");
    assert.equal(destination.domains().length, 0);
  });

  test("to a host that is cordoned, full, or has one of the name", async () => {
    const hosts = await new TwoHosts().start();
    const { destination } = hosts;
    await hosts.run(destination.agent!.cordon(true));
    assert.equal(refused(await hosts.receive("a")).code, "host-cordoned");
    await hosts.run(destination.agent!.cordon(false));
    const large = { name: "large", vcpus: 8, memoryMiB: mib(1024), ratio: ratio(1), image: null };
    accepted(await hosts.run(destination.agent!.deploy(large)));
    assert.equal(refused(await hosts.receive("b")).code, "no-cpu-capacity");
    accepted(await hosts.run(destination.agent!.remove("large")));
    await hosts.deploy(destination);
    assert.equal(refused(await hosts.receive("c")).code, "name-taken");
  });

  test("room that nobody comes for is given back after an hour, and a restart does not forget it before", async () => {
    const hosts = await new TwoHosts().start();
    accepted(await hosts.receive());
    hosts.destination.kill();
    await hosts.destination.start();
    assert.ok(hosts.destination.agent!.ready(), "it takes requests meanwhile");
    assert.equal(hosts.destination.agent!.status().memory.allocatedMiB, VM.memoryMiB);
    await hosts.clock.advance(3_600_000);
    await hosts.ticks(1);
    assert.equal(hosts.destination.agent!.status().memory.allocatedMiB, 0);
    assert.equal(hosts.check().name, "h1");
  });
});

const STAGES = { copied: "h1", paused: "h1", arrived: "h2" } as const;

describe("whatever breaks", () => {
  for (const [stage, where] of Object.entries(STAGES) as [keyof typeof STAGES, string][]) {
    for (const what of ["death", "disconnect"] as const) {
      test(`a ${what} of the sending agent once the memory is ${stage} leaves the VM on ${where}, once`, async () => {
        const hosts = await new TwoHosts().start();
        const { source } = hosts;
        source.hypervisor.faults.atMigration(stage, () =>
          what === "death" ? source.kill() : source.hypervisor.disconnect(),
        );
        await hosts.begin();
        await hosts.pass(TRANSFER_MS);
        assert.equal((await hosts.mend()).name, where);
      });
    }
  }

  test("a guest whose fate only the other hypervisor knows stays paused until that one can be asked", async () => {
    const hosts = await new TwoHosts().start();
    hosts.source.hypervisor.faults.atMigration("arrived", () => hosts.source.kill());
    await hosts.begin();
    await hosts.pass(TRANSFER_MS);
    hosts.network.cut.add(hosts.address);
    await hosts.source.start();
    await hosts.ticks();
    assert.deepEqual(hosts.running(), ["h2"]);
    assert.ok(hosts.source.agent!.ready(), "other VMs are not held up by it");
    assert.equal(hosts.source.world.detail(VM.name)?.state, "paused");
    assert.equal((await hosts.mend()).name, "h2");
  });

  /** More calls than either agent makes for one move. */
  const MOST_CALLS = 14;
  for (const side of ["source", "destination"] as const) {
    test(`the ${side}'s agent dies at any of its calls: the VM is on one host, once, and both are in order`, async () => {
      for (let nth = 1; nth <= MOST_CALLS; nth++) {
        for (const when of ["before", "after"] as const) {
          const hosts = await new TwoHosts().start();
          const machine = hosts[side];
          machine.process.at(nth, "kill", when, () => machine.kill());
          const dead = machine.process.died.then(() => null);
          await hosts.run(Promise.race([dead, hosts.begin().catch(() => null)]));
          await hosts.pass(TRANSFER_MS);
          await hosts.ticks(1);
          machine.kill();
          await hosts.mend();
        }
      }
    });
  }
});
