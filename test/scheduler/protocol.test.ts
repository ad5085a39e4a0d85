/** The commit protocol on a small cluster: what a caller is told is so, whatever the network and the processes do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import { OperationalError } from "../../src/ports/errors.js";
import { NotLeader } from "../../src/scheduler/service.js";
import { accepted, refused } from "./answers.js";
import { Cluster, deployRequest } from "./cluster.js";

describe("deploying", () => {
  test("places a VM on one host and shows it there", async () => {
    const cluster = await new Cluster().start();
    const vm = accepted(await cluster.deploy("web"));
    assert.equal(vm.state, "running");
    assert.deepEqual(cluster.machines.find(({ name }) => name === vm.host)?.domains(), ["web"]);
    assert.equal(vm.view?.uuid, vm.uuid);
    cluster.checkSettled();
  });

  test("refuses a name that is taken, wherever it is", async () => {
    const cluster = await new Cluster().start();
    accepted(await cluster.deploy("web"));
    assert.equal(refused(await cluster.deploy("web")).code, "name-taken");
  });

  test("refuses with a reason for each host when none fits", async () => {
    const cluster = await new Cluster().start();
    const refusal = refused(await cluster.deploy("big", { vcpus: 9 }));
    assert.equal(refusal.code, "no-host-fits");
    assert.deepEqual(refusal.hosts?.map(({ host }) => host).sort(), ["h1", "h2", "h3"]);
    cluster.checkSettled();
  });

  test("never gives the same room to two requests at once", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    const names = ["a", "b", "c", "d", "e"];
    const results = await cluster.run(
      Promise.all(names.map((name) => cluster.scheduler.deploy(deployRequest(name, { vcpus: 4 })))),
    );
    assert.equal(results.filter((result) => result.ok).length, 4);
    cluster.checkSettled();
  });

  test("offers a VM to the next host when the first refuses", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    // Filled behind the scheduler's back, up to the last heartbeat.
    const first = accepted(await cluster.deploy("probe")).host;
    accepted(await cluster.remove("probe"));
    const machine = cluster.machines.find(({ name }) => name === first)!;
    const local = { name: "local", vcpus: 8, memoryMiB: mib(1024), ratio: ratio(1), image: null };
    assert.ok((await cluster.run(machine.agent!.deploy(local))).ok);
    assert.notEqual(accepted(await cluster.deploy("web")).host, first);
    await cluster.settle();
    cluster.checkSettled();
  });

  test("gives the same answer to the same request id, also when both are under way at once", async () => {
    const cluster = await new Cluster().start();
    const request = deployRequest("web", { requestId: "k1" });
    const both = await cluster.run(Promise.all([cluster.scheduler.deploy(request), cluster.scheduler.deploy(request)]));
    assert.equal(accepted(both[0]).uuid, accepted(both[1]).uuid);
    assert.equal(accepted(await cluster.run(cluster.scheduler.deploy(request))).uuid, accepted(both[0]).uuid);
    const other = deployRequest("other", { requestId: "k1" });
    assert.equal(refused(await cluster.run(cluster.scheduler.deploy(other))).code, "request-id-reused");
  });

  test("keeps VMs of one anti-affinity group apart, and honours labels and named hosts", async () => {
    const cluster = await new Cluster({ hosts: 3, labelsOf: (host) => ({ zone: host === 3 ? "b" : "a" }) }).start();
    const group = { constraints: { antiAffinity: "db" } };
    const hosts = new Set<string>();
    for (const name of ["db1", "db2", "db3"]) hosts.add(accepted(await cluster.deploy(name, group)).host);
    assert.equal(hosts.size, 3);
    assert.equal(refused(await cluster.deploy("db4", group)).code, "no-host-fits");
    assert.equal(accepted(await cluster.deploy("b", { constraints: { labels: { zone: "b" } } })).host, "h3");
    assert.equal(accepted(await cluster.deploy("c", { constraints: { hosts: ["h2"] } })).host, "h2");
  });
});

describe("an unanswered deploy", () => {
  for (const kind of ["lost-request", "lost-answer", "refused-connection"] as const) {
    test(`is settled by asking: ${kind}`, async () => {
      const cluster = await new Cluster({ hosts: 1 }).start();
      cluster.machine(1).fates.push({ kind });
      const result = await cluster.deploy("web");
      await cluster.settle();
      // The only host lost the request: nobody else could take it. With a lost answer the VM is there, and is said to be.
      assert.equal(result.ok, kind === "lost-answer");
      cluster.checkSettled();
    });
  }

  test("that comes late makes no second VM: the host has promised not to run it", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    for (const machine of cluster.machines) machine.fates.push({ kind: "late", delayMs: 30_000 });
    const pending = cluster.deploy("web");
    const result = await pending;
    await cluster.advance(60_000);
    assert.equal(result.ok, false);
    accepted(await cluster.deploy("web"));
    await cluster.advance(60_000);
    cluster.checkSettled();
  });

  test("stays reserved while its host is silent, and is settled when it is back", async () => {
    const cluster = await new Cluster({ hosts: 1, settings: { settlePatience: 5_000 as never } }).start();
    cluster.machine(1).fates.push({ kind: "lost-answer" });
    const pending = cluster.scheduler.deploy(deployRequest("web", { requestId: "k" }));
    await cluster.clock.advance(100);
    cluster.machine(1).reachable = false;
    await assert.rejects(cluster.run(pending), (error) => error instanceof OperationalError);
    assert.equal(cluster.scheduler.vm("web")?.state, "placing");
    cluster.machine(1).reachable = true;
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("web")?.state, "running");
    accepted(await cluster.run(cluster.scheduler.deploy(deployRequest("web", { requestId: "k" }))));
    cluster.checkSettled();
  });
});

describe("removing and resizing", () => {
  test("a removal that got no answer is repeated until it is confirmed", async () => {
    const cluster = await new Cluster().start();
    const vm = accepted(await cluster.deploy("web"));
    cluster.machines.find(({ name }) => name === vm.host)!.fates.push({ kind: "lost-answer" });
    accepted(await cluster.remove("web"));
    assert.equal(refused(await cluster.remove("web")).code, "unknown-vm");
    cluster.checkSettled();
  });

  test("requests that made and removed a VM are known when it is gone and another scheduler leads", async () => {
    const cluster = await new Cluster({ settings: { rememberedRemovals: 2 } }).start(2);
    const request = (name: string) => deployRequest(name, { requestId: `make-${name}` });
    const remove = (name: string) => cluster.run(cluster.scheduler.remove(name, `remove-${name}`));
    const made = new Map<string, string | null>();
    for (const name of ["old", "web", "db"]) {
      made.set(name, accepted(await cluster.run(cluster.scheduler.deploy(request(name)))).uuid);
      accepted(await remove(name));
    }
    cluster.kill(cluster.leader()!);
    await cluster.settle();
    for (const name of ["web", "db"]) {
      assert.equal(accepted(await cluster.run(cluster.scheduler.deploy(request(name)))).uuid, made.get(name));
      assert.equal(accepted(await remove(name)).uuid, made.get(name));
      assert.equal(cluster.scheduler.vm(name), null);
    }
    const other = deployRequest("other", { requestId: "make-db" });
    assert.equal(refused(await cluster.run(cluster.scheduler.deploy(other))).code, "request-id-reused");
    // The oldest is forgotten: it makes room for the others, here and in the store.
    assert.equal(refused(await remove("old")).code, "unknown-vm");
    assert.notEqual(accepted(await cluster.run(cluster.scheduler.deploy(request("old")))).uuid, made.get("old"));
    cluster.checkSettled();
  });

  test("a removal that another one finishes is that one's, and nobody else is told that he removed the VM", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start(2);
    const vm = accepted(await cluster.deploy("web"));
    cluster.machine(1).reachable = false;
    const pending = cluster.scheduler.remove("web", "first");
    pending.catch(() => undefined);
    await cluster.clock.advance(100);
    cluster.kill(cluster.leader()!);
    await cluster.clock.advance(10_000);
    const second = cluster.scheduler.remove("web", "second");
    await cluster.clock.advance(100);
    cluster.machine(1).reachable = true;
    assert.equal(accepted(await cluster.run(second)).uuid, vm.uuid);
    assert.equal(refused(await cluster.run(cluster.scheduler.remove("web", "first"))).code, "unknown-vm");
    assert.equal(accepted(await cluster.run(cluster.scheduler.remove("web", "second"))).uuid, vm.uuid);
    await cluster.settle();
    cluster.checkSettled();
  });

  test("a removal that arrives twice, late, does not take the next VM of that name", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    accepted(await cluster.deploy("web"));
    cluster.machine(1).fates.push({ kind: "twice", delayMs: 20_000 });
    accepted(await cluster.remove("web"));
    accepted(await cluster.deploy("web"));
    await cluster.advance(60_000);
    cluster.checkSettled();
    assert.deepEqual(cluster.machine(1).domains(), ["web"]);
  });

  test("a resize is its host's decision, and the record follows", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    accepted(await cluster.deploy("web"));
    const larger = { name: "web", vcpus: 4, restart: true };
    assert.equal(accepted(await cluster.run(cluster.scheduler.resize(larger))).vcpus, 4);
    assert.equal(
      refused(await cluster.run(cluster.scheduler.resize({ ...larger, vcpus: 9 }))).code,
      "vm-larger-than-host",
    );
    assert.equal(cluster.scheduler.vm("web")?.vcpus, 4);
  });

  test("a resize whose request was lost is barred, and one whose answer was lost is found", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    accepted(await cluster.deploy("web"));
    cluster.machine(1).fates.push({ kind: "late", delayMs: 30_000 });
    await assert.rejects(cluster.run(cluster.scheduler.resize({ name: "web", vcpus: 4, restart: true })));
    await cluster.advance(60_000);
    assert.equal(cluster.machine(1).agent?.vm("web")?.vcpus, 2);
    cluster.machine(1).fates.push({ kind: "lost-answer" });
    assert.equal(
      accepted(await cluster.run(cluster.scheduler.resize({ name: "web", vcpus: 4, restart: true }))).vcpus,
      4,
    );
  });
});

describe("a change of leaders", () => {
  test("a new leader knows every VM, and settles what the old one left", async () => {
    const cluster = await new Cluster().start(2);
    accepted(await cluster.deploy("web"));
    const old = cluster.leader()!;
    old.process.at(2, "kill", "after", () => cluster.core.bury(old.name));
    void old.scheduler.deploy(deployRequest("db", { requestId: "k" }));
    await cluster.settle();
    assert.notEqual(cluster.leader()?.name, old.name);
    await cluster.settle();
    cluster.checkSettled();
    const again = accepted(await cluster.run(cluster.scheduler.deploy(deployRequest("db", { requestId: "k" }))));
    assert.equal(again.state, "running");
    cluster.checkSettled();
  });

  test("a leader that was frozen and wakes up changes nothing, and says that it does not lead", async () => {
    const cluster = await new Cluster().start(2);
    const old = cluster.leader()!;
    // Between the reservation and the request to the host.
    old.process.at(2, "freeze", "before", () => cluster.freeze(old));
    const pending = old.scheduler.deploy(deployRequest("web"));
    pending.catch(() => undefined);
    await cluster.settle();
    await cluster.settle();
    accepted(await cluster.deploy("web"));
    old.process.thaw();
    await assert.rejects(cluster.run(pending), NotLeader);
    await cluster.settle();
    cluster.checkSettled();
  });

  test("standbys answer reads and send changes to the leader", async () => {
    const cluster = await new Cluster().start(2);
    accepted(await cluster.deploy("web"));
    await cluster.settle();
    const standby = cluster.schedulers.find((one) => one !== cluster.leader())!.scheduler;
    assert.deepEqual(
      standby.vms().map(({ name }) => name),
      ["web"],
    );
    assert.deepEqual(
      standby.hosts().map(({ id, state }) => [id, state]),
      [
        ["h1", "up"],
        ["h2", "up"],
        ["h3", "up"],
      ],
    );
    assert.equal(standby.leadership().leader, cluster.leader()?.name);
    await assert.rejects(standby.deploy(deployRequest("db")), (error: unknown) => {
      assert.ok(error instanceof NotLeader);
      assert.equal(error.leader, cluster.leader()?.name);
      return true;
    });
  });

  test("a scheduler that stops lets its requests end and gives the leadership back", async () => {
    const cluster = await new Cluster().start(2);
    const old = cluster.leader()!;
    const pending = old.scheduler.deploy(deployRequest("web"));
    const stopped = old.scheduler.stop();
    accepted(await cluster.run(pending));
    await cluster.run(stopped);
    await cluster.settle();
    assert.notEqual(cluster.leader()?.name, old.name);
    cluster.checkSettled();
  });
});

describe("a store that fails", () => {
  const meanings = {
    unreachable: "refuses the request, and nothing has happened",
    "lost-not-done": "is asked, and nothing has happened",
    "lost-done": "is asked, and the request goes on",
    "lost-late": "is asked, which bars the change from happening later",
  } as const;
  for (const [fault, meaning] of Object.entries(meanings) as [keyof typeof meanings, string][]) {
    test(`${fault}: it ${meaning}`, async () => {
      const cluster = await new Cluster({ hosts: 2 }).start();
      cluster.core.faults.push(fault);
      const request = deployRequest("web", { requestId: "k" });
      const first = await cluster.run(
        cluster.scheduler.deploy(request).catch((error: unknown) => {
          assert.ok(error instanceof OperationalError && error.code === "store-unreachable", String(error));
          return null;
        }),
      );
      assert.equal(first !== null, fault === "lost-done");
      assert.equal(cluster.machines.flatMap((machine) => machine.domains()).length, first === null ? 0 : 1);
      accepted(await cluster.run(cluster.scheduler.deploy(request)));
      cluster.checkSettled();
    });
  }

  test("between the agent's answer and the record costs nothing: the record is written when the store is back", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    cluster.core.faults.push("fine", "unreachable", "unreachable", "lost-done");
    accepted(await cluster.deploy("web"));
    cluster.checkSettled();
  });

  test("that holds what this leader did not write: it gives the leadership up, and begins anew with what is there", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    accepted(await cluster.deploy("web"));
    const record = cluster.core.records.get("vms/web")!;
    cluster.core.records.set("vms/web", { ...record, revision: ++cluster.core.revision });
    await assert.rejects(cluster.run(cluster.scheduler.remove("web")), NotLeader);
    await cluster.settle();
    accepted(await cluster.remove("web"));
    cluster.checkSettled();
  });
});
