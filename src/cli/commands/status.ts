/** `headroom status`: the host and its pools as its agent sees them; of a scheduler, its hosts. */
import Table from "cli-table3";
import { Command } from "commander";
import type { HostAnswer } from "../../http/schemas/answers.js";
import { addConnectionOptions, type Given, hostsOf, type Output } from "../agent-connection.js";
import { hostTable } from "../host-table.js";
import { showMemory, showNumber } from "../numbers.js";
import { type Paint, paintFor } from "../terminal.js";

export function statusCommand(output: Output = process): Command {
  const command = new Command("status").description("show the host, what is free, and its pools");
  return addConnectionOptions(command).action(async (given: Given) => {
    const answer = await hostsOf(given, output);
    const paint = paintFor(output.stdout);
    const people = (): string =>
      "next" in answer ? hostTable(answer.items, paint) : answer.items.map((host) => hostText(host, paint)).join("\n");
    output.stdout.write(given.json === true ? `${JSON.stringify(answer.items, null, 2)}\n` : people());
  });
}

export function hostText(host: HostAnswer, paint: Paint): string {
  const { pcpus, memory, usage, hypervisor } = host;
  const how = host.template === null ? host.policy : `${host.policy}, template ${host.template.join(", ")}`;
  const memoryUsed = usage.memoryMiB === null ? "" : `; ${showMemory(usage.memoryMiB)} used`;
  const lines = [
    `${paint("bold", host.id)}  ${how}; ${hypervisor.uri} (${hypervisor.accelerator})`,
    `pCPUs   ${pcpus.free} of ${pcpus.total} free, ${pcpus.inPools} in pools, ${pcpus.reserved} reserved; ${showNumber(usage.cpuPcpus)} used`,
    `memory  ${showMemory(memory.freeMiB)} of ${showMemory(memory.capacityMiB)} free${memoryUsed}`,
    `VMs     ${host.vmCount}`,
  ];
  if (host.cordoned) lines.push(paint("yellow", "cordoned: takes no new VMs"));
  if (!hypervisor.connected) lines.push(paint("red", "the hypervisor is not reachable; guests go on as they are"));
  for (const problem of host.problems) lines.push(paint("yellow", `problem: ${problem}`));
  if (host.pools.length > 0) lines.push(poolTable(host.pools));
  for (const pool of host.pools) if (pool.dynamics !== undefined) lines.push(dynamicsText(pool, pool.dynamics));
  return `${lines.join("\n")}\n`;
}

type Pool = HostAnswer["pools"][number];

/** How a pool that follows its usage stands. */
function dynamicsText({ ratio, pcpuCount }: Pool, dynamics: NonNullable<Pool["dynamics"]>): string {
  const { effectiveRatio, activePcpus, expectedPeakPcpus, lastMove } = dynamics;
  const peak = expectedPeakPcpus === null ? "no forecast yet" : `a peak of ${showNumber(expectedPeakPcpus)} expected`;
  const resting = pcpuCount - activePcpus;
  const rest = resting === 0 ? "" : `; ${resting} of its ${pcpuCount} pCPUs rest`;
  const counted = effectiveRatio === ratio ? "counted as sold" : `counted with ${effectiveRatio}`;
  const move = lastMove === null ? "" : `; last moved from ${lastMove.from} to ${lastMove.to} (${lastMove.reason})`;
  return `pool ${ratio}: ${counted}, ${peak}${rest}${move}`;
}

function poolTable(pools: HostAnswer["pools"]): string {
  const head = ["ratio", "pCPUs", "CPU set", "vCPUs", "free vCPUs", "VMs", "CPU used", "CPU waited"];
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  for (const pool of pools) {
    const shared = pool.pinnedTo === pool.pcpus ? "" : ` (pinned to ${pool.pinnedTo})`;
    const vcpus = [pool.allocatedVcpus, showNumber(pool.freeVcpus), pool.vms.length];
    const used = [showNumber(pool.usagePcpus), showNumber(pool.waitPcpus)];
    table.push([pool.ratio, pool.pcpuCount, pool.pcpus + shared, ...vcpus, ...used]);
  }
  return table.toString();
}
