/** A scheduler that learns prices: from its own VMs, told with what they are from, the same after it was replaced, and without harm where they fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PriceSource, SolvePrices } from "../../src/core/placement/learning/pricing.js";
import type { HostSummary } from "../../src/core/placement/model.js";
import { worthOfWanted } from "../../src/core/placement/weighers/bid/prices.js";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import { solverOfOwnThread } from "../../src/drivers/highs/own-thread.js";
import { commonestHost } from "../../src/scheduler/prices.js";
import { host } from "../placement/random.js";
import { accepted, refused } from "./answers.js";
import { Cluster, deployRequest } from "./cluster.js";

const solve = await solverOfOwnThread();
const prices: SolvePrices = (wanted, of) => worthOfWanted(wanted, of, solve);
const asked = { ...deployRequest("asked"), vcpus: 1, memoryMiB: mib(1024), ratio: ratio(2) };

async function filled(source: PriceSource, vms = 20): Promise<Cluster> {
  const cluster = await new Cluster({ hosts: 3, prices: source }).start();
  for (let vm = 0; vm < vms; vm++)
    accepted(await cluster.deploy(`vm${vm}`, { vcpus: 1, memoryMiB: mib(1024), ratio: ratio(2) }));
  return cluster;
}

test("prices come once there are VMs to learn from; explanations say them, what they are from, and what they weigh", async () => {
  const cluster = await filled({ kind: "learnt", solve: prices }, 3);
  await cluster.advance(10_000);
  const before = cluster.scheduler.explain(asked);
  assert.equal(before.prices, null);
  assert.equal(before.hosts[0]!.scores!.find(({ weigher }) => weigher === "bid")!.score, 0);
  for (let vm = 3; vm < 20; vm++)
    accepted(await cluster.deploy(`vm${vm}`, { vcpus: 1, memoryMiB: mib(1024), ratio: ratio(2) }));
  await cluster.advance(10_000);
  const { prices: shown, hosts } = cluster.scheduler.explain(asked);
  const { price, since, ...from } = shown!;
  const of = { pcpus: 8, memoryMiB: mib(16_384) };
  assert.deepEqual(from, { source: "learnt", vms: 20, others: 0, host: of });
  assert.ok(since > 1_700_000_000_000);
  // Half a pCPU of 8 and 1 GiB of 16: sixteen of them are a host.
  assert.equal(price, 1 / 16);
  assert.ok(hosts.some(({ scores }) => scores!.some(({ weigher, score }) => weigher === "bid" && score === -1 / 16)));
  cluster.checkSettled();
});

test("the next leader learns the same from the records: VMs that are there, those that went, and none that never came", async () => {
  const cluster = await filled({ kind: "learnt", solve: prices });
  for (const vm of [2, 5]) accepted(await cluster.run(cluster.scheduler.remove(`vm${vm}`)));
  assert.equal(
    refused(await cluster.deploy("giant", { vcpus: 1, memoryMiB: mib(99_999), ratio: ratio(1) })).code,
    "no-host-fits",
  );
  await cluster.advance(10_000);
  const { since: first, ...before } = cluster.scheduler.explain(asked).prices!;
  assert.deepEqual([before.vms, before.others], [18, 3]);
  cluster.kill(cluster.leader()!);
  cluster.startScheduler();
  await cluster.settle();
  const { since: second, ...after } = cluster.scheduler.explain(asked).prices!;
  // Who was refused, nobody has written down; and what is larger than a host has no price.
  assert.deepEqual(after, { ...before, others: 2 });
  assert.ok(second > first);
});

test("prices that cannot be worked out keep nobody waiting, and are tried for again after a while", async () => {
  let tries = 0;
  const failing: SolvePrices = async (wanted, of) => {
    tries++;
    if (tries < 2) throw new Error("no such solver");
    return prices(wanted, of);
  };
  const cluster = await filled({ kind: "learnt", solve: failing });
  await cluster.advance(30_000);
  assert.equal(tries, 1);
  assert.equal(cluster.scheduler.explain(asked).prices, null);
  accepted(await cluster.deploy("meanwhile"));
  await cluster.advance(60_000);
  assert.equal(tries, 2);
  assert.notEqual(cluster.scheduler.explain(asked).prices, null);
});

test("a list that is given stays, whatever comes", async () => {
  const of = { pcpus: 8, memoryMiB: mib(16_384) };
  const worth = await prices([{ shape: { vcpus: 2, memoryMiB: mib(4096), ratio: ratio(1) }, count: 9 }], of);
  const given = { worth: worth!, host: of, source: "given", vms: 9, others: 0 } as const;
  const cluster = await filled({ kind: "given", prices: given });
  await cluster.advance(30_000);
  const { price, since, ...from } = cluster.scheduler.explain({
    ...asked,
    vcpus: 2,
    memoryMiB: mib(4096),
    ratio: ratio(1),
  }).prices!;
  assert.deepEqual(from, { source: "given", vms: 9, others: 0, host: of });
  assert.equal(price, 0.25);
  assert.ok(since >= milliseconds(1_700_000_000_000));
});

test("the host that prices are of is the commonest, with the memory that such hosts have in the middle", () => {
  const hosts = (count: number, pcpus: number, memoryMiB: number): HostSummary[] =>
    Array.from({ length: count }, (_, place) =>
      host(`h${place}`, { usablePcpus: pcpus, memoryCapacityMiB: mib(memoryMiB + place) }),
    );
  assert.equal(commonestHost([]), null);
  assert.deepEqual(commonestHost([...hosts(2, 16, 100), ...hosts(3, 32, 200), ...hosts(1, 64, 300)]), {
    pcpus: 32,
    memoryMiB: 201,
  });
  assert.deepEqual(commonestHost([...hosts(1, 16, 100), ...hosts(1, 32, 200)]), { pcpus: 32, memoryMiB: 200 });
});
