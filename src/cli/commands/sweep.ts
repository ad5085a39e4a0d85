/** `headroom sweep`: sizes many generated workloads at once, and says what policies need on the mean over seeds. */
import { Command, Option } from "commander";
import type { SizedHost } from "../../core/sizing/model.js";
import type { SizingPolicy } from "../../core/sizing/size.js";
import { EXPERIMENT_MIXES, type Mix, type SweepPlan, summariesOf } from "../../core/sizing/sweep.js";
import { UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import { progressBar } from "../progress.js";
import { parseSeed, parseTemporality, scenarioOf } from "../sizing/scenarios.js";
import { mostThreads } from "../sizing/threads.js";
import { hostOption, parsePolicies, type SizeTerminal } from "./size.js";

const DEFAULTS = {
  scenarios: "ovhcloud2023,azure2017",
  vms: "250,500,1000,2500,5000",
  policies: "dedicated,first-fit,headroom",
} as const;

const EXAMPLES = `
Every scenario with every mix, number of VMs and seed is a workload, made as headroom generate makes it; each is sized as headroom size does.
Mixes are percent of the VMs at 1:1, 2:1, 3:1 and so on. A single seed moves a count by several hosts: ask for twenty.
The table has means over the seeds, with 95 % confidence; --csv has every workload, --json both.

Examples:
  headroom sweep
  headroom sweep --vms 500 --seeds 1-20 --migrations 2
  headroom sweep --scenario sizes.yml --mixes 100/0/0,50/25/25 --vms 1000 --host 64x262144 --csv > sweep.csv
`;

interface Given {
  readonly scenario: string;
  readonly mixes: string;
  readonly vms: string;
  readonly seeds: string;
  readonly temporality: string;
  readonly host: SizedHost;
  readonly policy: readonly SizingPolicy[];
  readonly migrations: "0" | "1" | "2";
  readonly threads?: string;
  readonly csv?: boolean;
  readonly json?: boolean;
}

const MOST_SEEDS = 100_000;
const MOST_LEVELS = 16;

/** `1-20` or `1,5,9`. Throws `UsageError`. */
export function parseSeeds(text: string): readonly number[] {
  return text.split(",").flatMap((part) => {
    const [first = "", last = first, ...more] = part.split("-");
    if (more.length > 0) throw new UsageError(`--seeds ${text}: expected numbers and ranges, such as 1-20 or 1,5,9`);
    const [from, to] = [parseSeed(first, "--seeds"), parseSeed(last, "--seeds")];
    if (to < from || to - from >= MOST_SEEDS)
      throw new UsageError(`--seeds ${text}: ${part} is no range of 1 to ${MOST_SEEDS} seeds`);
    return Array.from({ length: to - from + 1 }, (_, place) => from + place);
  });
}

/** `experiment`, or `100/0/0,50/25/25`. Throws `UsageError`. */
export function parseMixes(text: string): readonly Mix[] {
  if (text === "experiment") return EXPERIMENT_MIXES;
  return text.split(",").map((part) => {
    const shares = part.split("/").map((share) => (/^\d{1,3}$/.test(share) ? Number(share) : Number.NaN));
    if (shares.reduce((sum, share) => sum + share, 0) !== 100 || shares.length > MOST_LEVELS)
      throw new UsageError(`--mixes ${text}: "${part}" is no mix: percent at 1:1, 2:1, 3:1 ... that add up to 100`);
    return shares;
  });
}

export function sweepCommand(terminal: SizeTerminal = process): Command {
  return new Command("sweep")
    .description("size many generated workloads: mixes, scenarios, numbers of VMs and seeds, in parallel")
    .option("--scenario <list>", "built-in scenarios or scenario files, each by itself", DEFAULTS.scenarios)
    .option("--mixes <list>", "mixes of ratios; experiment: the published 15", "experiment")
    .option("--vms <list>", "VMs of the beginning", DEFAULTS.vms)
    .option("--seeds <list>", "numbers and ranges", "1")
    .option("--temporality <slice,day,days>", "seconds of a slice and of a day, and days", "360,8640,7")
    .addOption(hostOption("one host", "32x131072"))
    .addOption(
      new Option("--policy <list>", "as of headroom size")
        .argParser(parsePolicies)
        .default(parsePolicies(DEFAULTS.policies), DEFAULTS.policies),
    )
    .addOption(
      new Option("--migrations <number>", "live moves that headroom may make to avoid one refusal")
        .choices(["0", "1", "2"])
        .default("0"),
    )
    .option("--threads <number>", "at once (default: as many as there are processors)")
    .option("--csv", "print every workload's figures as CSV")
    .option("--json", "print JSON: every workload's figures, and the means")
    .addHelpText("after", EXAMPLES)
    .action((given: Given) => sweep(given, terminal));
}

async function planOf(given: Given): Promise<SweepPlan> {
  const { host: shape, policy: policies, migrations } = given;
  return {
    scenarios: await Promise.all(given.scenario.split(",").map((name) => scenarioOf(name))),
    mixes: parseMixes(given.mixes),
    vms: given.vms.split(",").map((count) => parseCount(count, "--vms")),
    seeds: parseSeeds(given.seeds),
    temporality: parseTemporality(given.temporality),
    shape,
    policies,
    migrations: migrations === "2" ? 2 : migrations === "1" ? 1 : 0,
  };
}

async function sweep(given: Given, terminal: SizeTerminal): Promise<void> {
  const plan = await planOf(given);
  const threads = given.threads === undefined ? mostThreads() : parseCount(given.threads, "--threads");
  const { runSweep } = await import("../sizing/run-sweep.js");
  const { sweepCsv, sweepText } = await import("../sizing/sweep-text.js");
  const bar = await progressBar(terminal.stderr, "sizing");
  const began = performance.now();
  const rows = await runSweep(plan, threads, bar.update).finally(() => bar.stop());
  const seconds = (performance.now() - began) / 1000;
  if (given.csv === true) terminal.stdout.write(sweepCsv(rows, plan.policies));
  else if (given.json === true)
    terminal.stdout.write(`${JSON.stringify({ seconds, rows, means: summariesOf(rows, plan.policies) })}\n`);
  else terminal.stdout.write(sweepText(rows, plan.policies, seconds));
}
