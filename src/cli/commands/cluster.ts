/** `headroom cluster`: who leads, the store, hosts and VMs by state, what needs a person; and adopting hosts of a lost store. */
import { Command } from "commander";
import type { AdoptionAnswer, ClusterStatusAnswer } from "../../http/scheduler/schemas/answers.js";
import { addConnectionOptions, type Given, type Output, withScheduler } from "../agent-connection.js";
import { showMemory } from "../numbers.js";
import { type Paint, paintFor } from "../terminal.js";
import { movesCommand } from "./cluster-moves.js";

export function clusterCommand(output: Output = process): Command {
  const status = new Command("status")
    .description("show who leads, hosts and VMs by state, what is free")
    .action(async (given: Given) => {
      const cluster = await withScheduler(given, output, (client) => client.cluster());
      const text =
        given.json === true ? JSON.stringify(cluster, null, 2) : clusterText(cluster, paintFor(output.stdout));
      output.stdout.write(`${text}\n`);
    });
  const adopt = new Command("adopt")
    .description("have hosts listen that have seen a later epoch, after the cluster's store was made anew or restored")
    .option("--dry-run", "only tell which hosts they are")
    .addHelpText("after", ADOPTING)
    .action(async (given: Given) => {
      const adoption = await withScheduler(given, output, (client) => client.adopt(given.dryRun === true));
      output.stdout.write(given.json === true ? `${JSON.stringify(adoption, null, 2)}\n` : adoptionText(adoption));
    });
  const command = new Command("cluster").description(
    "show a cluster in sum, or its live moves; adopt the hosts of a store that was lost",
  );
  for (const child of [status, movesCommand(output), adopt]) command.addCommand(addConnectionOptions(child));
  return command;
}

const ADOPTING = `
Hosts refuse schedulers of lower epochs than they have seen (stale-leader), so that one that was replaced can do no harm. A
cluster whose store was lost counts from the beginning: this makes its epochs go on above what its hosts have seen. Make
sure that the schedulers of the former store are gone: hosts do not listen to them any more afterwards.
`;

function adoptionText({ dryRun, epoch, highest, ahead, silent }: AdoptionAnswer): string {
  const hosts = (names: readonly string[]): string => `${names.length} of them: ${names.join(", ")}`;
  const what = dryRun ? `Would be adopted (epoch ${highest} was seen)` : `Adopted, epochs go on at ${epoch}`;
  const lines = [ahead.length === 0 ? `All hosts that answer listen to epoch ${epoch}.` : `${what}; ${hosts(ahead)}`];
  if (silent.length > 0) lines.push(`Hosts that did not answer, to be adopted when they do; ${hosts(silent)}`);
  return `${lines.join("\n")}\n`;
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
