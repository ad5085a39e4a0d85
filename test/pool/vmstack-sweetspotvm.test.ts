/** In what VMStack and SweetSpotVM differ (spec 1.3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatCpuSet } from "../../src/core/cpuset.js";
import { seedStatus } from "../../src/core/pool/status.js";
import { mib } from "../../src/core/units.js";
import { hostWith, laptop, policyOn, server, vm } from "./faithful.js";

describe("vmstack", () => {
  const policy = policyOn("vmstack", laptop, 3);

  it("a pool below the critical size is not oversubscribed", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 3), vm("b", 2, 1, 3)]);
    assert.equal(host.pools[0]!.pcpus.length, 4);
  });

  it("the VM that reaches the critical size counts: its pool is oversubscribed from then on", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 3), vm("b", 2, 1, 3), vm("c", 2, 1, 3)]);
    assert.equal(host.pools[0]!.pcpus.length, 4, "12 vCPUs would fit");
  });

  it("a pool that falls below the critical size keeps what it has, and gives nothing back that it lacks", () => {
    const host = hostWith(policy, [vm("a", 2, 1, 3), vm("b", 2, 1, 3), vm("c", 2, 1, 3)]);
    const left = policy.remove(host, "c");
    assert.ok(left.ok);
    assert.equal(left.value.pools[0]!.pcpus.length, 4);
  });

  it("never shares: every pool is pinned to its own pCPUs", () => {
    const host = hostWith(policy, [vm("a", 1, 1, 2), vm("b", 1, 1, 3)]);
    for (const pool of host.pools) assert.deepEqual([...pool.pinnedTo], pool.pcpus);
  });

  it("does not grow onto pCPUs at distance 50 or more, though they are free", () => {
    const far = policyOn("vmstack", server, 0);
    // An L3 group of the server has 3 cores of 2 threads; everything else is 50 or more away.
    const host = hostWith(far, [vm("a", 6, 1, 1)]);
    const refused = far.deploy(host, vm("b", 1, 1, 1));
    assert.ok(!refused.ok && refused.refusal.code === "no-cpu-capacity");
    assert.equal(far.freePcpus(host).length, 18);
  });

  it("status tells what a new VM would find", () => {
    const host = hostWith(policy, [vm("a", 1, 1, 3), vm("b", 1, 1, 3)]);
    assert.deepEqual(seedStatus(host, policy).cpu.subset["3.0"], { pcap: 2, palloc: 2, vavail: 4, vpotential: 18 });
  });
});

describe("sweetspotvm", () => {
  const template = [1, 1.5, 2.6];
  const policy = policyOn("sweetspotvm", laptop, 0, template);

  it("vCPU i goes to the pool of template[i], the rest to the last", () => {
    const host = hostWith(policy, [vm("a", 5, 1, null)]);
    assert.deepEqual(
      host.pools.map(({ ratio, members }) => [ratio, members[0]!.vcpuIndexes]),
      [
        [1, [0]],
        [1.5, [1]],
        [2.6, [2, 3, 4]],
      ],
    );
  });

  it("a pool has at least as many pCPUs as its largest VM has vCPUs there", () => {
    const host = hostWith(policy, [vm("a", 5, 1, null)]);
    assert.equal(host.pools[2]!.pcpus.length, 3, "3 vCPUs at ratio 2.6 would fit on 2");
  });

  it("pins differ from vCPU to vCPU", () => {
    const pins = policy.pins(hostWith(policy, [vm("a", 3, 1, null)])).get("a")!;
    assert.equal(new Set(pins.map(formatCpuSet)).size, 3);
  });

  it("a VM refused half-way leaves no vCPU behind", () => {
    const host = hostWith(policy, [vm("a", 6, 1, null)]);
    const refused = policy.deployRecorded(host, vm("b", 8, 1, null));
    assert.equal(refused.host, host);
    assert.equal(refused.refusal?.code, "no-cpu-capacity");
    assert.match(refused.refusal?.reason ?? "", /^vCPU \d of VM "b"/);
  });

  it("a pool avoids free pCPUs that are nearer to another pool", () => {
    const host = hostWith(policyOn("sweetspotvm", server, 0, [1, 2]), [vm("a", 2, 1, null), vm("b", 2, 1, null)]);
    const [exclusive, shared] = host.pools;
    const packageOf = (id: number): number => server.packageOf[server.positionOf.get(id)!]!;
    assert.notEqual(packageOf(exclusive!.pcpus[0]!), packageOf(shared!.pcpus[0]!));
    assert.equal(packageOf(exclusive!.pcpus[1]!), packageOf(exclusive!.pcpus[0]!));
  });

  it("pools without VMs take part in sharing: an empty one is below the critical size", () => {
    const sharing = policyOn("sweetspotvm", laptop, 1, template);
    const host = hostWith(sharing, [vm("a", 3, 1, null), vm("b", 2, 1, null)]);
    assert.deepEqual([...host.pools[1]!.pinnedTo], host.pools[1]!.pcpus);
    const left = sharing.remove(host, "a");
    assert.ok(left.ok);
    assert.ok(left.value.pools[1]!.pinnedTo.length > left.value.pools[1]!.pcpus.length);
  });

  it("a ratio in the request is refused: the template decides", () => {
    const refused = policy.deploy(policy.initial(), vm("a", 1, 1, 2));
    assert.ok(!refused.ok && refused.refusal.code === "ratio-not-offered");
  });

  it("without a template it uses the one it ships with; memory is listed as 1.0", () => {
    const own = policyOn("sweetspotvm", laptop);
    assert.deepEqual(own.settings.template, template);
    const host = hostWith(own, [vm("a", 1, 5, null)], mib(10));
    assert.deepEqual(Object.keys(seedStatus(host, own).mem.subset), ["1.0"]);
  });
});
