/** What virsh says, set against what the agent says: the comparisons that the lab's tests share. */
import assert from "node:assert/strict";
import { type AgentProcess, eventually } from "./agent-process.js";
import type { LabHost } from "./lab-host.js";

export const GUEST_MIB = 112;

export interface Wanted {
  readonly name: string;
  readonly ratio: number;
  readonly vcpus?: number;
}

export function deploy(agent: AgentProcess, { name, ratio, vcpus = 1 }: Wanted) {
  return agent.client.createVm({ name, vcpus, memoryMiB: GUEST_MIB, ratio });
}

/** Pins that virsh finds, of the vCPUs that a VM has now; a domain knows more for those that may be plugged in. */
async function foundPins(host: LabHost, vm: { readonly name: string; readonly vcpus: number }) {
  return (await host.witnessPins(vm.name)).slice(0, vm.vcpus);
}

/** Every running VM: name, plan, and what virsh found. Equal when all is well. */
export async function plannedAndFound(agent: AgentProcess, host: LabHost) {
  const planned: Record<string, readonly string[]> = {};
  const found: Record<string, readonly string[]> = {};
  for (const vm of await agent.client.vms()) {
    if (vm.state !== "running") continue;
    planned[vm.name] = vm.pins;
    found[vm.name] = await foundPins(host, vm);
  }
  return { planned, found };
}

export async function assertPinnedAsPlanned(agent: AgentProcess, host: LabHost): Promise<void> {
  const { planned, found } = await plannedAndFound(agent, host);
  assert.deepEqual(found, planned);
}

export async function eventuallyPinnedAsPlanned(agent: AgentProcess, host: LabHost): Promise<void> {
  await eventually("virsh finds the planned pins", async () => {
    await assertPinnedAsPlanned(agent, host);
    return true;
  });
}

/** Names of all domains that virsh knows, running or not, sorted. */
export async function domainNames(host: LabHost): Promise<readonly string[]> {
  const text = await host.virsh("list", "--all", "--name");
  return text
    .split("\n")
    .filter((name) => name !== "")
    .sort();
}

/** What holds at any moment when nothing is under way: one domain per VM, pools disjoint, none over its ratio. */
export async function assertHostInOrder(agent: AgentProcess, host: LabHost): Promise<void> {
  const vms = await agent.client.vms();
  assert.deepEqual(
    vms.map((vm) => vm.name),
    await domainNames(host),
    "the agent's VMs and libvirt's domains are the same, each once",
  );
  const pools = await agent.client.pools();
  const pcpus = pools.flatMap((pool) => (pool.pcpus === "" ? [] : [pool.pcpus]));
  assert.equal(new Set(pcpus).size, pcpus.length, `pools share pCPUs: ${pcpus.join(" and ")}`);
  for (const pool of pools) {
    const held = vms.filter((vm) => vm.state === "running" && vm.ratio === pool.ratio);
    const vcpus = held.reduce((sum, vm) => sum + vm.vcpus, 0);
    assert.equal(pool.allocatedVcpus, vcpus, `pool ${pool.ratio} counts the vCPUs of its VMs`);
    assert.ok(pool.allocatedVcpus <= pool.ratio * pool.pcpuCount + 1e-9, `pool ${pool.ratio} holds its ratio`);
  }
}
