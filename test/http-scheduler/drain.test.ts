/** A host is emptied over HTTP: real agents, a real scheduler, the command that waits for it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hostCommand } from "../../src/cli/commands/host.js";
import type { ClusterVmAnswer, DrainAnswer } from "../../src/http/scheduler/schemas/answers.js";
import { TestCluster } from "./cluster.js";
import { runCommand } from "./run-command.js";

const cluster = new TestCluster({ hosts: 3, migration: true });
before(() => cluster.start());
after(() => cluster.end());

/** On the first host, and bound to none. */
async function deployThere(name: string, memoryMiB = 64): Promise<ClusterVmAnswer> {
  for (const host of ["host-1", "host-2"]) await cluster.post(`/v1/hosts/${host}/cordon`);
  const made = await cluster.post("/v1/vms", { name, vcpus: 2, memoryMiB, ratio: 2 });
  for (const host of ["host-1", "host-2"]) await cluster.post(`/v1/hosts/${host}/uncordon`);
  assert.equal(made.status, 201);
  return (await made.json()) as ClusterVmAnswer;
}

const host = (...argv: readonly string[]) => runCommand(cluster, hostCommand, ...argv);

test("headroom host drain moves every VM, tells of each, and ends when the host is empty", async () => {
  const made = [await deployThere("a"), await deployThere("b"), await deployThere("c")];
  assert.deepEqual([...new Set(made.map((vm) => vm.host))], ["host-0"]);
  const drained = await host("drain", "host-0");
  assert.deepEqual([drained.code, drained.err], [0, ""]);
  for (const { name } of made) assert.match(drained.out, new RegExp(`^${name}: on host-[12]$`, "m"));
  assert.match(drained.out, /host-0 takes no new VMs and is empty\.\n$/);
  await cluster.until(() => cluster.hosts[0]!.names().length === 0);
  const placed = cluster.placed();
  for (const { name, uuid } of made) {
    const now = await cluster.get<ClusterVmAnswer>(`/v1/vms/${name}`);
    assert.deepEqual([now.uuid, now.state, now.ratio], [uuid, "running", 2]);
    assert.equal(placed.get(name), now.host);
    assert.notEqual(now.host, "host-0");
  }
  const again = JSON.parse((await host("drain", "host-0", "--json")).out) as DrainAnswer;
  assert.deepEqual([again.remaining, again.moves], [[], []]);
  await host("uncordon", "host-0");
});

test("--no-wait returns at once; GET tells how far it is and changes nothing", async () => {
  await deployThere("large", 1500);
  assert.match((await cluster.get<DrainAnswer>("/v1/hosts/host-0/drain")).advice, /not being emptied/);
  const begun = JSON.parse((await host("drain", "host-0", "--no-wait", "--json")).out) as DrainAnswer;
  assert.deepEqual(
    begun.moves.map(({ vm }) => vm),
    ["large"],
  );
  await cluster.until(() => cluster.scheduler.vm("large")?.state === "migrating");
  const busy = await fetch(`${cluster.url}/v1/vms/large`, { method: "DELETE" });
  assert.equal(busy.status, 503, await busy.text());
  const under = await cluster.get<DrainAnswer>("/v1/hosts/host-0/drain");
  assert.equal(under.moves[0]?.state, "moving");
  await cluster.until(() => cluster.scheduler.vm("large")?.state === "running");
  assert.deepEqual((await cluster.get<DrainAnswer>("/v1/hosts/host-0/drain")).moves, []);
  const unknown = await fetch(`${cluster.url}/v1/hosts/nowhere/drain`);
  assert.equal(unknown.status, 404);
});

test("nothing of all this met a bug", () => {
  assert.deepEqual(cluster.log.errors, []);
  for (const { log } of cluster.hosts) assert.deepEqual(log.errors, []);
});
