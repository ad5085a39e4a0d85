/** SlackVM's decisions one by one (spec 1.3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatCpuSet } from "../../src/core/cpuset.js";
import type { HostState } from "../../src/core/pool/model.js";
import { seedStatus } from "../../src/core/pool/status.js";
import { mib, ratio } from "../../src/core/units.js";
import { hostWith, laptop, policyOn, server, vm } from "./faithful.js";

const policy = policyOn("slackvm", laptop);
const pcpus = (host: HostState, allocationRatio: number): readonly number[] =>
  host.pools.find((pool) => pool.ratio === allocationRatio)!.pcpus;
const pinOf = (host: HostState, name: string): string => formatCpuSet(policy.pins(host).get(name)![0]!);

describe("slackvm: pools", () => {
  it("the first pool starts on the first pCPU and takes its siblings before others", () => {
    assert.deepEqual(pcpus(hostWith(policy, [vm("a", 3, 1, 2)]), 2), [0, 4, 1]);
  });

  it("a new pool starts as far from the others as it can", () => {
    const host = hostWith(policyOn("slackvm", server), [vm("a", 2, 1, 1), vm("b", 1, 1, 2)]);
    const [first] = pcpus(host, 2);
    assert.equal(server.packageOf[server.positionOf.get(first!)!], 1, "on the other package");
  });

  it("a new pool is as large as the request, not as its share", () => {
    assert.equal(pcpus(hostWith(policy, [vm("a", 6, 1, 3)]), 3).length, 6);
  });

  it("a pool grows by the pCPU nearest to it, one at a time", () => {
    const host = hostWith(policy, [vm("a", 1, 1, 1), vm("b", 3, 1, 1)]);
    // 4 is the sibling of 0; then 1, and with it its sibling 5 comes before 2.
    assert.deepEqual(pcpus(host, 1), [0, 4, 1, 5]);
  });

  it("a VM joins what is available before the pool grows", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 3), vm("b", 2, 1, 3), vm("c", 2, 1, 3)]);
    assert.deepEqual(pcpus(host, 3), [0, 4]);
  });

  it("the pCPUs that came last leave first", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 1), vm("b", 2, 1, 1)]);
    const left = policy.remove(host, "a");
    assert.ok(left.ok);
    assert.deepEqual(pcpus(left.value, 1), [0, 4]);
  });

  it("an empty pool stays, and starts again on the first free pCPU", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 2), vm("b", 2, 1, 1)]);
    const empty = policy.remove(host, "b");
    assert.ok(empty.ok);
    assert.deepEqual(pcpus(empty.value, 1), []);
    const again = policy.deploy(empty.value, vm("c", 1, 1, 1));
    assert.ok(again.ok);
    assert.deepEqual(pcpus(again.value, 1), [1], "the first in topology order that no pool holds");
  });

  it("with ratio 2.6 a pCPU stays behind in a pool of 7 that empties, and leaves when the removal is repeated", () => {
    const big = vm("a", 7, 1, 2.6);
    const removed = policy.removeRecorded(hostWith(policy, [big]), big);
    assert.deepEqual(pcpus(removed.host, 2.6), [0]);
    const again = policy.removeRecorded(removed.host, big);
    assert.deepEqual(pcpus(again.host, 2.6), []);
    assert.deepEqual(again.absentFrom, ["cpu", "mem"]);
  });
});

describe("slackvm: refusals", () => {
  it("too few free pCPUs: the host is as before, and the reason has the numbers", () => {
    const host = hostWith(policy, [vm("a", 6, 1, 1)]);
    const refused = policy.deployRecorded(host, vm("b", 4, 1, 2));
    assert.equal(refused.host, host);
    assert.equal(refused.refusal?.code, "no-cpu-capacity");
    assert.deepEqual(refused.refusal?.details, { resource: "cpu", ratio: 2, neededPcpus: 4, freePcpus: 2 });
  });

  it("too little memory: deploy changes nothing, a record shows the pool that was made for it, empty", () => {
    const host = hostWith(policy, [vm("a", 2, 900, 1)], mib(1000));
    const asked = vm("b", 2, 200, 2);
    const refused = policy.deploy(host, asked);
    assert.ok(!refused.ok && refused.refusal.code === "no-memory-capacity");
    const recorded = policy.deployRecorded(host, asked);
    assert.deepEqual(pcpus(recorded.host, 2), []);
    assert.equal(recorded.host.memory.allocatedMiB, 900);
  });

  it("memory may be given out to the last MiB", () => {
    const host = policy.initial(mib(1000));
    assert.ok(policy.deploy(host, vm("a", 1, 1000, 1)).ok);
    const refused = policy.deploy(host, vm("b", 1, 1001, 1));
    assert.ok(!refused.ok && refused.refusal.code === "vm-larger-than-host");
  });

  for (const [what, asked, code] of [
    ["a name that is taken", vm("a", 1, 1, 1), "name-taken"],
    ["no ratio", vm("b", 1, 1, null), "ratio-not-offered"],
    ["a ratio below 1", vm("b", 1, 1, 0.5), "ratio-not-offered"],
    ["more vCPUs than the host has pCPUs", vm("b", 9, 1, 3), "vm-larger-than-host"],
  ] as const)
    it(`${what}: ${code}`, () => {
      const refused = policy.deploy(hostWith(policy, [vm("a", 1, 1, 1)]), asked);
      assert.ok(!refused.ok);
      assert.equal(refused.refusal.code, code);
    });

  it("a VM that is not there cannot be removed or resized", () => {
    for (const result of [policy.remove(policy.initial(), "a"), policy.resize(policy.initial(), vm("a", 1, 1, 1))])
      assert.ok(!result.ok && result.refusal.code === "unknown-vm");
  });

  it("a resize that does not fit leaves the VM as it was", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 1), vm("b", 4, 1, 1)]);
    const resized = policy.resize(host, vm("a", 5, 1, 1));
    assert.ok(!resized.ok && resized.refusal.code === "no-cpu-capacity");
  });
});

describe("slackvm: sharing before critical size", () => {
  const sharing = policyOn("slackvm", laptop, 2);

  it("oversubscribed pools below the critical size share their pCPUs and the free ones", () => {
    const host = hostWith(sharing, [vm("a", 2, 1, 1), vm("b", 1, 1, 2), vm("c", 1, 1, 3)]);
    assert.equal(pinOf(host, "a"), "0,4");
    assert.equal(pinOf(host, "b"), "1-3,5-7");
    assert.equal(pinOf(host, "c"), "1-3,5-7");
  });

  it("from the critical size on each pool keeps to its own, also the ones not touched by the request", () => {
    const before = [vm("b", 1, 1, 2), vm("c", 1, 1, 3), vm("d", 1, 1, 3)];
    assert.equal(pinOf(hostWith(sharing, before), "c"), "0-7");
    const host = hostWith(sharing, [...before, vm("e", 1, 1, 2)]);
    assert.deepEqual(pcpus(host, 3).length, 1);
    assert.equal(pinOf(host, "c"), String(pcpus(host, 3)[0]));
  });

  it("pools without VMs are left out of the decision", () => {
    const host = hostWith(sharing, [vm("b", 1, 1, 2), vm("c", 1, 1, 3), vm("d", 1, 1, 3)]);
    const left = sharing.remove(host, "b");
    assert.ok(left.ok);
    assert.equal(pinOf(left.value, "c"), formatCpuSet(left.value.pools[1]!.pinnedTo));
    assert.deepEqual(left.value.pools[1]!.pinnedTo, pcpus(left.value, 3), "the one pool with VMs is large enough");
  });

  it("dropping shrinks the pool and pins it to its own, without the sharing decision", () => {
    const host = hostWith(sharing, [vm("a", 1, 1, 2), vm("b", 1, 1, 3), vm("c", 2, 1, 3)]);
    const seenAllBut = (gone: string) => ({
      poolSeen: () => true,
      seenInPool: (name: string) => name !== gone,
      seenInCpu: () => true,
      memorySeen: () => true,
      seenInMemory: (name: string) => name !== gone,
    });
    const { host: after, dropped } = sharing.dropUnseen(host, seenAllBut("c"));
    assert.deepEqual(dropped, [
      { vm: "c", resource: "cpu" },
      { vm: "c", resource: "mem" },
    ]);
    assert.equal(pinOf(after, "b"), formatCpuSet(after.pools[1]!.pinnedTo));
    assert.deepEqual([...after.pools[1]!.pinnedTo], pcpus(after, 3), "its own");
    assert.equal(pinOf(after, "a"), pinOf(host, "a"), "the other pool keeps the union");
  });
});

it("slackvm: status counts as the seeds do; the memory pool is listed once it was used", () => {
  assert.deepEqual(seedStatus(policy.initial(mib(100)), policy), {
    cpu: { avail: 8, subset: {} },
    mem: { avail: 100, subset: {} },
  });
  const host = hostWith(policy, [vm("a", 2, 60, 1.5)], mib(100));
  const left = policy.remove(host, "a");
  assert.ok(left.ok);
  assert.deepEqual(seedStatus(host, policy), {
    cpu: { avail: 6, subset: { "1.5": { pcap: 2, palloc: 2, vavail: 1, vpotential: 9 } } },
    mem: { avail: 40, subset: { "1": { pcap: 60, palloc: 60, vavail: 0, vpotential: 40 } } },
  });
  assert.deepEqual(Object.keys(seedStatus(left.value, policy).mem.subset), ["1"]);
  assert.equal(policy.freeVcpus(host, ratio(1.5)), 10, "1 here and 9 on the free pCPUs");
});
