/** A cluster from end to end over HTTP: a real scheduler, three real agents on fake hosts, the seeds' calls and `/v1`. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ClusterVmAnswer, ClusterVmPage, DrainAnswer } from "../../src/http/scheduler/schemas/answers.js";
import { IMAGE, VM } from "../http/support.js";
import { TestCluster } from "./cluster.js";

const cluster = new TestCluster({ hosts: 3 });
before(() => cluster.start());
after(() => cluster.end());

interface SeedAnswer {
  readonly success: boolean;
  readonly reason: string | null;
  readonly host: string | null;
  readonly url: string | null;
}
const seedDeploy = (name: string, cpu = 2, mem = 2, oc = 2): Promise<SeedAnswer> =>
  cluster.get(`/deploy?name=${name}&cpu=${cpu}&mem=${mem}&oc=${oc}&qcow2=${IMAGE}`);
const seedRemove = (name: string): Promise<SeedAnswer> => cluster.get(`/remove?name=${name}`);
const vmOf = (name: string): Promise<ClusterVmAnswer> => cluster.get(`/v1/vms/${name}`);

test("the seeds' calls deploy on a host, say which, and remove from it", async () => {
  const answer = await seedDeploy("old-1");
  assert.deepEqual([answer.success, answer.reason], [true, null]);
  assert.equal(cluster.placed().get("old-1"), answer.host);
  assert.equal(answer.url, cluster.hosts.find((host) => host.name === answer.host)?.url);
  assert.deepEqual(await cluster.get("/listvm"), ["old-1"]);
  const status = await cluster.get<Record<string, { cpu: { avail: number; subset: object } }>>("/status");
  assert.deepEqual(Object.keys(status).sort(), cluster.hosts.map((host) => host.url).sort());
  assert.deepEqual(Object.keys(status[answer.url!]!.cpu.subset), ["2.0"]);

  const again = await seedDeploy("old-1");
  assert.deepEqual([again.success, again.host], [false, null]);
  assert.match(again.reason!, /old-1/);
  assert.deepEqual(await seedDeploy("huge", 2, 4000), {
    success: false,
    reason: "No appropriate node found",
    host: null,
    url: null,
  });
  assert.equal((await seedRemove("old-1")).host, answer.host);
  assert.equal((await seedRemove("old-1")).success, false);
  assert.equal(cluster.placed().size, 0);
});

test("/v1 deploys, shows, lists, resizes and removes, wherever the VM is", async () => {
  const made = await cluster.post("/v1/vms", { ...VM, name: "web" }, { "idempotency-key": "key-web" });
  assert.equal(made.status, 201);
  const vm = (await made.json()) as ClusterVmAnswer;
  assert.equal(cluster.placed().get("web"), vm.host);
  assert.equal(vm.view?.pins.length, 2);
  const repeated = await cluster.post("/v1/vms", { ...VM, name: "web" }, { "idempotency-key": "key-web" });
  assert.deepEqual([repeated.status, ((await repeated.json()) as ClusterVmAnswer).uuid], [201, vm.uuid]);
  const taken = await cluster.post("/v1/vms", { ...VM, name: "web" });
  assert.deepEqual([taken.status, ((await taken.json()) as { code: string }).code], [409, "name-taken"]);

  assert.equal((await vmOf("web")).state, "running");
  const onHost = await cluster.get<ClusterVmPage>(`/v1/vms?host=${vm.host}&limit=5`);
  assert.deepEqual(
    onHost.items.map(({ name }) => name),
    ["web"],
  );
  const resized = await cluster.post("/v1/vms/web/resize", { vcpus: 3 });
  assert.equal(((await resized.json()) as ClusterVmAnswer).vcpus, 3);
  const host = cluster.hosts.find(({ name }) => name === vm.host);
  assert.equal(host?.agent.vm("web")?.vcpus, 3);
  const removed = await fetch(`${cluster.url}/v1/vms/web`, { method: "DELETE" });
  assert.equal(removed.status, 200);
  assert.equal((await fetch(`${cluster.url}/v1/vms/web`)).status, 404);
  assert.equal(cluster.placed().size, 0);
});

test("a VM is shown with its host's own view where that is asked for: pins as the agent plans them", async () => {
  const { host } = await seedDeploy("looked-at");
  const known = await cluster.get<ClusterVmAnswer>("/v1/vms/looked-at");
  assert.equal(known.view, null);
  const fresh = await cluster.get<ClusterVmAnswer>("/v1/vms/looked-at?fresh=true");
  const agent = cluster.hosts.find(({ name }) => name === host)?.agent;
  assert.deepEqual(fresh.view?.pins, agent?.vm("looked-at")?.pins);
  assert.equal((await fetch(`${cluster.url}/v1/vms/looked-at?fresh=perhaps`)).status, 400);
  assert.equal((await fetch(`${cluster.url}/v1/vms/nobody?fresh=true`)).status, 404);
  assert.equal((await seedRemove("looked-at")).success, true);
});

test("VMs of one anti-affinity group are on different hosts, and the fourth on three hosts is on none", async () => {
  const constraints = { antiAffinity: "db" };
  const hosts = new Set<string>();
  for (const name of ["db-1", "db-2", "db-3"]) {
    const made = await cluster.post("/v1/vms", { ...VM, name, constraints });
    hosts.add(((await made.json()) as ClusterVmAnswer).host);
  }
  assert.equal(hosts.size, 3);
  const fourth = await cluster.post("/v1/vms", { ...VM, name: "db-4", constraints });
  const problem = (await fourth.json()) as { code: string; hosts: readonly { host: string; code: string }[] };
  assert.deepEqual([fourth.status, problem.code], [409, "no-host-fits"]);
  assert.deepEqual(problem.hosts.map(({ host }) => host).sort(), ["host-0", "host-1", "host-2"]);
  for (const name of ["db-1", "db-2", "db-3"]) assert.equal((await seedRemove(name)).success, true);
});

test("many at once: each gets its own room, and no name is on two hosts", async () => {
  const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => seedDeploy(`many-${i}`, 4, 1, 2)));
  const accepted = answers.filter(({ success }) => success).length;
  // 3 hosts x 16 pCPUs x 2 vCPUs / 4.
  assert.equal(accepted, 24);
  assert.deepEqual(
    [...new Set(answers.filter(({ success }) => !success).map(({ reason }) => reason))],
    ["No appropriate node found"],
  );
  const placed = cluster.placed();
  assert.equal(placed.size, 24);
  for (const { agent } of cluster.hosts)
    for (const pool of agent.status().pools) assert.ok(pool.allocatedVcpus <= pool.ratio * pool.pcpuCount);
  const removed = await Promise.all([...placed.keys()].map(seedRemove));
  assert.ok(removed.every(({ success }) => success));
});

test("draining closes a host and names what remains on it; uncordon opens it again", async () => {
  const made = await seedDeploy("left");
  const drained = (await (await cluster.post(`/v1/hosts/${made.host}/drain`)).json()) as DrainAnswer;
  assert.deepEqual([drained.host.cordoned, drained.host.draining], [true, true]);
  assert.deepEqual(
    drained.remaining.map(({ name }) => name),
    ["left"],
  );
  assert.ok(drained.advice.length > 10);
  for (const name of ["x-1", "x-2", "x-3"]) assert.notEqual((await seedDeploy(name)).host, made.host);
  const opened = await cluster.post(`/v1/hosts/${made.host}/uncordon`);
  assert.deepEqual(((await opened.json()) as { cordoned: boolean }).cordoned, false);
  for (const name of ["x-1", "x-2", "x-3", "left"]) assert.equal((await seedRemove(name)).success, true);
});

test("an agent that is killed takes no new VM, keeps those it has, and comes back by itself", async () => {
  const made = await seedDeploy("kept");
  const host = cluster.hosts.find(({ name }) => name === made.host)!;
  await host.kill();
  const elsewhere = await Promise.all(["y-1", "y-2", "y-3", "y-4"].map((name) => seedDeploy(name)));
  assert.ok(elsewhere.every((one) => one.success && one.host !== made.host));
  assert.equal((await vmOf("kept")).host, made.host);
  await cluster.until(() => cluster.scheduler.host(host.name)?.state !== "up");
  const lost = await fetch(`${cluster.url}/v1/vms/kept`, { method: "DELETE" });
  assert.equal(lost.status, 503, await lost.text());

  await host.start();
  await cluster.until(() => cluster.scheduler.host(host.name)?.state === "up");
  // What was asked and not confirmed is finished now, or still there to be asked again.
  await cluster.until(() => !cluster.scheduler.vms().some(({ state }) => state === "removing"));
  assert.equal(cluster.scheduler.vm("kept"), null);
  assert.ok(!host.names().includes("kept"));
  for (const name of ["y-1", "y-2", "y-3", "y-4"]) assert.equal((await seedRemove(name)).success, true);
});

test("a scheduler that is started again knows every VM and answers repeated requests as before", async () => {
  const made = await cluster.post("/v1/vms", { ...VM, name: "stays" }, { "idempotency-key": "key-stays" });
  const { uuid, host } = (await made.json()) as ClusterVmAnswer;
  await cluster.stopScheduler();
  assert.deepEqual(cluster.placed().get("stays"), host);
  await cluster.startScheduler();
  await cluster.until(() => cluster.scheduler.vm("stays")?.state === "running");
  const again = await cluster.post("/v1/vms", { ...VM, name: "stays" }, { "idempotency-key": "key-stays" });
  assert.deepEqual([again.status, ((await again.json()) as ClusterVmAnswer).uuid], [201, uuid]);
  assert.equal((await seedDeploy("stays")).success, false);
  assert.equal((await seedRemove("stays")).host, host);
  assert.equal(cluster.placed().size, 0);
});

test("a VM that was deployed past the scheduler is found, and its name is the cluster's", async () => {
  const [host] = cluster.hosts;
  const past = await fetch(`${host!.url}/v1/vms`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...VM, name: "past" }),
  });
  assert.equal(past.status, 201);
  await cluster.until(() => cluster.scheduler.vm("past") !== null);
  assert.equal((await vmOf("past")).deployedHere, false);
  assert.match((await seedDeploy("past")).reason!, /past/);
  assert.equal((await seedRemove("past")).host, host!.name);
});

test("nothing of all this met a bug", () => {
  assert.deepEqual(cluster.log.errors, []);
  for (const host of cluster.hosts) assert.deepEqual(host.log.errors, []);
});
