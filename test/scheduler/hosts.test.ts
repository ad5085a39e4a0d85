/** Which hosts there are, and what becomes of their VMs: silence, return, replacement, adoption, conflicts, operations. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import { accepted, refused } from "./answers.js";
import { Cluster, deployRequest, type Machine } from "./cluster.js";

const kinds = (cluster: Cluster): readonly string[] => cluster.scheduler.eventsAfter(0).map(({ kind }) => kind);

const local = (name: string, vcpus = 2) => ({ name, vcpus, memoryMiB: mib(1024), ratio: ratio(1), image: null });

async function deployLocally(cluster: Cluster, machine: Machine, name: string): Promise<void> {
  const result = await cluster.run(machine.agent!.deploy(local(name)));
  assert.ok(result.ok, result.ok ? "" : result.refusal.reason);
}

const hostOf = (cluster: Cluster, name: string): Machine =>
  cluster.machines.find((machine) => machine.name === cluster.scheduler.vm(name)?.host)!;

for (const listed of [false, true]) {
  describe(listed ? "hosts that are polled" : "hosts that register", () => {
    test("are up once they were heard of", async () => {
      const cluster = await new Cluster({ listed }).start();
      assert.deepEqual(
        cluster.scheduler.hosts().map(({ id, state }) => [id, state]),
        [
          ["h1", "up"],
          ["h2", "up"],
          ["h3", "up"],
        ],
      );
      accepted(await cluster.deploy("web"));
      const told = cluster.machines.map(({ url, agent }) => [url, agent!.seedStatus()]);
      assert.deepEqual(cluster.scheduler.seedStatus(), Object.fromEntries(told), "the seeds' answer, host by host");
    });

    test("that fall silent become suspect, then down, take no new VM, and come back by themselves", async () => {
      const cluster = await new Cluster({ listed, hosts: 2 }).start();
      cluster.machine(1).reachable = false;
      await cluster.advance(25_000);
      assert.equal(cluster.scheduler.host("h1")?.state, "suspect");
      for (const name of ["a", "b", "c"]) assert.equal(accepted(await cluster.deploy(name)).host, "h2");
      await cluster.advance(60_000);
      assert.equal(cluster.scheduler.host("h1")?.state, "down");
      assert.ok(cluster.scheduler.clusterStatus().problems.some((problem) => problem.includes("h1")));
      cluster.machine(1).reachable = true;
      await cluster.advance(30_000);
      assert.equal(cluster.scheduler.host("h1")?.state, "up");
      for (const name of ["d", "e", "f", "g"]) accepted(await cluster.deploy(name));
      cluster.checkSettled();
    });

    test("keep their VMs in the records while they are silent", async () => {
      const cluster = await new Cluster({ listed, hosts: 1 }).start();
      accepted(await cluster.deploy("web"));
      cluster.machine(1).reachable = false;
      await cluster.advance(300_000);
      assert.equal(cluster.scheduler.vm("web")?.host, "h1");
      cluster.machine(1).reachable = true;
      await cluster.advance(30_000);
      cluster.checkSettled();
    });
  });
}

test("a dead host holds up nobody: others are polled, and requests to them answered, in time", async () => {
  const cluster = await new Cluster({ listed: true, hosts: 6 }).start();
  for (let host = 1; host <= 5; host++) cluster.machine(host).reachable = false;
  await cluster.advance(120_000);
  const began = cluster.clock.monotonic();
  assert.equal(accepted(await cluster.deploy("web")).host, "h6");
  assert.ok(cluster.clock.monotonic() - began < 100);
  assert.equal(cluster.scheduler.host("h6")?.state, "up");
});

test("a host's clock decides nothing: one that is an hour off is up, and its skew is told", async () => {
  const cluster = await new Cluster({ hosts: 1 }).start();
  const { agent, name, machineId } = cluster.machine(1);
  const at = (cluster.clock.now() + 3_600_000) as never;
  accepted(await cluster.run(cluster.scheduler.heartbeat({ host: name, machineId, tag: agent!.tag(), at })));
  const host = cluster.scheduler.host("h1")!;
  assert.deepEqual([host.state, host.clockSkew], ["up", 3_600_000]);
});

test("an unchanged host is asked for nothing more than its heartbeat", async () => {
  const cluster = await new Cluster({ hosts: 1 }).start();
  const { agent, name, machineId } = cluster.machine(1);
  const beat = { host: name, machineId, tag: agent!.tag(), at: cluster.clock.now() };
  assert.equal(accepted(await cluster.run(cluster.scheduler.heartbeat(beat))).wants, "nothing");
  await deployLocally(cluster, cluster.machine(1), "web");
  assert.equal(
    accepted(await cluster.run(cluster.scheduler.heartbeat({ ...beat, tag: agent!.tag() }))).wants,
    "report",
  );
});

describe("VMs found on hosts", () => {
  test("are adopted, and then managed as any other", async () => {
    const cluster = await new Cluster().start();
    await deployLocally(cluster, cluster.machine(2), "local");
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("local")?.host, "h2");
    assert.equal(cluster.scheduler.vm("local")?.deployedHere, false);
    cluster.checkSettled();
    accepted(await cluster.remove("local"));
    cluster.checkSettled();
  });

  test("have their names, even before they are adopted", async () => {
    const cluster = await new Cluster().start();
    await deployLocally(cluster, cluster.machine(2), "web");
    await cluster.settle();
    assert.equal(refused(await cluster.deploy("web")).code, "name-taken");
  });

  test("when removed behind the scheduler's back, lose their records", async () => {
    const cluster = await new Cluster().start();
    accepted(await cluster.deploy("web"));
    await cluster.run(hostOf(cluster, "web").agent!.remove("web"));
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("web"), null);
    assert.ok(kinds(cluster).includes("vm-vanished"));
    cluster.checkSettled();
  });

  test("when resized behind its back, are shown in their size", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    accepted(await cluster.deploy("web"));
    await cluster.run(cluster.machine(1).agent!.resize({ name: "web", vcpus: 4, restart: true }));
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("web")?.vcpus, 4);
  });

  test("on two hosts under one name are reported, and neither is touched until one is removed", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    accepted(await cluster.deploy("web"));
    const first = hostOf(cluster, "web");
    const other = cluster.machines.find((machine) => machine !== first)!;
    const result = await cluster.run(other.agent!.deploy(local("web")));
    assert.ok(result.ok);
    cluster.allowDoubles.add("web");
    await cluster.settle();
    const shown = cluster.scheduler.vm("web")!;
    assert.deepEqual([shown.state, shown.hosts], ["conflict", ["h1", "h2"]]);
    assert.equal(refused(await cluster.remove("web")).code, "vm-in-conflict");
    assert.equal(refused(await cluster.deploy("web")).code, "vm-in-conflict");
    assert.equal(first.domains().length + other.domains().length, 2);
    await cluster.run(other.agent!.remove("web"));
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("web")?.state, "running");
    cluster.checkSettled();
  });

  test("moved by hand to another host are followed there", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    accepted(await cluster.deploy("web"));
    const first = hostOf(cluster, "web");
    const other = cluster.machines.find((machine) => machine !== first)!;
    await cluster.run(first.agent!.remove("web"));
    await deployLocally(cluster, other, "web");
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("web")?.host, other.name);
    cluster.checkSettled();
  });

  test("are found again when the store was lost", async () => {
    const cluster = await new Cluster().start();
    for (const name of ["a", "b", "c"]) accepted(await cluster.deploy(name));
    cluster.kill(cluster.leader()!);
    cluster.core.records.clear();
    cluster.startScheduler();
    await cluster.settle();
    await cluster.settle();
    cluster.checkSettled();
  });
});

describe("another machine under a host's name", () => {
  test("at the same address: the VMs of the former one are lost, not silently taken over", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    accepted(await cluster.deploy("web"));
    const machine = await cluster.replaceMachine(1);
    await cluster.settle();
    assert.equal(cluster.scheduler.vm("web")?.state, "lost");
    assert.ok(kinds(cluster).includes("host-replaced"));
    assert.equal(cluster.scheduler.host("h1")?.machineId, machine.machineId);
    assert.equal(refused(await cluster.deploy("web")).code, "name-taken");
    accepted(await cluster.remove("web"));
    accepted(await cluster.deploy("web"));
    cluster.checkSettled();
  });

  test("at another address is turned away while the first is alive", async () => {
    const cluster = await new Cluster({ hosts: 1 }).start();
    const report = cluster.machine(1).agent!.hostReport();
    const stranger = { ...report, status: { ...report.status, machineId: "another", instance: "another" } };
    const registration = { url: "http://elsewhere:8099", report: stranger, at: cluster.clock.now() };
    assert.equal(refused(await cluster.run(cluster.scheduler.register(registration))).code, "host-taken");
    assert.equal(cluster.scheduler.host("h1")?.machineId, "machine-1");
  });
});

describe("operations", () => {
  test("a cordoned host takes no new VM, across a change of leaders, until it is uncordoned", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start(2);
    accepted(await cluster.run(cluster.scheduler.cordon("h1")));
    for (const name of ["a", "b"]) assert.equal(accepted(await cluster.deploy(name)).host, "h2");
    cluster.kill(cluster.leader()!);
    await cluster.settle();
    assert.equal(cluster.scheduler.host("h1")?.cordoned, true);
    assert.equal(accepted(await cluster.deploy("c")).host, "h2");
    accepted(await cluster.run(cluster.scheduler.uncordon("h1")));
    assert.equal(accepted(await cluster.deploy("d", { vcpus: 8 })).host, "h1");
    assert.equal(refused(await cluster.run(cluster.scheduler.cordon("h9"))).code, "unknown-host");
  });

  test("draining closes the host and lists what remains, until nothing does", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    const { host } = accepted(await cluster.deploy("web"));
    const drain = accepted(await cluster.run(cluster.scheduler.drain(host)));
    assert.deepEqual(
      drain.remaining.map(({ name }) => name),
      ["web"],
    );
    assert.equal(drain.host.draining, true);
    assert.notEqual(accepted(await cluster.deploy("db")).host, host);
    accepted(await cluster.remove("web"));
    assert.deepEqual(accepted(await cluster.run(cluster.scheduler.drain(host))).remaining, []);
  });

  test("a host is given up only while it is silent; what it had is lost, and found again if it returns", async () => {
    const cluster = await new Cluster({ hosts: 2 }).start();
    const { host } = accepted(await cluster.deploy("web"));
    assert.equal(refused(await cluster.run(cluster.scheduler.forget(host))).code, "host-alive");
    const machine = hostOf(cluster, "web");
    machine.reachable = false;
    await cluster.advance(90_000);
    accepted(await cluster.run(cluster.scheduler.forget(host)));
    assert.equal(cluster.scheduler.vm("web")?.state, "lost");
    assert.equal(cluster.scheduler.host(host), null);
    machine.reachable = true;
    await cluster.settle();
    await cluster.settle();
    cluster.checkSettled();
  });

  test("events tell what happened, in order, and are appended to the log of events", async () => {
    const lines: string[] = [];
    const cluster = new Cluster({
      hosts: 1,
      eventLog: {
        startedEmpty: true,
        append: (text) => void lines.push(text),
        flush: async () => undefined,
        close: async () => undefined,
      },
    });
    await cluster.start();
    accepted(await cluster.deploy("web"));
    accepted(await cluster.remove("web"));
    assert.deepEqual(kinds(cluster), ["leader-elected", "host-registered", "host-up", "vm-placed", "vm-removed"]);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      cluster.scheduler.eventsAfter(0),
    );
    assert.deepEqual(cluster.scheduler.eventsAfter(3).length, 2);
  });
});

test("explaining names every host and changes nothing", async () => {
  const cluster = await new Cluster({ hosts: 2 }).start();
  const before = cluster.core.revision;
  const explained = cluster.scheduler.explain(deployRequest("web"));
  assert.equal(explained.hosts.length, 2);
  assert.equal(accepted(await cluster.deploy("web")).host, explained.chosen);
  assert.ok(cluster.core.revision > before);
});
