/** `headroom reproduce`: experiments of the papers that Headroom came from, run again; a report sets our figures beside the published ones. */
import { join } from "node:path";
import { Command } from "commander";
import { EXPERIMENT_MIXES, type SweepPlan } from "../../core/sizing/sweep.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS } from "../../core/workload/scenario.js";
import { parseCount } from "../numbers.js";
import { progressBar } from "../progress.js";
import { mostThreads } from "../sizing/threads.js";
import { parseHost, type SizeTerminal } from "./size.js";
import { parseSeeds } from "./sweep.js";

const EXAMPLES = `
Experiments:
  slackvm-sizing   hosts that shared and dedicated clusters need, 15 mixes of ratios, OVHcloud 2023 and Azure 2017

Each leaves report.html, and its figures as SVG, PNG and CSV.

Examples:
  headroom reproduce slackvm-sizing --out slackvm
  headroom reproduce slackvm-sizing --seeds 1-5 --vms 1000 --out slackvm-1000
`;

interface SlackvmFlags {
  readonly out: string;
  readonly seeds: string;
  readonly vms: string;
  readonly threads?: string;
}

async function slackvmSizing(flags: SlackvmFlags, terminal: SizeTerminal): Promise<void> {
  const vms = parseCount(flags.vms, "--vms");
  const { REPRODUCED, slackvmReport } = await import("../../report/sizing/reproduction.js");
  const plan: SweepPlan = {
    scenarios: [SCENARIOS.get("ovhcloud2023")!, SCENARIOS.get("azure2017")!],
    mixes: EXPERIMENT_MIXES,
    vms: [vms],
    seeds: parseSeeds(flags.seeds),
    temporality: EXPERIMENT_TEMPORALITY,
    shape: parseHost("32x131072"),
    policies: REPRODUCED,
    migrations: 0,
  };
  const threads = flags.threads === undefined ? mostThreads() : parseCount(flags.threads, "--threads");
  const { runSweep } = await import("../sizing/run-sweep.js");
  const bar = await progressBar(terminal.stderr, "sizing");
  const rows = await runSweep(plan, threads, bar.update).finally(() => bar.stop());
  const { PAGE, writeReport } = await import("../../report/write-report.js");
  const report = slackvmReport(rows, vms);
  const files = await writeReport(report, flags.out);
  const facts = report.facts.map(([what, value]) => `${what}: ${value}\n`).join("");
  terminal.stdout.write(`${facts}${files.length} files in ${flags.out}: open ${join(flags.out, PAGE)}\n`);
}

export function reproduceCommand(terminal: SizeTerminal = process): Command {
  const command = new Command("reproduce").description(
    "run a paper's experiment again, and set it beside what was published",
  );
  command
    .command("slackvm-sizing")
    .description("hosts that shared and dedicated clusters need (SlackVM)")
    .requiredOption("--out <folder>", "folder for report.html, and the figures as SVG, PNG and CSV")
    .option("--seeds <list>", "numbers and ranges", "1-20")
    .option("--vms <number>", "VMs of the beginning", "500")
    .option("--threads <number>", "at once (default: as many as there are processors)")
    .action((flags: SlackvmFlags) => slackvmSizing(flags, terminal));
  return command.addHelpText("after", EXAMPLES);
}
