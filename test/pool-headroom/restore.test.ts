/** Saved hosts that are damaged, hosts found with pins that contradict each other, and requests that are refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuSetOf, parseCpuSet } from "../../src/core/cpuset.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import type { VmSpec } from "../../src/core/pool/model.js";
import { POLICY_NAMES, type PolicyName } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { rebuildHost, restoreHost, saveHost } from "../../src/core/pool/restore.js";
import { mib, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { accepted, deployed, policyOn, pool, SMALL, vm } from "./hosts.js";

const policy = policyOn(SMALL);
const saved = saveHost(deployed(policy, [vm("a", 2, 1, 100), vm("b", 3, 2.6, 200)]));
const [first, second] = saved.pools;
const withPool = (change: object) => ({ ...saved, pools: [{ ...first!, ...change }, second] });
const withVm = (change: object) => ({
  ...saved,
  memory: { ...saved.memory, vms: [{ ...saved.memory.vms[0]!, ...change }, saved.memory.vms[1]] },
});

const DAMAGED: readonly (readonly [what: string, saved: unknown, names: RegExp])[] = [
  ["nothing", null, /the saved host is null/],
  ["a list", [], /the saved host is \[\]/],
  ["no pools", { ...saved, pools: undefined }, /^pools is missing/],
  ["a pool that is a number", { ...saved, pools: [1] }, /^pools\[0\] is 1/],
  ["a ratio below 1", withPool({ ratio: 0.5 }), /^pools\[0\]\.ratio is 0\.5/],
  ["a ratio without an exact fraction", withPool({ ratio: 1.2345678 }), /1\.2345678/],
  ["pCPUs as a text", withPool({ pcpus: "0-3" }), /^pools\[0\]\.pcpus is "0-3"/],
  ["a negative pCPU", withPool({ pcpus: [0, -8] }), /^pools\[0\]\.pcpus\[1\] is -8/],
  ["a pCPU that the host has not", withPool({ pcpus: [0, 99], pinnedTo: "0,99" }), /pCPU 99/],
  ["pins that are no CPU set", withPool({ pinnedTo: "3-1" }), /^pools\[0\]\.pinnedTo: .*"3-1"/],
  ["pins without the pool's pCPUs", withPool({ pinnedTo: "0" }), /has pCPUs 8/],
  ["pins into another pool", withPool({ pinnedTo: "0-1,4,8-9" }), /both pinned to pCPU 4/],
  ["a pool of too few pCPUs", withPool({ pcpus: [0] }), /more than its ratio allows/],
  [
    "a member without a name",
    withPool({ members: [{ vm: "", vcpus: [0, 1] }] }),
    /^pools\[0\]\.members\[0\]\.vm is ""/,
  ],
  [
    "a member with a vCPU of 1.5",
    withPool({ members: [{ vm: "a", vcpus: [0, 1.5] }] }),
    /members\[0\]\.vcpus\[1\] is 1\.5/,
  ],
  ["a member that is no VM of the host", withPool({ members: [{ vm: "x", vcpus: [0, 1] }] }), /VM/],
  ["a vCPU in no pool", withVm({ vcpus: 3 }), /VM a has 3 vCPUs, in pools are: 0, 1/],
  ["two pools of a ratio", { ...saved, pools: [first, { ...second!, ratio: 1 }] }, /two pools of ratio 1/],
  ["a VM twice", withVm(saved.memory.vms[1]!), /VM b is on the host twice/],
  ["no vCPUs", withVm({ vcpus: 0 }), /^memory\.vms\[0\]\.vcpus is 0/],
  ["memory that is no number", withVm({ memoryMiB: "100" }), /^memory\.vms\[0\]\.memoryMiB is "100"/],
  ["negative memory", withVm({ memoryMiB: -1 }), /^memory\.vms\[0\]\.memoryMiB is -1/],
  ["a ratio that is missing", withVm({ ratio: undefined }), /^memory\.vms\[0\]\.ratio is missing/],
  ["more memory than the host's", { ...saved, memory: { ...saved.memory, capacityMiB: 299 } }, /300 MiB are allocated/],
  ["no memory", { ...saved, memory: null }, /^memory is null/],
  ["a capacity of null", { ...saved, memory: { ...saved.memory, capacityMiB: null } }, /^memory\.capacityMiB is null/],
  ["opened as a text", { ...saved, memory: { ...saved.memory, opened: "yes" } }, /^memory\.opened is "yes"/],
];

for (const [what, damaged, names] of DAMAGED) {
  test(`a saved host with ${what} is refused by the name of the field`, () => {
    const restored = restoreHost(policy, damaged);
    assert.equal(restored.ok, false);
    if (!restored.ok) assert.match(restored.problem, names);
  });
}

test("any JSON value is restored to a sound host or refused, never thrown at the caller", () => {
  const change = fc.record({ pool: fc.object({ maxDepth: 2 }), value: fc.jsonValue() });
  fc.assert(
    fc.property(change, fc.constantFrom("ratio", "pcpus", "pinnedTo", "members"), ({ pool: other, value }, field) => {
      for (const damaged of [value, withPool(other), withPool({ [field]: value })]) {
        const restored = restoreHost(policy, damaged);
        if (restored.ok) assert.deepEqual(checkHost(policy, restored.value), []);
      }
    }),
  );
});

test("a host whose topology or reservation changed since is not restored", () => {
  const restored = restoreHost(policyOn(SMALL, { hostPcpus: [8] }), saved);
  assert.equal(!restored.ok && /pCPU 8, which pools may not have/.test(restored.problem), true);
});

const found = (one: VmSpec, pins: string) => ({
  vm: one,
  vcpuRatios: Array.from({ length: one.vcpus }, () => one.ratio ?? ratio(1)),
  pins: Array.from({ length: one.vcpus }, () => parseCpuSet(pins)),
});

test("a pin changed by hand is outvoted by the rest of the pool", () => {
  const host = deployed(policy, [vm("a", 2, 2), vm("b", 2, 2), vm("c", 2, 1)]);
  const pins = policy.pins(host);
  const observed = host.memory.members.map((one) => ({
    vm: one,
    vcpuRatios: Array.from({ length: one.vcpus }, () => one.ratio!),
    pins: pins.get(one.name)!.map((set, i) => (one.name === "a" && i === 0 ? cpuSetOf([15]) : set)),
  }));
  assert.deepEqual(policy.pins(rebuildHost(policy, observed).host), pins);
});

test("pools whose pins overlap are told apart; the one with more vCPUs keeps its set", () => {
  const { host, unplaced } = rebuildHost(policy, [found(vm("a", 2, 1), "0-1,8-9"), found(vm("b", 6, 3), "0-3,8-11")]);
  assert.deepEqual(unplaced, []);
  assert.deepEqual(checkHost(policy, host), []);
  assert.deepEqual([...pool(host, 3).pinnedTo], [0, 1, 2, 3, 8, 9, 10, 11]);
});

test("VMs without pins are placed like new ones, and those beyond the host's room are named with a reason", () => {
  const observed = [found(vm("a", 4, 1), "0-15"), found(vm("b", 14, 2), "0-15"), found(vm("c", 4, 3), "0-15")];
  const { host, unplaced } = rebuildHost(policy, observed);
  assert.deepEqual(checkHost(policy, host), []);
  assert.deepEqual(
    unplaced.map(({ vm: one, refusal }) => [one.name, refusal.code]),
    [["b", "no-cpu-capacity"]],
  );
  assert.deepEqual(
    host.memory.members.map((one) => one.name),
    ["a", "c"],
  );
});

test("a VM sold per vCPU keeps its ratios on a host that sells per VM now", () => {
  const observed = { vm: vm("a", 3, null), vcpuRatios: [1, 2, 2].map(ratio), pins: [] };
  const { host } = rebuildHost(policy, [observed]);
  assert.deepEqual(checkHost(policy, host), []);
  assert.deepEqual(pool(host, 2).members, [{ vm: "a", vcpuIndexes: [1, 2] }]);
  assert.deepEqual(checkHost(policy, accepted(policy.remove(host, "a"))), []);
});

test("any pins give a sound host, under every policy", () => {
  const one = fc.record({
    vcpus: fc.integer({ min: 1, max: 6 }),
    asked: fc.constantFrom(1, 2, 3),
    pins: fc.array(fc.uniqueArray(fc.nat(20), { maxLength: 16 }), { maxLength: 8 }),
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 10 }), fc.constantFrom<PolicyName>(...POLICY_NAMES), (vms, name) => {
      const template = name === "sweetspotvm" ? [1, 2].map(ratio) : null;
      const on = createPolicy(name, { topology: SMALL, criticalSize: 0, template, hostPcpus: [] });
      const observed = vms.map(({ vcpus, asked, pins }, i) => ({
        vm: vm(`vm${i}`, vcpus, template === null ? asked : null),
        vcpuRatios: Array.from({ length: vcpus }, () => ratio(asked)),
        pins: pins.map((ids) => cpuSetOf(ids)),
      }));
      const { host, unplaced } = rebuildHost(on, observed, mib(1e6));
      assert.deepEqual(checkHost(on, host), []);
      assert.equal(host.memory.members.length + unplaced.length, vms.length);
    }),
  );
});

const full = deployed(policy, [vm("a", 10, 1, 60_000), vm("b", 4, 2, 100)]);

const REFUSED: readonly (readonly [what: string, vm: VmSpec, code: string])[] = [
  ["a name that is taken", vm("a", 1, 1), "name-taken"],
  ["no ratio", vm("x", 1, null), "ratio-not-offered"],
  ["a ratio below 1", vm("x", 1, 0.9), "ratio-not-offered"],
  ["a ratio that is no number", vm("x", 1, Number.NaN), "ratio-not-offered"],
  ["a ratio without an exact fraction", vm("x", 1, 1 / 0.3), "ratio-not-offered"],
  ["more vCPUs than the host's pCPUs", vm("x", 17, 3), "vm-larger-than-host"],
  ["more vCPUs than can be had", vm("x", 3, 1), "no-cpu-capacity"],
  ["more memory than the host's", vm("x", 1, 1, 300_000), "vm-larger-than-host"],
  ["more memory than is free", vm("x", 1, 1, 250_000), "no-memory-capacity"],
];

for (const [what, asked, code] of REFUSED) {
  test(`a VM with ${what} is refused ${code}`, () => {
    const result = policy.deploy(full, asked);
    assert.equal(!result.ok && result.refusal.code, code);
  });
}

test("under a template a VM that brings a ratio is refused", () => {
  const on = policyOn(SMALL, { template: [1, 1.5].map(ratio) });
  const result = on.deploy(on.initial(), vm("a", 2, 1.5));
  assert.equal(!result.ok && result.refusal.code, "ratio-not-offered");
});

test("a resize is whole or nothing, counts what the VM has already, and keeps its place", () => {
  const bigger = accepted(policy.resize(full, vm("b", 6, 2, 200)));
  assert.equal(pool(bigger, 2).allocatedVcpus, 6);
  assert.deepEqual(
    bigger.memory.members.map((one) => one.name),
    ["a", "b"],
  );
  const moved = accepted(policy.resize(full, vm("b", 6, 1, 100)));
  assert.equal(pool(moved, 2).pcpus.length, 0);
  assert.equal(pool(moved, 1).allocatedVcpus, 16);
  for (const [asked, code] of [
    [vm("b", 7, 2), "no-cpu-capacity"],
    [vm("b", 4, 2, 250_000), "no-memory-capacity"],
    [vm("c", 1, 1), "unknown-vm"],
  ] as const) {
    const result = policy.resize(full, asked);
    assert.equal(!result.ok && result.refusal.code, code);
  }
  assert.equal(policy.remove(full, "c").ok, false);
});
