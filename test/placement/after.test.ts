/** The scheduler counts on a host what the host's own policy will do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterDeparture, afterPlacement } from "../../src/core/placement/after.js";
import { growthPcpus } from "../../src/core/placement/arithmetic.js";
import type { HostSummary, VmShape } from "../../src/core/placement/model.js";
import { rulesOf } from "../../src/core/placement/rules.js";
import { shapeScore, VETOED } from "../../src/core/placement/score.js";
import { hostCounts } from "../../src/core/placement/summary.js";
import { progressWeigher } from "../../src/core/placement/weighers/progress/weigher.js";
import type { HostState, VmSpec } from "../../src/core/pool/model.js";
import type { PolicyName, PoolPolicy } from "../../src/core/pool/policy.js";
import { progress } from "../../src/core/pool/progress.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { EMPTY_HOST } from "./random.js";

/** One L3 group, so that `vmstack` finds every pCPU near enough; 24 pCPUs, 64 GiB. */
const topology = indexTopology(
  buildTopology({
    packages: 1,
    cellsPerPackage: 1,
    coresPerCell: 12,
    threadsPerCore: 2,
    coresPerL3: 12,
    memoryMiB: mib(64 * 1024),
  }),
);

interface Form {
  readonly name: PolicyName;
  readonly perVcpu: boolean;
  readonly criticalSize: number;
}

const FORMS: readonly Form[] = [
  { name: "headroom", perVcpu: false, criticalSize: 0 },
  { name: "headroom", perVcpu: false, criticalSize: 3 },
  { name: "headroom", perVcpu: true, criticalSize: 0 },
  { name: "slackvm", perVcpu: false, criticalSize: 2 },
  { name: "vmstack", perVcpu: false, criticalSize: 3 },
  { name: "sweetspotvm", perVcpu: true, criticalSize: 0 },
];

const step = fc.record({
  deploys: fc.integer({ min: 0, max: 2 }).map((draw) => draw > 0),
  which: fc.nat(30),
  vcpus: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 5, max: 26 })),
  memoryGiB: fc.integer({ min: 0, max: 9 }),
  asked: fc.constantFrom(1, 1.5, 2, 2.6, 3),
});

const summaryOf = (policy: PoolPolicy, host: HostState): HostSummary => ({
  ...EMPTY_HOST,
  ...hostCounts(policy, host),
});

const shapeOf = ({ vcpus, memoryMiB, ratio: asked }: VmSpec): VmShape => ({ vcpus, memoryMiB, ratio: asked });

const ANY = rulesOf({});

for (const { name, perVcpu, criticalSize } of FORMS) {
  const policy = createPolicy(name, {
    topology,
    criticalSize,
    template: perVcpu ? [1, 1.5, 2.6, 1].map(ratio) : null,
    hostPcpus: name === "headroom" ? [0, 12] : [],
  });
  const form = `${name}${perVcpu ? " with a template" : ""}${criticalSize > 0 ? `, critical size ${criticalSize}` : ""}`;

  test(`filters, growth, progress and the counts after each VM are those of the agent's policy: ${form}`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: "max" }), (steps) => {
        let host = policy.initial();
        const vms = new Map<string, VmSpec>();
        for (const { deploys, which, vcpus, memoryGiB, asked } of steps) {
          const vmName = `vm${which}`;
          const summary = summaryOf(policy, host);
          const present = vms.get(vmName);
          if (!deploys) {
            const left = present === undefined ? null : policy.remove(host, vmName);
            if (left === null || !left.ok || present === undefined) continue;
            host = left.value;
            vms.delete(vmName);
            const exact = afterDeparture(summary, shapeOf(present), null, [...vms.values()].map(shapeOf));
            assert.deepEqual(exact, summaryOf(policy, host));
            const careful = afterDeparture(summary, shapeOf(present));
            assert.ok(careful.freePcpus <= exact.freePcpus, "an unknown largest VM never frees more than there is");
            continue;
          }
          if (present !== undefined) continue;
          const vm = { name: vmName, vcpus, memoryMiB: mib(memoryGiB * 1024), ratio: perVcpu ? null : ratio(asked) };
          const decided = policy.deploy(host, vm);
          const score = shapeScore(ANY, summary, [], shapeOf(vm));
          assert.equal(score !== VETOED, decided.ok, decided.ok ? "accepted" : decided.refusal.reason);
          if (!decided.ok) continue;
          const growth = growthPcpus(summary, shapeOf(vm));
          assert.equal(growth, policy.growth(host, vm).pcpus);
          const prospect = { host: summary, shape: shapeOf(vm), growthPcpus: growth };
          assert.equal(progressWeigher.score(prospect, 0), progress(host, policy, vm));
          host = decided.value;
          vms.set(vmName, vm);
          assert.deepEqual(afterPlacement(summary, shapeOf(vm)), summaryOf(policy, host));
        }
      }),
      { numRuns: 60 },
    );
  });
}

test("a VM's anti-affinity group comes and goes with it, one entry for each VM", () => {
  const small = { vcpus: 1, memoryMiB: mib(1024), ratio: ratio(2) };
  const two = afterPlacement(afterPlacement(EMPTY_HOST, small, "db"), small, "db");
  assert.deepEqual(two.antiAffinityGroups, ["db", "db"]);
  const one = afterDeparture(two, small, "db");
  assert.deepEqual(one.antiAffinityGroups, ["db"]);
  assert.deepEqual(afterDeparture(one, small, "db").antiAffinityGroups, []);
});

test("a departure of a VM that the host cannot have is a bug", () => {
  const vm = { vcpus: 1, memoryMiB: mib(1024), ratio: ratio(2) };
  assert.throws(() => afterDeparture(EMPTY_HOST, vm), /no VM at 2/);
});
