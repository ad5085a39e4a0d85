/** Promises of the faithful policies, over random sequences of requests; the naive model must agree at every step. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { HostState, VmSpec } from "../../src/core/pool/model.js";
import type { PolicyName } from "../../src/core/pool/policy.js";
import type { ReplayablePolicy, Sighting } from "../../src/core/pool/replayable.js";
import type { TopologyIndex } from "../../src/core/topology/model.js";
import { mib } from "../../src/core/units.js";
import fc from "../support/property.js";
import { laptop, policyOn, server, vm } from "./faithful.js";
import { NaiveHost } from "./naive-model.js";

const RATIOS = [1, 1.5, 2, 2.6, 3];
const TEMPLATE = [1, 1.5, 2.6];
const MEMORY_MIB = 20_000;

type Request =
  | {
      readonly op: "deploy";
      readonly id: number;
      readonly vcpus: number;
      readonly memory: number;
      readonly ratio: number;
    }
  | { readonly op: "remove"; readonly id: number }
  | { readonly op: "drop"; readonly unseen: readonly number[]; readonly pools: number };

const names = fc.integer({ min: 0, max: 13 });
const request: fc.Arbitrary<Request> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("deploy" as const),
      id: names,
      vcpus: fc.oneof(
        { weight: 5, arbitrary: fc.integer({ min: 1, max: 6 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 }) },
      ),
      memory: fc.integer({ min: 0, max: 6000 }),
      ratio: fc.constantFrom(...RATIOS),
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("remove" as const), id: names }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("drop" as const),
      unseen: fc.array(names, { maxLength: 4 }),
      pools: fc.integer({ min: 0, max: 15 }),
    }),
  },
);
const requests = fc.array(request, { maxLength: 60 });
const hosts = fc.constantFrom<[string, TopologyIndex]>(["laptop", laptop], ["server", server]);
const criticalSizes = fc.integer({ min: 0, max: 4 });

const nameOf = (id: number): string => `vm${id}`;

/** Which records are missing: `unseen` VMs, in memory always, in CPU pools as the bits of `pools` say. */
const isSeen = (drop: Extract<Request, { op: "drop" }>, name: string, pool: number | "memory"): boolean =>
  !drop.unseen.some((id) => nameOf(id) === name) ||
  (pool !== "memory" && (drop.pools >> (RATIOS.indexOf(pool) % 4)) % 2 === 1);

const sightingOf = (drop: Extract<Request, { op: "drop" }>): Sighting => ({
  poolSeen: () => true,
  seenInPool: (name, ratio) => isSeen(drop, name, ratio),
  seenInCpu: () => true,
  memorySeen: () => true,
  seenInMemory: (name) => isSeen(drop, name, "memory"),
});

const stateOf = (host: HostState) => ({
  pools: host.pools.map(({ ratio, pcpus, members, pinnedTo }) => ({ ratio, pcpus, vms: members, pinnedTo })),
  memory: host.memory.members.map(({ name, memoryMiB }) => [name, memoryMiB]),
});

function specOf(deploy: Extract<Request, { op: "deploy" }>, perVcpu: boolean): VmSpec {
  return vm(nameOf(deploy.id), deploy.vcpus, deploy.memory, perVcpu ? null : deploy.ratio);
}

describe("faithful policies against the naive model", () => {
  for (const [name, template] of [
    ["slackvm", null],
    ["sweetspotvm", TEMPLATE],
  ] as const)
    it(`${name} decides as the rules say: pCPU order, members, pins, memory, after any sequence`, () => {
      fc.assert(
        fc.property(hosts, criticalSizes, requests, ([, topology], criticalSize, sequence) => {
          const policy = policyOn(name, topology, criticalSize, template);
          const naive = new NaiveHost(topology, MEMORY_MIB, criticalSize, template);
          const specs = new Map<string, VmSpec>();
          let host = policy.initial(mib(MEMORY_MIB));
          for (const one of sequence) {
            if (one.op === "drop") {
              host = policy.dropUnseen(host, sightingOf(one)).host;
              naive.drop((vmName, pool) => isSeen(one, vmName, pool));
            } else if (one.op === "deploy") {
              const spec = specOf(one, template !== null);
              // A record holds a VM once: while any trace of it is left, its name does not come again.
              if (holds(host, spec.name)) continue;
              specs.set(spec.name, spec);
              const outcome = policy.deployRecorded(host, spec);
              assert.equal(naive.deploy(plain(spec)), outcome.refusal === null, "accepted or refused alike");
              host = outcome.host;
            } else {
              const spec = specs.get(nameOf(one.id));
              if (spec === undefined) continue;
              const outcome = policy.removeRecorded(host, spec);
              assert.equal(naive.remove(plain(spec)), outcome.refusal === null, "removed alike");
              host = outcome.host;
            }
            assert.deepEqual(stateOf(host), naive.state());
          }
        }),
        { numRuns: 150 },
      );
    });
});

const holds = (host: HostState, name: string): boolean =>
  host.memory.members.some((one) => one.name === name) ||
  host.pools.some((pool) => pool.members.some((member) => member.vm === name));

const plain = (spec: VmSpec) => ({
  name: spec.name,
  vcpus: spec.vcpus,
  memory: spec.memoryMiB,
  ratio: spec.ratio ?? 0,
});

