/** The whole replay against a plain walk over every timestamp with the naive model: nothing is missed between events. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { ratio } from "../../src/core/units.js";
import { NaiveHost } from "../pool/naive-model.js";
import fc from "../support/property.js";
import { replayed, STEP, type TracedVm, traceText } from "./traces.js";

const TICKS = 12;
const KIB_PER_GIB = 1024 * 1024;
const laptop = indexTopology(presetTopology("i7-1185g7")!);

const tracedVm = fc.record({
  vcpus: fc.integer({ min: 1, max: 5 }),
  gibibytes: fc.integer({ min: 0, max: 12 }),
  ratio: fc.constantFrom(1, 2, 2.6),
  first: fc.nat(TICKS),
  length: fc.nat(TICKS),
  gaps: fc.array(fc.nat(TICKS), { maxLength: 3 }),
});

const traced = fc.array(tracedVm, { minLength: 1, maxLength: 8 }).map((vms) =>
  vms.map((vm, i): TracedVm => {
    const last = Math.min(TICKS, vm.first + vm.length);
    // A first or last record is one: gaps lie between.
    const gaps = vm.gaps.filter((tick) => tick > vm.first && tick < last).map((tick) => tick * STEP);
    return {
      name: `vm${i}`,
      vcpus: vm.vcpus,
      memory: vm.gibibytes * KIB_PER_GIB,
      ratio: vm.ratio,
      first: vm.first * STEP,
      last: last * STEP,
      gaps,
    };
  }),
);

/** In order of their first record: by pool, pools in order of their first VM. */
function inOrderOfAppearance(text: string, vms: readonly TracedVm[]): readonly TracedVm[] {
  const names = text.split("\n").map((line) => line.split("\t")[7]);
  return [...vms].sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
}

/** Pools and memory after each timestamp. */
function walked(vms: readonly TracedVm[], criticalSize: number, template: readonly number[] | null) {
  const host = new NaiveHost(laptop, laptop.topology.memory.allowedMiB, criticalSize, template);
  const specs = vms.map((vm) => ({ ...vm, memory: Math.floor(vm.memory / 1024) }));
  const states = [];
  for (let t = 0; t <= TICKS * STEP; t += STEP) {
    for (const vm of specs) if (vm.first === t) host.deploy(vm);
    for (const vm of specs) if (vm.last === Math.max(0, t - STEP)) host.remove(vm);
    const present = new Set(
      specs.filter((vm) => vm.first <= t && t <= vm.last && !vm.gaps?.includes(t)).map((vm) => vm.name),
    );
    host.drop((name) => present.has(name));
    const { pools, memory } = host.state();
    states.push({
      t,
      pools: pools.map((pool) => ({
        ratio: pool.ratio,
        pcpus: [...pool.pcpus],
        allocated: pool.vms.reduce((sum, member) => sum + member.vcpuIndexes.length, 0),
        vms: pool.vms.map((member) => member.vm),
      })),
      allocatedMiB: memory.reduce((sum, [, size]) => sum + size, 0),
    });
  }
  return states;
}

describe("a replay equals a walk over every timestamp", () => {
  for (const [policy, template] of [
    ["slackvm", null],
    ["sweetspotvm", [1, 2, 2.6]],
  ] as const)
    it(`${policy}: any VMs, any gaps`, async () => {
      await fc.assert(
        fc.asyncProperty(traced, fc.nat(3), async (vms, criticalSize) => {
          const text = traceText(vms, TICKS * STEP, template);
          const options = {
            policy,
            criticalSize,
            template: template?.map((value) => ratio(value)) ?? null,
            strict: true,
          };
          const { lines } = await replayed(text, options);
          for (const { t, pools, allocatedMiB } of walked(inOrderOfAppearance(text, vms), criticalSize, template)) {
            const line = lines.findLast((one) => one.t <= t)!;
            assert.deepEqual(
              { t, pools: line.pools, allocatedMiB: line.memory.allocatedMiB },
              { t, pools, allocatedMiB },
            );
          }
        }),
        { numRuns: 60 },
      );
    });
});
