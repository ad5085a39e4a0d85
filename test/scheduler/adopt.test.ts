/** Adopting hosts that have seen later epochs: on the operator's word only, and for good. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, refused } from "./answers.js";
import { Cluster } from "./cluster.js";

const SEEN = 5_000;

/** Its hosts have listened to another store's leaders before. */
async function clusterMadeAnew(schedulers = 1): Promise<Cluster> {
  const cluster = new Cluster({ hosts: 3 });
  for (const machine of cluster.machines) await machine.start();
  for (const host of [1, 2]) await cluster.run(cluster.machine(host).agent!.look("any", SEEN + host));
  for (let one = 0; one < schedulers; one++) cluster.startScheduler();
  await cluster.settle();
  return cluster;
}

const adopt = (cluster: Cluster, dryRun = false) => cluster.run(cluster.scheduler.adopt(dryRun));

test("hosts that have seen a later epoch are named, refuse until they are adopted, and then listen", async () => {
  const cluster = await clusterMadeAnew();
  const on = (host: string) => ({ constraints: { hosts: [host] } });
  assert.equal(refused(await cluster.deploy("web", on("h1"))).code, "no-host-fits");
  const before = cluster.scheduler.leadership().epoch!;
  const planned = accepted(await adopt(cluster, true));
  assert.deepEqual(planned, { dryRun: true, epoch: before, highest: SEEN + 2, ahead: ["h1", "h2"], silent: [] });
  assert.equal(cluster.scheduler.leadership().epoch, before);
  assert.equal(refused(await cluster.deploy("web", on("h1"))).code, "no-host-fits");

  const adopted = accepted(await adopt(cluster));
  assert.deepEqual([adopted.ahead, adopted.highest], [["h1", "h2"], SEEN + 2]);
  assert.ok(adopted.epoch > SEEN + 2);
  assert.equal(cluster.scheduler.leadership().epoch, adopted.epoch);
  for (const host of ["h1", "h2", "h3"]) accepted(await cluster.deploy(`on-${host}`, on(host)));
  assert.deepEqual(accepted(await adopt(cluster)), {
    dryRun: false,
    epoch: adopted.epoch,
    highest: adopted.epoch,
    ahead: [],
    silent: [],
  });
  cluster.checkSettled();
});

test("the next leaders go on above it, and one that was replaced is refused as ever", async () => {
  const cluster = await clusterMadeAnew(2);
  const { epoch } = accepted(await adopt(cluster));
  const [old] = cluster.schedulers;
  cluster.freeze(cluster.leader()!);
  await cluster.settle();
  const next = cluster.scheduler.leadership().epoch!;
  assert.ok(next > epoch, `epoch ${next} after ${epoch}`);
  accepted(await cluster.deploy("web"));
  await cluster.thaw();
  await cluster.settle();
  assert.equal(old!.scheduler.leadership().epoch, next, "a standby tells the same epoch");
  cluster.checkSettled();
});

test("a host that does not answer is named, and adopted when it is asked again", async () => {
  const cluster = await clusterMadeAnew();
  cluster.machine(2).reachable = false;
  const first = accepted(await adopt(cluster));
  assert.deepEqual([first.ahead, first.silent], [["h1"], ["h2"]]);
  cluster.machine(2).reachable = true;
  await cluster.settle();
  const second = accepted(await adopt(cluster));
  assert.deepEqual([second.ahead, second.silent], [[], []]);
  accepted(await cluster.deploy("web", { constraints: { hosts: ["h2"] } }));
});

test("VMs on the hosts of a store that was lost are adopted with them", async () => {
  const cluster = new Cluster({ hosts: 2 });
  for (const machine of cluster.machines) await machine.start();
  const request = { name: "old", vcpus: 2, memoryMiB: 1024, ratio: 1, image: null, epoch: SEEN } as never;
  assert.ok((await cluster.run(cluster.machine(1).agent!.deploy(request))).ok);
  cluster.startScheduler();
  await cluster.settle();
  assert.equal(cluster.scheduler.vm("old"), null);
  accepted(await adopt(cluster));
  await cluster.settle();
  assert.equal(cluster.scheduler.vm("old")?.host, "h1");
  cluster.checkSettled();
});