function checkPromises(policy: ReplayablePolicy, host: HostState): void {
  const usable = new Set(policy.settings.topology.ids);
  const seen = new Set<number>();
  for (const pool of host.pools) {
    for (const id of pool.pcpus) {
      assert.ok(usable.has(id), `pCPU ${id} is usable`);
      assert.ok(!seen.has(id), `pCPU ${id} is in one pool`);
      seen.add(id);
    }
    let allocated = 0;
    for (const member of pool.members) {
      assert.ok(member.vcpuIndexes.length <= pool.pcpus.length, `${member.vm} is not oversubscribed with itself`);
      allocated += member.vcpuIndexes.length;
    }
    assert.equal(pool.allocatedVcpus, allocated);
    assert.ok(allocated <= pool.ratio * pool.pcpus.length, "allocated vCPUs <= ratio * pCPUs");
    for (const id of pool.pinnedTo) assert.ok(usable.has(id), "pinned to usable pCPUs");
    for (const id of pool.pcpus) assert.ok(pool.pinnedTo.includes(id), "pinned to its own pCPUs at least");
  }
  const memory = host.memory.members.reduce((sum, one) => sum + one.memoryMiB, 0);
  assert.equal(host.memory.allocatedMiB, memory);
  assert.ok(memory <= host.memory.capacityMiB, "allocated memory <= capacity");
  const vmNames = host.memory.members.map((one) => one.name);
  assert.equal(new Set(vmNames).size, vmNames.length, "a VM exists once");
  assert.deepEqual(
    policy.freePcpus(host),
    [...usable].filter((id) => !seen.has(id)),
  );
}

/** Applies a request through the policy's own interface; drops are not part of it. */
function apply(policy: ReplayablePolicy, host: HostState, one: Request, perVcpu: boolean): HostState {
  if (one.op === "drop") return host;
  const frozen = JSON.stringify(host);
  const exists = host.memory.members.some((member) => member.name === nameOf(one.id));
  const spec = one.op === "deploy" ? specOf(one, perVcpu) : null;
  const result =
    spec === null
      ? policy.remove(host, nameOf(one.id))
      : exists
        ? policy.resize(host, spec)
        : policy.deploy(host, spec);
  assert.equal(JSON.stringify(host), frozen, "the state before is not touched, accepted or refused");
  if (spec !== null && result.ok) {
    const again = policy.deploy(result.value, spec);
    assert.ok(!again.ok && again.refusal.code === "name-taken", "a repeated request is refused");
    checkPins(policy, result.value, spec);
  }
  return result.ok ? result.value : host;
}

function checkPins(policy: ReplayablePolicy, host: HostState, spec: VmSpec): void {
  const pins = policy.pins(host);
  assert.equal(pins.size, host.memory.members.length, "every VM has pins");
  const sets = pins.get(spec.name)!;
  assert.equal(sets.length, spec.vcpus, "one CPU set for each vCPU");
  for (const set of sets) assert.ok(set.length > 0, "no vCPU is pinned to nothing");
}

describe("promises of the faithful policies", () => {
  const policies: [PolicyName, readonly number[] | null][] = [
    ["slackvm", null],
    ["vmstack", null],
    ["sweetspotvm", TEMPLATE],
  ];
  for (const [name, template] of policies) {
    it(`${name}: pools stay disjoint, nobody is oversubscribed with himself, ratios and memory hold, refusals change nothing`, () => {
      fc.assert(
        fc.property(hosts, criticalSizes, requests, ([, topology], criticalSize, sequence) => {
          const policy = policyOn(name, topology, criticalSize, template);
          let host = policy.initial(mib(MEMORY_MIB));
          for (const one of sequence) {
            host = apply(policy, host, one, template !== null);
            checkPromises(policy, host);
          }
        }),
        { numRuns: 100 },
      );
    });

    it(`${name}: the same requests give the same states, also from a state that was written down and read again`, () => {
      fc.assert(
        fc.property(hosts, criticalSizes, requests, ([, topology], criticalSize, sequence) => {
          const first = policyOn(name, topology, criticalSize, template);
          const second = policyOn(name, topology, criticalSize, template);
          let host = first.initial(mib(MEMORY_MIB));
          let copy = second.initial(mib(MEMORY_MIB));
          for (const one of sequence) {
            host = apply(first, host, one, template !== null);
            copy = apply(second, JSON.parse(JSON.stringify(copy)) as HostState, one, template !== null);
          }
          assert.deepEqual(copy, JSON.parse(JSON.stringify(host)));
        }),
        { numRuns: 50 },
      );
    });

    it(`${name}: growth is what a deploy adds, and as many VMs of one vCPU fit as freeVcpus says`, () => {
      fc.assert(
        fc.property(
          hosts,
          criticalSizes,
          requests,
          fc.constantFrom(...RATIOS),
          ([, topology], criticalSize, sequence, ratio) => {
            const policy = policyOn(name, topology, criticalSize, template);
            let host = policy.initial(mib(MEMORY_MIB));
            for (const one of sequence) host = apply(policy, host, one, template !== null);
            const spec = vm("next", 1, 0, template === null ? ratio : null);
            const asked = template === null ? spec.ratio! : policy.settings.template![0]!;
            let left = policy.freeVcpus(host, asked);
            for (let n = 0; ; n++) {
              const before = policy.freePcpus(host).length;
              const { pcpus } = policy.growth(host, spec);
              const result = policy.deploy(host, { ...spec, name: `next${n}` });
              // VMStack may have free pCPUs that are too far away for this pool.
              if (name === "vmstack" && !result.ok) break;
              assert.equal(result.ok, left > 0, `${left} more should fit`);
              if (!result.ok) break;
              assert.equal(before - policy.freePcpus(result.value).length, pcpus);
              host = result.value;
              left -= 1;
            }
          },
        ),
        { numRuns: 30 },
      );
    });
  }
});
