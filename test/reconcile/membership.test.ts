/** Membership is a pure function: the same picture, the same state; and its own result leaves nothing to do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHost } from "../../src/core/pool/invariants.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { domainsToLookUp, planMembership } from "../../src/core/reconcile/membership.js";
import type { ObservedDetail, ObservedDomain, VmRecords } from "../../src/core/reconcile/model.js";
import { isPlaced } from "../../src/core/reconcile/model.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { mib } from "../../src/core/units.js";
import { SMALL } from "../agent/support.js";
import fc from "../support/property.js";

const policy = createPolicy("headroom", {
  topology: indexTopology(SMALL),
  criticalSize: 0,
  template: null,
  hostPcpus: [],
});

const mark = fc.option(
  fc.constantFrom(1, 2, 3, 2.6, 0.5, Number.NaN).map((ratio) => ({
    vcpuRatios: [ratio],
    perVcpu: false,
    requestId: "r",
    image: null,
    overlay: null,
  })),
);

const domain = fc.record({
  name: fc.constantFrom("a", "b", "c", "d", "e"),
  life: fc.constantFrom("1", "2"),
  active: fc.boolean(),
  paused: fc.boolean(),
  vcpus: fc.integer({ min: 1, max: 20 }),
  memoryMiB: fc.constantFrom(512, 30_000, 70_000).map(mib),
  mark,
});
const picture = fc.uniqueArray(domain, { selector: (one) => one.name, maxLength: 5 });
type Picture = ReturnType<(typeof picture)["generate"]>["value"];

function observe(list: Picture): { domains: ObservedDomain[]; details: Map<string, ObservedDetail> } {
  const domains = list.map((one) => ({ ...one, uuid: `${one.name}${one.life}` }));
  const details = domains.map(({ name, uuid, vcpus, memoryMiB, mark: own }) => [
    name,
    { uuid, vcpus, memoryMiB, mark: own },
  ]);
  return { domains, details: new Map(details as [string, ObservedDetail][]) };
}

function look(host: ReturnType<typeof policy.initial>, vms: VmRecords, list: Picture) {
  const { domains, details } = observe(list);
  const needed = new Set(domainsToLookUp(vms, domains, new Set()));
  const known = new Map([...details].filter(([name]) => needed.has(name)));
  return planMembership({ policy, host, vms, domains, details: known, held: new Set() });
}

test("after any pictures the pools keep their promises, hold exactly the placed VMs, and a second look changes nothing", () => {
  fc.assert(
    fc.property(fc.array(picture, { minLength: 1, maxLength: 6 }), (pictures) => {
      let host = policy.initial();
      let vms: VmRecords = new Map();
      for (const list of pictures) {
        ({ host, vms } = look(host, vms, list));
        assert.deepEqual(checkHost(policy, host), []);
        const placed = [...vms.values()].filter(isPlaced).map((vm) => vm.name);
        assert.deepEqual(placed.sort(), host.memory.members.map((vm) => vm.name).sort());
        const active = list.filter((one) => one.active).map((one) => one.name);
        assert.deepEqual(
          [...vms.values()]
            .filter((vm) => vm.state !== "stopped")
            .map((vm) => vm.name)
            .sort(),
          active.sort(),
        );
        const again = look(host, vms, list);
        assert.deepEqual([again.changed, again.events], [false, []]);
        assert.equal(again.host, host);
      }
    }),
    { numRuns: 400 },
  );
});

test("the order in which the hypervisor lists its domains decides nothing", () => {
  fc.assert(
    fc.property(picture, (list) => {
      const one = look(policy.initial(), new Map(), list);
      const other = look(policy.initial(), new Map(), [...list].reverse());
      assert.deepEqual(one.host, other.host);
      assert.deepEqual(new Map([...one.vms].sort()), new Map([...other.vms].sort()));
    }),
  );
});

test("a VM with an unfinished request is left alone", () => {
  const list: Picture = [
    { name: "a", life: "1", active: true, paused: false, vcpus: 2, memoryMiB: mib(512), mark: null },
  ];
  const { host, vms } = look(policy.initial(), new Map(), list);
  const held = planMembership({ policy, host, vms, domains: [], details: new Map(), held: new Set(["a"]) });
  assert.equal(held.changed, false);
});
