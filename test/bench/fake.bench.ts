/**
 * What the fake hypervisor costs: one statistics call after a tick of 15 s, at the sizes that tests and the demonstration
 * use. The baseline is building the same answer with guests that want nothing: the price of the answer itself, so that the
 * ratio is the price of the model.
 */
import { performance } from "node:perf_hooks";
import { type CpuSet, cpuSetOf } from "../../src/core/cpuset.js";
import type { Topology } from "../../src/core/topology/model.js";
import { buildTopology, presetTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import { fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { UsageProfile } from "../../src/drivers/fake/usage-profile.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { printTable } from "./table.js";

const TICK_MS = 15_000;
const TICKS = 120;
const WARM_UP = 20;
const VCPUS = 4;

interface Case {
  readonly name: string;
  readonly topology: Topology;
  readonly vms: number;
  readonly pin: (vm: number, vcpu: number) => readonly number[];
}

const range = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);
const epyc = presetTopology("epyc-7662-2s")!;
const large = buildTopology({
  packages: 2,
  cellsPerPackage: 4,
  coresPerCell: 64,
  threadsPerCore: 2,
  coresPerL3: 8,
  memoryMiB: mib(4_194_304),
});

const CASES: readonly Case[] = [
  { name: "200 VMs, 256 pCPUs, 8 pools", topology: epyc, vms: 200, pin: (vm) => range((vm % 8) * 32, 32) },
  {
    name: "200 VMs, 256 pCPUs, 8 pools, unpinned beside them",
    topology: epyc,
    vms: 200,
    pin: (vm) => (vm % 20 === 0 ? range(0, 256) : range((vm % 8) * 32, 32)),
  },
  {
    name: "200 VMs, 256 pCPUs, 800 sets that all overlap",
    topology: epyc,
    vms: 200,
    pin: (vm, vcpu) => range((vm * 7 + vcpu * 31) % 248, 8),
  },
  { name: "1,000 VMs, 1,024 pCPUs, 16 pools", topology: large, vms: 1000, pin: (vm) => range((vm % 16) * 64, 64) },
];

const idle: UsageProfile = { cpu: { kind: "constant", fraction: 0 }, memory: { kind: "constant", fraction: 0.5 } };

/** Milliseconds per statistics call, ascending. */
async function measure(of: Case, demandOf?: () => UsageProfile): Promise<number[]> {
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const hypervisor = fakeHypervisor({ topology: of.topology, clock, seed: 7, ...(demandOf ? { demandOf } : {}) });
  await hypervisor.connect();
  const sets = new Map<string, CpuSet>();
  for (let vm = 0; vm < of.vms; vm++) {
    const pins = range(0, VCPUS).map((vcpu) => {
      const ids = of.pin(vm, vcpu);
      const key = `${ids[0]}+${ids.length}`;
      const set = sets.get(key) ?? cpuSetOf(ids);
      sets.set(key, set);
      return set;
    });
    hypervisor.world.createForeign({ name: `vm-${vm}`, vcpus: VCPUS, memoryMiB: 2048, pins });
  }
  const times: number[] = [];
  for (let tick = 0; tick < WARM_UP + TICKS; tick++) {
    await clock.advance(TICK_MS);
    const startedMs = performance.now();
    await hypervisor.stats();
    if (tick >= WARM_UP) times.push(performance.now() - startedMs);
  }
  return times.sort((a, b) => a - b);
}

const quantile = (ascending: readonly number[], q: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))]!;

const rows: string[][] = [];
for (const each of CASES) {
  const answer = quantile(await measure(each, () => idle), 0.5);
  const times = await measure(each);
  const median = quantile(times, 0.5);
  rows.push([
    each.name,
    median.toFixed(2),
    quantile(times, 0.95).toFixed(2),
    answer.toFixed(2),
    `${(median / answer).toFixed(1)}x`,
  ]);
}
console.log(`fake hypervisor, stats() after ${TICK_MS / 1000} s of mixed load, ${VCPUS} vCPUs a VM; milliseconds`);
printTable(["host", "median", "95 %", "answer alone", "ratio"], rows);
