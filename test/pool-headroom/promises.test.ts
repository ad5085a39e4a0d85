/** The promises of DESIGN that one host keeps, over random sequences of requests on hosts of many shapes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exactRatio, poolSize } from "../../src/core/pool/exact-ratio.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import type { HostState, VmSpec } from "../../src/core/pool/model.js";
import type { PolicySettings, PoolPolicy } from "../../src/core/pool/policy.js";
import { rebuildHost, restoreHost, saveHost } from "../../src/core/pool/restore.js";
import type { TopologyIndex } from "../../src/core/topology/model.js";
import { mib, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { HOSTS, policyOn, repinned, sharedParts, vm } from "./hosts.js";

type Request =
  | {
      readonly op: "deploy" | "resize";
      readonly which: number;
      readonly vcpus: number;
      readonly ratio: number;
      readonly memoryMiB: number;
    }
  | { readonly op: "remove"; readonly which: number }
  | { readonly op: "repack" };

const MEMORY_MIB = mib(4096);
const TEMPLATE = [1, 1.5, 2.6].map(ratio);

/** VMs up to a third larger than a third of the host: most fit, some do not. */
function requestsFor(topology: TopologyIndex): fc.Arbitrary<Request[]> {
  const largest = Math.max(2, Math.min(24, Math.ceil(topology.ids.length / 2)));
  const size = {
    which: fc.nat(30),
    vcpus: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 1, max: largest })),
    ratio: fc.constantFrom(1, 1.5, 2, 2.6, 3),
    memoryMiB: fc.constantFrom(0, 64, 100.5, 512),
  };
  const deploy = fc.record({ op: fc.constant("deploy" as const), ...size });
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: deploy },
      { weight: 4, arbitrary: fc.record({ op: fc.constant("remove" as const), which: fc.nat(30) }) },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("resize" as const), ...size }) },
      { weight: 1, arbitrary: fc.constant({ op: "repack" as const }) },
    ),
    { maxLength: 60 },
  );
}

/** The host after the request; the same object when it is refused. */
function apply(policy: PoolPolicy, host: HostState, request: Request): HostState {
  if (request.op === "repack") return policy.repack!(host).host;
  const name = `vm${request.which}`;
  if (request.op === "remove") {
    const removed = policy.remove(host, name);
    return removed.ok ? removed.value : host;
  }
  const asked = policy.settings.template === null ? request.ratio : null;
  const result = policy[request.op](host, vm(name, request.vcpus, asked, request.memoryMiB));
  return result.ok ? result.value : host;
}

type Step = (policy: PoolPolicy, before: HostState, after: HostState, request: Request) => void;

const VARIANTS: readonly (readonly [name: string, settings: Partial<PolicySettings>])[] = [
  ["ratio per VM", {}],
  ["template", { template: TEMPLATE }],
  ["critical size 3", { criticalSize: 3 }],
  ["template, critical size 2", { template: TEMPLATE, criticalSize: 2 }],
];

/** Runs `step` after every request of random sequences, on every host and variant. */
function holds(promise: string, variants: typeof VARIANTS, step: Step): void {
  for (const [hostName, topology] of HOSTS)
    for (const [variant, settings] of variants)
      test(`${promise} (${hostName}, ${variant})`, () => {
        const hostPcpus = topology.ids.length > 4 ? topology.ids.slice(0, 1) : [];
        const policy = policyOn(topology, { hostPcpus, ...settings });
        fc.assert(
          fc.property(requestsFor(topology), (requests) => {
            let host = policy.initial(MEMORY_MIB);
            for (const request of requests) {
              const next = apply(policy, host, request);
              step(policy, host, next, request);
              host = next;
            }
          }),
          { numRuns: topology.ids.length > 64 ? 25 : 60 },
        );
      });
}

const memberOf = (host: HostState, name: string): VmSpec | undefined =>
  host.memory.members.find((one) => one.name === name);

/** The same state, whatever objects it is made of. */
const plain = (host: HostState): unknown => JSON.parse(JSON.stringify(host));

holds(
  "pools are disjoint, carry no more than their ratio, and no VM is oversubscribed with itself",
  VARIANTS,
  (policy, _, after) => {
    assert.deepEqual(checkHost(policy, after), []);
  },
);

