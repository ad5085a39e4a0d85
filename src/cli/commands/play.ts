/** `headroom play`: plays a workload against a live scheduler, faster than it would happen, and says what became of it. */
import { Command } from "commander";
import type { SizedVm } from "../../core/sizing/model.js";
import { addConnectionOptions, type Given, type Output, withScheduler } from "../agent-connection.js";
import { UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import type { Happening } from "../play/happening.js";
import { onTermination } from "../termination.js";

const EXAMPLES = `
Works for what headroom generate writes as csv, jsonl or parquet, and for an inventory of your own. VMs that do not leave within the workload stay.

Examples:
  headroom generate --vms 30 --temporality 60,600,2 --format jsonl --out small.jsonl
  headroom play --workload small.jsonl --speed 20 --url http://127.0.0.1:8100
`;

const PROGRESS_MS = 2_000;
/** VMs of an inventory may be named by numbers; a name begins with what tells them from others. */
const DEFAULT_PREFIX = "play-";

export function playCommand(output: Output = process): Command {
  const command = new Command("play")
    .description("play a workload against a live scheduler: VMs come and go as its file says")
    .requiredOption("--workload <file>", "JSON lines, CSV or Parquet of VMs, in order of arrival")
    .option("--speed <factor>", "so many times faster than the file says", "1")
    .option("--prefix <text>", "put before every VM's name", DEFAULT_PREFIX)
    .option("--limit <number>", "play only so many VMs");
  return addConnectionOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((given: Given) => play(given, output));
}

/** Throws `UsageError`. */
function speedOf(text: string): number {
  const speed = /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (speed <= 0) throw new UsageError(`--speed ${text}: expected a factor above 0, such as 1 or 60`);
  return speed;
}

function happeningsOf(vms: readonly SizedVm[], prefix: string): Happening[] {
  const all = vms.flatMap((vm): Happening[] => {
    const name = `${prefix}${vm.id}`;
    const { vcpus, ratio, arrival, departure } = vm;
    const memoryMiB = Math.ceil(vm.memoryMiB);
    const arrive = { kind: "arrive" as const, atSeconds: arrival, name, vcpus, memoryMiB, ratio };
    const stays = departure === Number.POSITIVE_INFINITY;
    return stays ? [arrive] : [arrive, { kind: "leave", atSeconds: departure, name }];
  });
  return all.sort((a, b) => a.atSeconds - b.atSeconds || Number(a.kind === "leave") - Number(b.kind === "leave"));
}

async function play(given: Given, output: Output): Promise<void> {
  const speed = speedOf(String(given.speed));
  const { readWorkload } = await import("../../trace/workload/workload-file.js");
  const all = await readWorkload(String(given.workload));
  const vms = given.limit === undefined ? all : all.slice(0, parseCount(String(given.limit), "--limit"));
  const happenings = happeningsOf(vms, String(given.prefix));
  const endSeconds = happenings.at(-1)?.atSeconds ?? 0;
  const { ClusterPlayer, leavingsText } = await import("../play/player.js");
  const { scaledClock } = await import("../../drivers/fake/virtual-clock.js");
  const { realClock } = await import("../../drivers/linux/real-clock.js");
  const wallClock = realClock();
  const clock = scaledClock(wallClock, speed, 0);
  const ended = onTermination();
  try {
    await withScheduler(given, output, async (client) => {
      // Asked before anything is played: whoever is not there, or turns the token away, says so at once.
      await client.cluster();
      const began = clock.monotonic();
      const player = new ClusterPlayer({
        client,
        happenings,
        endSeconds,
        clock,
        wallClock,
        signal: ended.signal,
        lastWordsMs: null,
        onEvent,
      });
      const report = (): void => {
        const at = Math.min(endSeconds, Math.round((clock.monotonic() - began) / 1000));
        output.stderr.write(
          `${at} of ${endSeconds} s: ${player.tally.deployed} deployed, ${leavingsText(player.tally)}\n`,
        );
      };
      const timer = setInterval(report, PROGRESS_MS);
      try {
        await player.play();
      } finally {
        clearInterval(timer);
      }
      const { deployed, removed, waiting, refusals, deployMs } = player.tally;
      const result = { vms: vms.length, deployed, removed, waiting, refusals: Object.fromEntries(refusals), deployMs };
      const mean = deployMs === null ? "" : ` (${deployMs.toFixed(0)} ms each)`;
      const people = `${deployed} of ${vms.length} VMs deployed${mean}, ${leavingsText(player.tally)}\n`;
      output.stdout.write(given.json === true ? `${JSON.stringify(result)}\n` : people);
    });
  } finally {
    ended.release();
  }

  function onEvent(event: { readonly kind: string; readonly text: string }): void {
    if (event.kind === "refused") output.stderr.write(`refused: ${event.text}\n`);
  }
}
