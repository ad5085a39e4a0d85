/** `headroom host drain`: has a host emptied, tells how it goes, and ends when nothing more can be moved. */
import { setTimeout as sleep } from "node:timers/promises";
import Table from "cli-table3";
import { Command } from "commander";
import type { SchedulerApiClient } from "../../http/scheduler/client.js";
import type { DrainAnswer } from "../../http/scheduler/schemas/answers.js";
import { type Given, type Output, withScheduler } from "../agent-connection.js";
import { Unsuccessful } from "../exit.js";

/** Between two looks: a move takes seconds. */
const LOOK_MS = 500;

const HELP = `
It goes on at the scheduler, whether or not this command waits. Exit code 1: something is left that cannot be moved now.
headroom host uncordon ends it.
`;

export function drainCommand(output: Output): Command {
  return new Command("drain")
    .description("close a host to new VMs and have its VMs moved to other hosts, while they run")
    .argument("<id>", "id of the host")
    .option("--no-wait", "return at once, and tell how far it is")
    .addHelpText("after", HELP)
    .action(async (id: string, given: Given) => {
      const quiet = given.json === true;
      const say = (line: string): unknown => (quiet ? null : output.stdout.write(`${line}\n`));
      const drain = await withScheduler(given, output, (client) =>
        given.wait === false ? client.drain(id) : emptied(client, id, say),
      );
      output.stdout.write(quiet ? `${JSON.stringify(drain, null, 2)}\n` : drainText(drain));
      if (given.wait !== false && drain.remaining.length > 0)
        throw new Unsuccessful(`${drain.remaining.length} VMs are left on ${id}`);
    });
}

/** Waits until nothing is on its way and nothing waits for its turn, or somebody has opened the host again. */
async function emptied(client: SchedulerApiClient, id: string, say: (line: string) => unknown): Promise<DrainAnswer> {
  let drain = await client.drain(id);
  const isMoving = (): boolean => drain.host.draining && drain.moves.some(({ state }) => state !== "stuck");
  say(`${id} takes no new VMs.${isMoving() ? ` ${drain.advice}.` : ""}`);
  while (isMoving()) {
    await sleep(LOOK_MS);
    const next = await client.drainProgress(id);
    for (const line of changesBetween(drain, next)) say(line);
    drain = next;
  }
  return drain;
}

/** A line for every VM with which something has happened. */
function changesBetween(before: DrainAnswer, after: DrainAnswer): readonly string[] {
  const known = new Map(before.moves.map((move) => [move.vm, move]));
  const left = new Set(after.moves.map(({ vm }) => vm));
  const lines: string[] = [];
  for (const { vm, to } of before.moves) if (!left.has(vm)) lines.push(`${vm}: ${to === null ? "gone" : `on ${to}`}`);
  for (const { vm, state, to, reason } of after.moves) {
    const was = known.get(vm);
    if (was?.state === state && was.reason === reason) continue;
    if (state === "moving") lines.push(`${vm}: on its way to ${to}`);
    else if (reason !== null) lines.push(`${vm}: stays, ${reason}`);
  }
  return lines;
}

function drainText({ host, moves, advice }: DrainAnswer): string {
  if (moves.length === 0) return `${host.id} takes no new VMs and is empty.\n`;
  const table = new Table({ head: ["VM", "state", "to", "why"], style: { head: [], border: [], compact: true } });
  for (const { vm, state, to, reason } of moves) table.push([vm, state, to ?? "-", reason ?? ""]);
  return `On ${host.id} remain:\n${table.toString()}\n${advice}.\n`;
}
