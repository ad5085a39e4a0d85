/** `headroom cluster moves`: live moves and why they are made, who waits for them, and how much of the migration budget is used. */
import Table from "cli-table3";
import { Command } from "commander";
import { plural } from "../../core/plural.js";
import type { ClusterMovesAnswer } from "../../http/scheduler/schemas/answers.js";
import { type Given, type Output, withScheduler } from "../agent-connection.js";
import { showMemory } from "../numbers.js";

const HELP = `
With a migration budget (HEADROOM_MIGRATION_BUDGET of the scheduler) VMs are moved while they run, to make room for one that no
host takes. Moves of hosts that are being emptied are listed, too; headroom host drain --no-wait tells what is left of those.
`;

export function movesCommand(output: Output): Command {
  return new Command("moves")
    .description("show live moves and why they are made, VMs that wait for room, the migration budget")
    .addHelpText("after", HELP)
    .action(async (given: Given) => {
      const moves = await withScheduler(given, output, (client) => client.moves());
      output.stdout.write(given.json === true ? `${JSON.stringify(moves, null, 2)}\n` : movesText(moves));
    });
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

function movesText({ items, waiting, budget }: ClusterMovesAnswer): string {
  const lines = [`budget  ${budgetText(budget)}`];
  for (const { vm, host, moves, made, waits, patience } of waiting) {
    const what = host === null ? "moves are looked for" : `room on ${host}, ${made} of ${plural(moves, "move")} made`;
    lines.push(`waits   ${vm}: ${what}; ${seconds(waits)} of ${seconds(patience)}`);
  }
  if (items.length === 0) lines.push("No VM is being moved.");
  else lines.push(tableOf(items));
  return `${lines.join("\n")}\n`;
}

function budgetText({ perRequest, perHour, begun, planned, nextIn }: ClusterMovesAnswer["budget"]): string {
  if (perRequest === 0) return "none: no room is made for VMs that no host takes";
  const counts = [`${begun} of ${perHour} begun in the last hour`];
  if (planned > 0) counts.push(`${planned} planned`);
  if (nextIn !== null) counts.push(`the oldest counts for ${Math.ceil(nextIn / 60_000)} min more`);
  return `${plural(perRequest, "move")} for a request; ${counts.join(", ")}`;
}

function tableOf(items: ClusterMovesAnswer["items"]): string {
  const head = ["VM", "memory", "from", "to", "state", "why"];
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  for (const { vm, memoryMiB, from, to, state, reason, lasts } of items)
    table.push([vm, showMemory(memoryMiB), from, to, lasts === null ? state : `${state}, ${seconds(lasts)}`, reason]);
  return table.toString();
}
