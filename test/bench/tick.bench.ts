/**
 * What a tick of the agent costs: 200 VMs on 256 pCPUs in a steady state, CPU time of the whole process (the fake
 * hypervisor's share is measured apart and shown). The baseline is a naive tick on the same host, which pins every vCPU
 * again; the promise is under 20 ms and no pin calls.
 */
import type { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { PCPUS, steadyHost, TICK_MS, VMS } from "./steady-host.js";
import { printTable } from "./table.js";

const TICKS = 60;
const WARM_UP = 20;
const LIMIT_MS = 20;

const { agent, clock, hypervisor, policy, placed } = await steadyHost();

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
console.log(`${placed} VMs with ${vcpus} vCPUs on ${PCPUS} pCPUs, steady state; CPU milliseconds a tick`);
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
