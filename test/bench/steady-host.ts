/** A host of 256 pCPUs with 200 VMs on virtual time, for benchmarks of the agent's tick: the same for each of its settings. */
import { type Agent, createAgent } from "../../src/agent/agent.js";
import type { AgentSettings } from "../../src/agent/settings.js";
import type { PoolPolicy } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import { type FakeHypervisor, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { type MemoryText, memoryImages, memoryText, silentLog } from "../agent/support.js";

export const VMS = 200;
export const TICK_MS = 5_000;
const topology = presetTopology("epyc-7662-2s")!;
export const PCPUS = topology.pcpus.length;

export interface SteadyHost {
  readonly agent: Agent;
  readonly clock: VirtualClock;
  readonly hypervisor: FakeHypervisor;
  readonly policy: PoolPolicy;
  readonly forecasts: MemoryText;
  readonly placed: number;
}

/** 1 to 4 vCPUs at ratios 1, 2 and 3, as many as there is room for. */
async function fill(agent: Agent): Promise<number> {
  let placed = 0;
  for (let i = 0; placed < VMS && i < 4 * VMS; i++) {
    const vcpus = [1, 2, 2, 4, 1, 2, 2, 1][i % 8]!;
    const of = ratio([3, 2, 3, 2, 1][i % 5]!);
    const result = await agent.deploy({ name: `vm-${i}`, vcpus, memoryMiB: mib(1024), ratio: of, image: null });
    if (result.ok) placed++;
  }
  return placed;
}

export async function steadyHost(settings: Partial<AgentSettings> = {}): Promise<SteadyHost> {
  const clock = virtualClock(Date.UTC(2026, 0, 1));
  const hypervisor = fakeHypervisor({ topology, clock });
  const policy = createPolicy("headroom", {
    topology: indexTopology(topology),
    criticalSize: 0,
    template: null,
    hostPcpus: [],
  });
  const forecasts = memoryText();
  const agent = createAgent({
    policy,
    hypervisor,
    clock,
    log: silentLog,
    journal: memoryText(),
    forecasts,
    openWindow: memoryText(),
    images: memoryImages(),
    settings,
  });
  await agent.start();
  return { agent, clock, hypervisor, policy, forecasts, placed: await fill(agent) };
}
