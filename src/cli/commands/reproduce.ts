/** `headroom reproduce`: experiments of the papers that Headroom came from, run again; a report sets our figures beside the published ones. */
import { join } from "node:path";
import { Command, Option } from "commander";
import { ASSESSOR_NAMES, type AssessorName } from "../../core/estimator/assessor.js";
import { EXPERIMENT_MIXES, type SweepPlan } from "../../core/sizing/sweep.js";
import { ratio } from "../../core/units.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS } from "../../core/workload/scenario.js";
import type { EstimateOptions } from "../../report/estimate/options.js";
import type { TemplateOutcome } from "../../report/recording/sweetspot.js";
import type { Report } from "../../report/report.js";
import { parseCount } from "../numbers.js";
import { progressBar } from "../progress.js";
import { recordingOf } from "../report/recorded.js";
import { mostThreads } from "../sizing/threads.js";
import { loadTopology } from "../topology-source.js";
import { CRITICAL_SIZES } from "./replay.js";
import { parseHost, type SizeTerminal } from "./size.js";
import { parseSeeds } from "./sweep.js";

const EXAMPLES = `
Experiments:
  slackvm-sizing   hosts that shared and dedicated clusters need, 15 mixes of ratios, OVHcloud 2023 and Azure 2017
  scroogevm        how well strategies predict what a recorded host needs; the published traces are not public, so the trace is yours

  sweetspot        pools of a recorded host by SweetSpotVM's template, and pCPUs that other templates need; no values were published

Each leaves report.html, and its figures as SVG, PNG and CSV.

Examples:
  headroom reproduce slackvm-sizing --out slackvm
  headroom reproduce slackvm-sizing --seeds 1-5 --vms 1000 --out slackvm-1000
  headroom generate --vms 60 --format estimator --host 256x1048576 --out trace.json && headroom reproduce scroogevm --load trace.json --out scroogevm
  headroom reproduce sweetspot --topology epyc-7662-2s --load trace.csv.gz --out sweetspot
`;

interface SlackvmFlags {
  readonly out: string;
  readonly seeds: string;
  readonly vms: string;
  readonly threads?: string;
}

interface ScroogevmFlags {
  readonly load: string;
  readonly out: string;
  readonly assessor: AssessorName;
}

interface SweetspotFlags {
  readonly topology: string;
  readonly load: string;
  readonly out: string;
}

/** Writes a report's files; `lines` say on the terminal what it comes to. */
async function leave(report: Report, lines: readonly string[], out: string, terminal: SizeTerminal): Promise<void> {
  const { PAGE, writeReport } = await import("../../report/write-report.js");
  const files = await writeReport(report, out);
  terminal.stdout.write([...lines, `${files.length} files in ${out}: open ${join(out, PAGE)}`, ""].join("\n"));
}

const factLines = ({ facts }: Report): readonly string[] => facts.map(([what, value]) => `${what}: ${value}`);

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
  const report = slackvmReport(rows, vms);
  await leave(report, factLines(report), flags.out, terminal);
}

async function scroogevm(flags: ScroogevmFlags, terminal: SizeTerminal): Promise<void> {
  const { DEFAULT_SIGMAS } = await import("../../core/estimator/make.js");
  const { STRATEGY_NAMES } = await import("../../core/estimator/names.js");
  const { runStrategies } = await import("../../report/estimate/compare.js");
  const { comparisonOf } = await import("../../report/estimate/comparison.js");
  const { scroogevmReport } = await import("../../report/estimate/reproduction.js");
  const { shareOf } = await import("../../report/estimate/to-files.js");
  const options: EstimateOptions = {
    tracePath: flags.load,
    strategy: "greedy",
    faithful: true,
    caution: false,
    assessor: flags.assessor,
    cpuPercentile: null,
    memoryPercentile: null,
    sigmas: DEFAULT_SIGMAS,
    aggregation: 1,
  };
  const bar = await progressBar(terminal.stderr, flags.load);
  const share = shareOf(flags.load, (read) => bar.update(read / STRATEGY_NAMES.length));
  const runs = await runStrategies(options, STRATEGY_NAMES, 0, share).finally(() => bar.stop());
  const comparison = comparisonOf(options, runs);
  const lines = STRATEGY_NAMES.map((strategy) => {
    const { misprediction, violation } = comparison.strategies[strategy]!.notebook.hosts;
    return `${strategy.padEnd(10)} misprediction ${misprediction}, violation ${violation} hosts`;
  });
  await leave(scroogevmReport(comparison), lines, flags.out, terminal);
}

/** The paper's template, and all vCPUs at one of its ratios. */
const TEMPLATES = [[1, 1.5, 2.6], [1], [1.5], [2.6]] as const;

async function sweetspot(flags: SweetspotFlags, terminal: SizeTerminal): Promise<void> {
  const { topology, warnings } = loadTopology(flags.topology);
  for (const warning of warnings) terminal.stderr.write(`warning: ${warning}\n`);
  const { runReplay } = await import("../../agent/replay/run.js");
  const outcomes: TemplateOutcome[] = [];
  let hostPcpus = 0;
  for (const [i, template] of TEMPLATES.entries()) {
    const isPapers = i === 0;
    const { host, deployed, refused, peak } = await runReplay({
      topology,
      tracePath: flags.load,
      // SweetSpotVM's own replay drops VMs whose recorded pools another template does not make.
      policy: isPapers ? "sweetspotvm" : "headroom",
      template: template.map((value) => ratio(value)),
      criticalSize: isPapers ? CRITICAL_SIZES.sweetspotvm : 0,
      hostPcpus: [],
      memoryUnit: null,
      strict: false,
      outDir: isPapers ? flags.out : null,
      monitoringPath: isPapers ? join(flags.out, "monitoring.csv") : null,
      poolText: "compact",
      candidates: null,
    });
    hostPcpus = host.pcpus;
    outcomes.push({ template: template.map((value) => value.toFixed(1)).join(","), deployed, refused, peak });
  }
  const source = { tracePath: join(flags.out, "monitoring.csv"), summaryPath: join(flags.out, "summary.json") };
  const recorded = await recordingOf({ kind: "recording", ...source }, [], null);
  const { sweetspotReport } = await import("../../report/recording/sweetspot.js");
  const report = sweetspotReport(recorded, outcomes, hostPcpus);
  await leave(report, factLines(report), flags.out, terminal);
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
  command
    .command("scroogevm")
    .description("how well strategies predict what a recorded host needs (ScroogeVM)")
    .requiredOption("-l, --load <trace>", "the recorded host, as of headroom estimate: JSON, plain, .gz or .zst")
    .requiredOption("--out <folder>", "folder for report.html, and the figures as SVG, PNG and CSV")
    .addOption(
      new Option("--assessor <name>", "how greedy tells whether a host is stable")
        .choices(ASSESSOR_NAMES)
        .default("lstm"),
    )
    .action((flags: ScroogevmFlags) => scroogevm(flags, terminal));
  command
    .command("sweetspot")
    .description("pools of a recorded host with several ratios in one VM (SweetSpotVM)")
    .requiredOption("--topology <source>", "the recorded host: a preset, or its JSON file")
    .requiredOption("-l, --load <trace>", "what was recorded of it, as of headroom replay: plain, .gz or .zst")
    .requiredOption("--out <folder>", "folder for report.html, its figures, and the replay itself")
    .action((flags: SweetspotFlags) => sweetspot(flags, terminal));
  return command.addHelpText("after", EXAMPLES);
}
