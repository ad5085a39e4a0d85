/** `headroom cluster status`: who leads, the store, hosts and VMs by state, what is free, what needs a person. */
import { Command } from "commander";
import type { ClusterStatusAnswer } from "../../http/scheduler/schemas/answers.js";
import { addConnectionOptions, type Given, type Output, withScheduler } from "../agent-connection.js";
import { showMemory } from "../numbers.js";
import { type Paint, paintFor } from "../terminal.js";

export function clusterCommand(output: Output = process): Command {
  const status = new Command("status")
    .description("show who leads, hosts and VMs by state, what is free")
    .action(async (given: Given) => {
      const cluster = await withScheduler(given, output, (client) => client.cluster());
      const text =
        given.json === true ? JSON.stringify(cluster, null, 2) : clusterText(cluster, paintFor(output.stdout));
      output.stdout.write(`${text}\n`);
    });
  return new Command("cluster").description("show a cluster in sum").addCommand(addConnectionOptions(status));
}

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([state, count]) => `${count} ${state}`)
    .join(", ") || "none";

function clusterText(
  { leadership, store, hosts, vms, pcpus, memory, problems }: ClusterStatusAnswer,
  paint: Paint,
): string {
  const { role, leader, epoch } = leadership;
  const who = leader === null ? paint("red", "nobody") : leader;
  const { total, ...unsettled } = vms;
  const doing = counted(unsettled);
  const lines = [
    `leader  ${who}${epoch === null ? "" : ` (epoch ${epoch})`}; this scheduler: ${role}`,
    `store   ${store.kind}, ${store.where}${store.reachable ? "" : paint("red", ": not reachable")}`,
    `hosts   ${counted(hosts)}`,
    `VMs     ${total}${doing === "none" ? "" : `; ${doing}`}`,
    `pCPUs   ${pcpus.free} of ${pcpus.total} free`,
    `memory  ${showMemory(memory.freeMiB)} of ${showMemory(memory.capacityMiB)} free`,
  ];
  if (store.problem !== null) lines.push(paint("red", `store: ${store.problem}`));
  for (const problem of problems) lines.push(paint("yellow", `problem: ${problem}`));
  return lines.join("\n");
}
