/**
 * What a tick of the agent costs: 200 VMs on 256 pCPUs in a steady state, CPU time of the whole process (the fake
 * hypervisor's share is measured apart and shown). The baseline is a naive tick on the same host, which pins every vCPU
 * again; the promise is under 20 ms and no pin calls.
 */
import { createAgent } from "../../src/agent/agent.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import { type FakeHypervisor, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { memoryImages, memoryText, silentLog } from "../agent/support.js";
import { printTable } from "./table.js";

const VMS = 200;
const TICKS = 60;
const WARM_UP = 20;
const TICK_MS = 5_000;
const LIMIT_MS = 20;

const topology = presetTopology("epyc-7662-2s")!;
const clock = virtualClock(Date.UTC(2026, 0, 1));
const hypervisor = fakeHypervisor({ topology, clock });
const policy = createPolicy("headroom", {
  topology: indexTopology(topology),
  criticalSize: 0,
  template: null,
  hostPcpus: [],
});
const agent = createAgent({
  policy,
  hypervisor,
  clock,
  log: silentLog,
  journal: memoryText(),
  images: memoryImages(),
});

/** 1 to 4 vCPUs at ratios 1, 2 and 3, as many as there is room for. */
async function fill(): Promise<number> {
  let placed = 0;
  for (let i = 0; placed < VMS && i < 4 * VMS; i++) {
    const vcpus = [1, 2, 2, 4, 1, 2, 2, 1][i % 8]!;
    const result = await agent.deploy({
      name: `vm-${i}`,
      vcpus,
      memoryMiB: mib(1024),
      ratio: ratio([3, 2, 3, 2, 1][i % 5]!),
      image: null,
    });
    if (result.ok) placed++;
  }
  return placed;
}

interface Cost {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly pinCalls: number;
}

async function measure(work: () => Promise<unknown>): Promise<Cost> {
  const times: number[] = [];
  for (let i = 0; i < WARM_UP + TICKS; i++) {
    await clock.advance(TICK_MS);
    if (i === WARM_UP) hypervisor.calls.clear();
    const before = process.cpuUsage();
    await work();
    const spent = process.cpuUsage(before);
    if (i >= WARM_UP) times.push((spent.user + spent.system) / 1_000);
  }
  times.sort((a, b) => a - b);
  return {
    medianMs: times[Math.floor(TICKS / 2)]!,
    p95Ms: times[Math.floor(TICKS * 0.95)]!,
    pinCalls: hypervisor.calls.count("pinVcpu") / TICKS,
  };
}

/** What a tick would be without knowing what is in place. */
async function naiveTick(fake: FakeHypervisor): Promise<void> {
  await fake.stats();
  for (const [name, sets] of policy.pins(agent.host())) {
    for (const [vcpu, set] of sets.entries()) await fake.pinVcpu(name, vcpu, set);
  }
}

await agent.start();
const placed = await fill();
const vcpus = agent.vms().reduce((sum, vm) => sum + vm.vcpus, 0);
const tick = await measure(() => agent.tick());
const observing = await measure(async () => {
  await hypervisor.stats();
  await hypervisor.pins(agent.vms().map((vm) => vm.name));
});
const naive = await measure(() => naiveTick(hypervisor));

const row = (name: string, cost: Cost): string[] => [
  name,
  cost.medianMs.toFixed(2),
  cost.p95Ms.toFixed(2),
  String(cost.pinCalls),
];
console.log(
  `${placed} VMs with ${vcpus} vCPUs on ${topology.pcpus.length} pCPUs, steady state; CPU milliseconds a tick`,
);
printTable(
  ["", "median", "95 %", "pin calls"],
  [
    row("agent's tick", tick),
    row("of it the fake hypervisor's answers", observing),
    row("naive tick: pin everything again", naive),
  ],
);
console.log(`ratio to the naive tick: ${(naive.medianMs / tick.medianMs).toFixed(1)}x less CPU`);
if (placed < VMS || tick.medianMs >= LIMIT_MS || tick.pinCalls !== 0) {
  console.error(`promised: ${VMS} VMs, under ${LIMIT_MS} ms and no pin calls`);
  process.exitCode = 1;
}
