/** Hosts of a cluster as a table for people. */
import Table from "cli-table3";
import type { ClusterHostAnswer } from "../http/scheduler/schemas/answers.js";
import { showMemory } from "./numbers.js";
import type { Paint } from "./terminal.js";

const COLOURS = { up: "green", suspect: "yellow", down: "red", new: "dim" } as const;

/** The state and what else keeps VMs away. */
export function stateText({ state, cordoned, agentCordoned, draining }: ClusterHostAnswer, paint: Paint): string {
  const notes = [
    ...(draining ? ["draining"] : cordoned ? ["cordoned"] : []),
    ...(agentCordoned ? ["cordoned at its agent"] : []),
  ];
  return [paint(COLOURS[state], state), ...notes.map((note) => paint("yellow", note))].join(", ");
}

export function hostTable(hosts: readonly ClusterHostAnswer[], paint: Paint): string {
  const head = ["host", "state", "VMs", "free pCPUs", "free memory", "policy", "agent"];
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  for (const host of hosts) {
    const { status } = host;
    const free =
      status === null
        ? ["-", "-", "-"]
        : [`${status.pcpus.free} of ${status.pcpus.total}`, showMemory(status.memory.freeMiB), status.policy];
    table.push([host.id, stateText(host, paint), host.vmCount, ...free, host.url]);
  }
  return `${table.toString()}\n`;
}
