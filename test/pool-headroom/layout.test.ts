/** Where the headroom policy puts pools. SMALL: L3 groups {0,1,8,9} {2,3,10,11} in cell 0, {4,5,12,13} {6,7,14,15} in cell 1. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCpuSet } from "../../src/core/cpuset.js";
import type { HostState } from "../../src/core/pool/model.js";
import { accepted, deployed, EPYC, HOSTS, policyOn, pool, repinned, SMALL, sharedParts, vm } from "./hosts.js";

const policy = policyOn(SMALL);
const territory = (host: HostState, ratio: number): string => formatCpuSet(pool(host, ratio).pinnedTo);

test("a pool has exactly what it needs, is pinned to its whole L3 group, and the rest counts as free", () => {
  const host = deployed(policy, [vm("a", 2, 2)]);
  assert.deepEqual(pool(host, 2).pcpus, [0, 8]);
  assert.equal(territory(host, 2), "0-1,8-9");
  assert.equal(policy.freePcpus(host).length, 14);
});

test("a new pool begins in the NUMA cell with most room", () => {
  const host = deployed(policy, [vm("a", 2, 1), vm("b", 2, 2)]);
  assert.equal(territory(host, 2), "4-5,12-13");
});

test("a pool grows into its own L3 group, then into the nearest untouched one", () => {
  const two = deployed(policy, [vm("a", 2, 1), vm("b", 2, 1)]);
  assert.equal(territory(two, 1), "0-1,8-9");
  const three = accepted(policy.deploy(two, vm("c", 1, 1)));
  assert.equal(territory(three, 1), "0-3,8-11");
  assert.deepEqual(pool(three, 1).pcpus.slice(0, 4).toSorted(), [0, 1, 8, 9]);
});

test("VMs that fit the pool's territory pin nobody anew", () => {
  const before = deployed(policy, [vm("a", 2, 3), vm("b", 2, 1)]);
  const after = deployed(policy, [vm("c", 4, 3), vm("d", 4, 3), vm("e", 2, 3), vm("f", 2, 1)], before);
  assert.equal(repinned(policy, before, after), 0);
});

test("a departure pins nobody anew, and what it freed is given out when needed", () => {
  const full = deployed(policy, [vm("a", 4, 1), vm("b", 4, 1), vm("c", 8, 2)]);
  assert.equal(policy.freePcpus(full).length, 0);
  const left = accepted(policy.remove(full, "b"));
  assert.equal(policy.freePcpus(left).length, 4);
  assert.equal(repinned(policy, full, left), 0);
  const next = accepted(policy.deploy(left, vm("d", 4, 3)));
  assert.deepEqual(sharedParts(SMALL, next), { cores: 0, groups: 0 });
  assert.equal(pool(next, 1).pinnedTo.length, 4);
});

test("pCPUs lent to a pool never cause a refusal", () => {
  const host = deployed(policy, [vm("a", 1, 1), vm("b", 1, 2), vm("c", 1, 3), vm("d", 1, 1.5)]);
  const lent = host.pools.reduce((sum, one) => sum + one.pinnedTo.length - one.pcpus.length, 0);
  assert.ok(lent > 8, `${lent} pCPUs are lent`);
  const full = accepted(policy.deploy(host, vm("e", 12, 1)));
  assert.equal(policy.freePcpus(full).length, 0);
  assert.equal(policy.deploy(full, vm("f", 1, 1)).ok, false);
});

test("pools share no core while whole cores can be had, on every host that has enough", () => {
  for (const [name, topology] of HOSTS) {
    const on = policyOn(topology);
    let host = on.initial();
    for (const ratio of [1, 2, 3])
      for (let i = 0; i < 2; i++) {
        const result = on.deploy(host, vm(`${ratio}-${i}`, 1, ratio));
        if (result.ok) host = result.value;
      }
    const threads = Math.max(...topology.topology.pcpus.map((one) => one.smtSiblings.length + 1));
    if (topology.ids.length >= 4 * threads) assert.equal(sharedParts(topology, host).cores, 0, name);
  }
});

test("a pool that takes two pCPUs more leaves the L3 group that it shared", () => {
  // 1: {0,1,8,9}; 2: {4,5,12,13}; 3: {2,3,10,11}; 1.5: {6,7,14,15}; then 3 has to share.
  const crowded = deployed(policy, [vm("a", 4, 1), vm("b", 4, 2), vm("c", 4, 3), vm("d", 2, 1.5), vm("e", 6, 3)]);
  assert.equal(sharedParts(SMALL, crowded).groups, 1);
  const room = accepted(policy.remove(crowded, "b"));
  const grown = accepted(policy.deploy(room, vm("f", 8, 3)));
  assert.deepEqual(sharedParts(SMALL, grown), { cores: 0, groups: 0 });
});

test("a pool that shrank far gives whole L3 groups back", () => {
  const vms = Array.from({ length: 40 }, (_, i) => vm(`vm${i}`, 2, 1));
  const on = policyOn(EPYC);
  let host = deployed(on, vms);
  for (const { name } of vms.slice(10)) host = accepted(on.remove(host, name));
  const { pcpus, pinnedTo } = pool(host, 1);
  assert.equal(pcpus.length, 20);
  assert.ok(pinnedTo.length <= 20 + 10 + 8, `${pinnedTo.length} pCPUs for a need of 20`);
  assert.equal(pinnedTo.length % 8, 0);
});

test("an empty pool keeps its place and no pCPUs", () => {
  const host = accepted(policy.remove(deployed(policy, [vm("a", 7, 2.6), vm("b", 1, 1)]), "a"));
  assert.deepEqual(
    host.pools.map(({ ratio, pcpus, pinnedTo, allocatedVcpus }) => ({ ratio, pcpus, pinnedTo, allocatedVcpus })),
    [
      { ratio: 2.6, pcpus: [], pinnedTo: [], allocatedVcpus: 0 },
      { ratio: 1, pcpus: pool(host, 1).pcpus, pinnedTo: pool(host, 1).pinnedTo, allocatedVcpus: 1 },
    ],
  );
});

test("the host's own pCPUs are in no pool, and not free", () => {
  const on = policyOn(SMALL, { hostPcpus: [0, 8] });
  const full = deployed(on, [vm("a", 14, 1)]);
  assert.equal(pool(full, 1).pinnedTo.includes(0) || pool(full, 1).pinnedTo.includes(8), false);
  assert.equal(on.freePcpus(on.initial()).length, 14);
  const refused = on.deploy(on.initial(), vm("b", 15, 1));
  assert.equal(!refused.ok && refused.refusal.code, "vm-larger-than-host");
});

test("packing again ends sharing that arrivals left behind, and twice changes nothing more", () => {
  const crowded = deployed(policy, [vm("a", 4, 1), vm("b", 4, 2), vm("c", 4, 3), vm("d", 2, 1.5), vm("e", 6, 3)]);
  const room = accepted(policy.remove(crowded, "a"));
  assert.equal(sharedParts(SMALL, room).groups, 1);
  const packed = policy.repack!(room);
  assert.deepEqual(sharedParts(SMALL, packed.host), { cores: 0, groups: 0 });
  assert.equal(packed.moved, repinned(policy, room, packed.host));
  assert.deepEqual(policy.repack!(packed.host), { host: packed.host, moved: 0 });
  assert.deepEqual(policy.repack!(room, packed.moved - 1), { host: room, moved: 0 });
});

test("pools below the critical size share their pCPUs and the free ones, and part when they have grown", () => {
  const on = policyOn(SMALL, { criticalSize: 2 });
  const one = deployed(on, [vm("a", 2, 1), vm("b", 2, 2), vm("c", 2, 3)]);
  assert.equal(territory(one, 2), territory(one, 3));
  assert.equal(territory(one, 1), "0-1,8-9");
  assert.equal(territory(one, 2), "2-7,10-15");
  const grown = deployed(on, [vm("d", 2, 2), vm("e", 2, 3)], one);
  assert.equal(pool(grown, 2).pinnedTo.filter((id) => pool(grown, 3).pinnedTo.includes(id)).length, 0);
});