holds("a pool has exactly the pCPUs that it needs", VARIANTS, (_policy, _, after) => {
  for (const pool of after.pools) {
    const largest = Math.max(0, ...pool.members.map((member) => member.vcpuIndexes.length));
    assert.equal(pool.pcpus.length, poolSize(pool.allocatedVcpus, largest, exactRatio(pool.ratio)));
  }
});

holds("free vCPUs and growth are what admission then does", VARIANTS, (policy, before, after, request) => {
  if (request.op !== "deploy") return;
  const name = `vm${request.which}`;
  const known = memberOf(before, name) !== undefined;
  const asked = vm(name, request.vcpus, policy.settings.template === null ? request.ratio : null, request.memoryMiB);
  const growth = policy.growth(before, asked);
  const fits =
    growth.pcpus <= policy.freePcpus(before).length &&
    before.memory.allocatedMiB + asked.memoryMiB <= before.memory.capacityMiB;
  assert.equal(after !== before, !known && fits);
  if (after === before) return;
  assert.equal(policy.freePcpus(before).length - policy.freePcpus(after).length, growth.pcpus);
  const r = after.pools[0]!.ratio;
  const room = policy.freeVcpus(after, r);
  if (policy.settings.template !== null || room > 40) return;
  let host: HostState = { ...after, memory: { ...after.memory, capacityMiB: mib(1e9) } };
  for (let i = 0; i < room; i++) {
    const one = policy.deploy(host, vm(`extra${i}`, 1, r));
    assert.ok(one.ok, `vCPU ${i} of ${room} is refused`);
    host = one.value;
  }
  assert.equal(policy.deploy(host, vm("too much", 1, r)).ok, false);
});

holds("pools that keep room pin none of their VMs anew", VARIANTS.slice(0, 2), (policy, before, after, request) => {
  if (request.op !== "deploy") return;
  const roomy = after.pools.every((pool, i) => pool.pcpus.length <= (before.pools[i]?.pinnedTo.length ?? 0));
  if (roomy) assert.equal(repinned(policy, before, after), 0);
});

holds(
  "a saved host is restored as it was, and rebuilt from its pins with the same pins",
  VARIANTS,
  (policy, _, after) => {
    const saved: unknown = JSON.parse(JSON.stringify(saveHost(after)));
    const restored = restoreHost(policy, saved);
    assert.ok(restored.ok, restored.ok ? "" : restored.problem);
    assert.deepEqual(plain(restored.value), plain(after));
    const pins = policy.pins(after);
    const ratiosOf = (name: string) => {
      const ratios: (typeof TEMPLATE)[number][] = [];
      for (const pool of after.pools)
        for (const member of pool.members)
          if (member.vm === name) for (const index of member.vcpuIndexes) ratios[index] = pool.ratio;
      return ratios;
    };
    const observed = after.memory.members.map((one) => ({
      vm: one,
      vcpuRatios: ratiosOf(one.name),
      pins: pins.get(one.name)!,
    }));
    const rebuilt = rebuildHost(policy, observed, MEMORY_MIB);
    assert.deepEqual(rebuilt.unplaced, []);
    assert.deepEqual(checkHost(policy, rebuilt.host), []);
    assert.deepEqual(policy.pins(rebuilt.host), pins);
  },
);

holds(
  "packing keeps every VM in its pool, shares less or nothing changes, and is done at once",
  VARIANTS,
  (policy, _, after) => {
    const { host, moved } = policy.repack!(after);
    if (host === after) return assert.equal(moved, 0);
    const topology = policy.settings.topology;
    const [before, now] = [sharedParts(topology, after), sharedParts(topology, host)];
    assert.ok(now.cores < before.cores || (now.cores === before.cores && now.groups < before.groups));
    assert.equal(moved, repinned(policy, after, host));
    assert.deepEqual(host.memory, after.memory);
    assert.deepEqual(
      host.pools.map((pool) => [pool.ratio, pool.members, pool.pcpus.length]),
      after.pools.map((pool) => [pool.ratio, pool.members, pool.pcpus.length]),
    );
    assert.equal(policy.repack!(host).moved, 0);
  },
);

test("the same requests lead to the same host, object for object", () => {
  for (const [, topology] of HOSTS)
    fc.assert(
      fc.property(requestsFor(topology), (requests) => {
        const run = (): HostState => {
          const policy = policyOn(topology);
          return requests.reduce((host, request) => apply(policy, host, request), policy.initial(MEMORY_MIB));
        };
        assert.deepEqual(run(), run());
      }),
      { numRuns: 10 },
    );
});
