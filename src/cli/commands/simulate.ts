/** `headroom simulate`: a whole cluster on virtual time, with the production code of scheduler and agents. */
import { join } from "node:path";
import { Command, Option } from "commander";
import type { SizedHost } from "../../core/sizing/model.js";
import { seconds } from "../../core/units.js";
import { COURSES, type Course } from "../../core/workload/course.js";
import { SCENARIOS, type Scenario } from "../../core/workload/scenario.js";
import type { CaseResult, SimulationCase, Workload } from "../../simulator/case.js";
import type { SimulatedVm } from "../../simulator/options.js";
import type { DynamicPlan, PlacementName, SimulationPlan } from "../../simulator/plan.js";
import type { Sink, Summary } from "../../simulator/simulate.js";
import { CommandFailure, UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import { progressBar } from "../progress.js";
import { parseSeed, parseTemporality, scenarioOf } from "../sizing/scenarios.js";
import { mostThreads } from "../sizing/threads.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";
import { hostOption, type SizeTerminal } from "./size.js";
import { parseMixes, parseSeeds } from "./sweep.js";

const PLACEMENT_NAMES = ["headroom", "learnt", "slackvm", "spread", "pack"] as const satisfies readonly PlacementName[];

/** As the agent's settings. */
const MOST_FACTOR = 8;

const EXAMPLES = `
Hosts and VMs are simulated, scheduler and agents are the programs themselves. A vCPU gets its share of its pool's pCPUs; what it wanted and
did not get is its steal. Same options, same files, byte for byte. After every event the design's promises are checked: the
run ends with an error where one is broken.

--out gets metrics.jsonl and metrics.csv (a line every --sample seconds), events.jsonl (what happened) and summary.json; of a sweep or a
trade-off its table, and runs.jsonl, a line for each run when it is done: interrupted, the same command goes on from there.
Faults: random=NUMBER, or KIND@SECOND+SECONDS:HOST with KIND one of host-down, agent-down, slow-agent, cut-off, lost-answers,
scheduler-down, store-down, drain; a list with commas. docs/simulation.md tells what each does.

Examples:
  headroom simulate --scenario ovhcloud2023 --ratios 1=50,3=50 --hosts 85 --out run
  headroom simulate --workload week.csv --hosts least
  headroom simulate --ratios 1=25,2=25,3=50 --hosts 62 --policy learnt --migrations 2
  headroom simulate --vms 40 --hosts 8 --tick 5 --faults random=20,host-down@3600+600:3
  headroom simulate --ratios 1=25,2=75 --hosts 70 --tick 60 --dynamic 1.5
  headroom simulate --ratios 1=25,2=75 --hosts least --tick 120 --trade-off 1,1.5,2,3 --out beyond
  headroom simulate --scenario ovhcloud2023,azure2017 --vms 150 --hosts least --tick 120 --trade-off 1.5,2 --mixes 25/75,50/50 --seeds 1-8 --out beyond
  headroom simulate --scenario azure2017 --hosts least --sweep --mixes 100/0/0,25/25/50 --seeds 1-5 --policies headroom,pack
`;

interface Given {
  readonly workload?: string;
  readonly scenario: string;
  readonly vms: string;
  readonly ratios?: string;
  readonly temporality: string;
  readonly hosts: string;
  readonly host: SizedHost;
  readonly policy: PlacementName;
  readonly migrations: string;
  readonly seed: string;
  readonly step: string;
  readonly tick: string;
  readonly sample: string;
  readonly faults: string;
  readonly correlation: string;
  readonly usage: Course;
  readonly dynamic?: string;
  readonly reserve: string;
  readonly yield: boolean;
  readonly memoryRatio: string;
  readonly learning: string;
  readonly tradeOff?: string;
  readonly sweep?: boolean;
  readonly mixes?: string;
  readonly seeds?: string;
  readonly policies?: string;
  readonly threads?: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function simulateCommand(terminal: SizeTerminal = process): Command {
  const command = new Command("simulate")
    .description(
      "simulate a cluster: the real scheduler and agents on virtual time, with faults, and what tenants feel",
    )
    .option(
      "--workload <file>",
      "VMs as headroom generate writes them (csv, jsonl), or an inventory; default: --scenario",
    )
    .option("--scenario <name|files>", "makes the workload; of a trade-off also several names", "ovhcloud2023")
    .option("--vms <number>", "VMs of the beginning, of a scenario", "500")
    .option("--ratios <shares>", "allocation ratios and their shares, of a scenario (default: its own)")
    .option("--temporality <slice,day,days>", "seconds of a slice and of a day, and days", "360,8640,7")
    .requiredOption("--hosts <number|least>", "hosts; least: the fewest on which no VM is refused")
    .addOption(hostOption("one host", "32x131072"))
    .addOption(policyOption())
    .addOption(migrationsOption())
    .option("--seed <number>", "same seed, same run", "1")
    .option("--step <seconds>", "so long usage stands still", "60")
    .option("--tick <seconds>", "between two ticks of an agent; 5 in life, longer is faster", "360")
    .option("--sample <seconds>", "between two lines of metrics", "360")
    .option("--faults <list>", "what goes wrong (default: nothing)", "")
    .addOption(
      new Option("--usage <course>", "drawn anew each step, or with bursts and waking that last, or with days as well")
        .choices(COURSES)
        .default("independent"),
    )
    .option("--correlation <share>", "part of its time that a VM's usage follows what is common to all, 0 to 1", "0");
  return followingUsage(command)
    .option("--sweep", "many runs: every mix, seed and policy, with the confidence of the means")
    .option(
      "--mixes <list>",
      "of both, in percent at 1:1, 2:1 ...; experiment: the published 15 (default: of a sweep experiment, of a trade-off --ratios)",
    )
    .option("--seeds <list>", "of both: numbers and ranges (default: --seed)")
    .option("--policies <list>", "of a sweep (default: --policy)")
    .option("--threads <number>", "runs at once (default: as many as there are processors)")
    .option("--out <folder>", "where the files are written (default: none are)")
    .option("--json", "print the summary as JSON")
    .addHelpText("after", EXAMPLES)
    .action((given: Given) => simulateAs(given, terminal));
}

/** What hosts make of what they measure. */
const followingUsage = (command: Command): Command =>
  command
    .option(
      "--dynamic <factor>",
      "pools follow their usage, counted at most at so many times their ratio (1: never beyond)",
    )
    .option(
      "--reserve <percent>",
      "with it: of what pools beyond their ratio do without, what stays free for them",
      "50",
    )
    .option("--no-yield", "with it: busy pools keep what they hold beyond what was sold, and newcomers are refused")
    .option(
      "--memory-ratio <number>",
      "memory sold for each MiB that there is, admitted against estimates, with the guests' memory coordinated (of a trade-off: beside the others)",
      "1",
    )
    .option("--learning <seconds>", "with it: a window of learning", "600")
    .option(
      "--trade-off <factors>",
      "hosts against steal, beside pools as they were sold: pools that follow their usage, and ratios raised, by factor",
    );

const policyOption = (): Option =>
  new Option("--policy <name>", "placement (learnt: headroom by learnt prices)")
    .choices(PLACEMENT_NAMES)
    .default("headroom");

const migrationsOption = (): Option =>
  new Option("--migrations <number>", "live moves that make room for a VM that no host takes, at most")
    .choices(["0", "1", "2"])
    .default("0");

function shareOf(text: string): number {
  const share = /^[01](\.\d{1,6})?$/.test(text) ? Number(text) : 2;
  if (share > 1) throw new UsageError(`--correlation ${text}: expected a share from 0 to 1, such as 0.2`);
  return share;
}

function planOf(given: Given): Omit<SimulationPlan, "hosts"> {
  const { host: shape, policy: placement, faults } = given;
  return {
    shape,
    placement,
    migrations: Number(given.migrations),
    seed: parseSeed(given.seed, "--seed"),
    step: seconds(parseCount(given.step, "--step")),
    tick: seconds(parseCount(given.tick, "--tick")),
    sample: seconds(parseCount(given.sample, "--sample")),
    day: parseTemporality(given.temporality).day,
    faults,
    correlation: shareOf(given.correlation),
    course: given.usage,
    dynamic: given.dynamic === undefined ? null : { ...dynamicOf(given), factor: factorOf(given.dynamic, "--dynamic") },
    ratioFactor: 1,
    memoryRatio: factorOf(given.memoryRatio, "--memory-ratio"),
  };
}

/** Throws `UsageError` naming the option. */
function factorOf(text: string, option: string): number {
  const factor = /^\d(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (factor < 1 || factor > MOST_FACTOR)
    throw new UsageError(`${option} ${text}: expected a factor from 1 to ${MOST_FACTOR}, such as 1.5`);
  return factor;
}

function dynamicOf(given: Given): Omit<DynamicPlan, "factor"> {
  const reservePercent = /^\d{1,3}$/.test(given.reserve) ? Number(given.reserve) : 101;
  if (reservePercent > 100) throw new UsageError(`--reserve ${given.reserve}: expected a whole number from 0 to 100`);
  return { reservePercent, yields: given.yield, learning: seconds(parseCount(given.learning, "--learning")) };
}

async function workloadOf(given: Given, seed: number): Promise<Workload> {
  if (given.workload !== undefined) {
    const { readWorkload } = await import("../../trace/workload/workload-file.js");
    const { withUsage } = await import("../../simulator/workload.js");
    return { kind: "listed", vms: withUsage(await readWorkload(given.workload), seed) };
  }
  const [scenario, ...more] = await scenariosOf(given);
  if (more.length > 0 && given.tradeOff === undefined)
    throw new UsageError(`--scenario ${given.scenario}: several at a time are for --trade-off`);
  const initial = parseCount(given.vms, "--vms");
  return { kind: "generated", scenario: scenario!, temporality: parseTemporality(given.temporality), initial };
}

async function simulateAs(given: Given, terminal: SizeTerminal): Promise<void> {
  const plan = planOf(given);
  const hosts = given.hosts === "least" ? null : parseCount(given.hosts, "--hosts");
  const workload = await workloadOf(given, plan.seed);
  const { vmsOf } = await import("../../simulator/case.js");
  const vms = vmsOf(workload, plan.seed);
  refuseTooLarge(vms, plan.shape);
  if (given.tradeOff !== undefined && given.sweep === true)
    throw new UsageError("--trade-off and --sweep: one of them at a time");
  const { FaultFormatError } = await import("../../simulator/fault.js");
  const { PromiseBroken } = await import("../../simulator/promises.js");
  try {
    if (given.tradeOff !== undefined) await tradeOff(given, { workload, plan, hosts }, terminal);
    else if (given.sweep === true) await sweep(given, { workload, plan, hosts }, terminal);
    else await simulateOne(given, plan, hosts, vms, terminal);
  } catch (error) {
    if (error instanceof FaultFormatError) throw new UsageError(`--faults: ${error.message}`);
    if (error instanceof PromiseBroken)
      throw new CommandFailure(`${error.message}\nThis is a bug in Headroom, please report it with the command.`);
    throw error;
  }
}

async function simulateOne(
  given: Given,
  plan: Omit<SimulationPlan, "hosts">,
  hosts: number | null,
  vms: readonly SimulatedVm[],
  terminal: SizeTerminal,
): Promise<void> {
  const { optionsOf } = await import("../../simulator/plan.js");
  const began = performance.now();
  const needed = hosts ?? (await fewest(plan, vms, terminal));
  const summary = await runOnce(optionsOf({ ...plan, hosts: needed }, vms), given, terminal);
  await show(summary, given, (performance.now() - began) / 1000, terminal);
}

async function many(
  cases: readonly SimulationCase[],
  given: Given,
  terminal: SizeTerminal,
): Promise<readonly CaseResult[]> {
  const { vmsOf } = await import("../../simulator/case.js");
  for (const { workload, plan } of cases) refuseTooLarge(vmsOf(workload, plan.seed), plan.shape);
  const { runCases } = await import("../simulation/many.js");
  const threads = given.threads === undefined ? mostThreads() : parseCount(given.threads, "--threads");
  const kept =
    given.out === undefined ? null : new (await import("../simulation/kept-runs.js")).KeptRuns(given.out, version());
  const open = cases.filter((one) => (kept?.result(one) ?? null) === null).length;
  if (kept !== null && open < cases.length)
    terminal.stderr.write(`${cases.length - open} of ${cases.length} simulations are in ${kept.path} already.\n`);
  const { signal, release } = onTermination();
  const bar = await progressBar(terminal.stderr, `${open} simulations`);
  return runCases(cases, { threads, kept, onDone: bar.update, signal }).finally(() => {
    bar.stop();
    release();
  });
}

async function tradeOff(given: Given, base: Omit<SimulationCase, "name">, terminal: SizeTerminal): Promise<void> {
  const listed = base.workload.kind === "listed";
  if (listed && given.mixes !== undefined)
    throw new UsageError("--mixes: a --workload says at which ratio each VM is sold");
  const { tradeOffCases, tradeOffPoints, tradeOffRuns, tradeOffText } = await import("../simulation/trade-off.js");
  const rules = {
    dynamic: dynamicOf(given),
    factors: [...new Set(given.tradeOff!.split(",").map((text) => factorOf(text, "--trade-off")))],
    scenarios: listed ? [] : await scenariosOf(given),
    mixes: given.mixes === undefined ? null : parseMixes(given.mixes),
    memoryRatio: factorOf(given.memoryRatio, "--memory-ratio"),
    seeds: parseSeeds(given.seeds ?? given.seed),
  };
  const cases = tradeOffCases(base, rules);
  const runs = tradeOffRuns(cases, await many(cases, given, terminal));
  const points = tradeOffPoints(runs);
  terminal.stdout.write(given.json === true ? `${JSON.stringify({ points, runs })}\n` : tradeOffText(points));
  if (given.out === undefined) return;
  const { tradeOffReport } = await import("../simulation/trade-off-report.js");
  const { writeReport } = await import("../../report/write-report.js");
  await writeReport(tradeOffReport(points, aboutOf(given)), given.out);
  terminal.stderr.write(`Figure, table and page are in ${given.out}.\n`);
}

/** Several names that are built in are as many scenarios; files are parts of one. */
async function scenariosOf({ scenario, ratios }: Given): Promise<readonly Scenario[]> {
  const names = scenario.split(",");
  const several = names.every((name) => SCENARIOS.has(name));
  return Promise.all((several ? names : [scenario]).map((name) => scenarioOf(name, ratios)));
}

async function sweep(given: Given, base: Omit<SimulationCase, "name">, terminal: SizeTerminal): Promise<void> {
  const { sweepCases, sweepCsv, sweepPoints, sweepText } = await import("../simulation/sweep.js");
  if (base.workload.kind === "listed") throw new UsageError("--sweep: makes its workloads; --workload is for one");
  const policies = (given.policies ?? given.policy).split(",").map((name) => {
    const known = PLACEMENT_NAMES.find((one) => one === name);
    if (known === undefined)
      throw new UsageError(`--policies: there is no "${name}"; allowed: ${PLACEMENT_NAMES.join(", ")}`);
    return known;
  });
  const cases = sweepCases(
    base,
    parseMixes(given.mixes ?? "experiment"),
    parseSeeds(given.seeds ?? given.seed),
    policies,
  );
  const results = await many(cases, given, terminal);
  const points = sweepPoints(cases, results);
  terminal.stdout.write(given.json === true ? `${JSON.stringify(results)}\n` : sweepText(points));
  if (given.out === undefined) return;
  const { sweepReport } = await import("../simulation/sweep-report.js");
  const { writeReport } = await import("../../report/write-report.js");
  const { writeWhole } = await import("../../report/files.js");
  await writeReport(sweepReport(points, aboutOf(given)), given.out);
  writeWhole(join(given.out, "sweep.csv"), sweepCsv(cases, results));
  terminal.stderr.write(`Figures, tables and page are in ${given.out}.\n`);
}

/** The workload of many runs, for the reader of their report. */
function aboutOf({ workload, scenario, vms, usage, seeds, seed }: Given): string {
  return `${workload ?? `${scenario}, ${vms} VMs at the beginning`}, usage ${usage}, seeds ${seeds ?? seed}`;
}

function refuseTooLarge(vms: readonly SimulatedVm[], shape: SizedHost): void {
  const vm = vms.find(({ vcpus, memoryMiB }) => vcpus > shape.pcpus || memoryMiB > shape.memoryMiB);
  if (vm === undefined) return;
  throw new CommandFailure(
    `VM ${vm.id} wants ${vm.vcpus} vCPUs and ${vm.memoryMiB} MiB, a host has ${shape.pcpus} and ${shape.memoryMiB}: no number of hosts takes it`,
  );
}

async function fewest(
  plan: Omit<SimulationPlan, "hosts">,
  vms: readonly SimulatedVm[],
  terminal: SizeTerminal,
): Promise<number> {
  const { fewestHosts } = await import("../../simulator/case.js");
  const { hosts } = await fewestHosts(plan, vms, (count, suffices) =>
    terminal.stderr.write(`${count} hosts: ${suffices ? "nobody is refused" : "too few"}\n`),
  );
  return hosts;
}

async function runOnce(
  options: Parameters<typeof import("../../simulator/simulate.js").simulate>[0],
  given: Given,
  terminal: SizeTerminal,
): Promise<Summary> {
  const { simulate } = await import("../../simulator/simulate.js");
  const { RunFiles } = await import("../simulation/files.js");
  const files = given.out === undefined ? null : new RunFiles(given.out);
  const bar = await progressBar(terminal.stderr, "simulating");
  const sink: Sink = {
    event: (event) => files?.event(event),
    sample: (sample) => files?.sample(sample),
    progress: bar.update,
  };
  const summary = await simulate(options, sink).finally(() => bar.stop());
  files?.finish(summary);
  return summary;
}

async function show(summary: Summary, given: Given, wallSeconds: number, terminal: SizeTerminal): Promise<void> {
  if (given.json === true) {
    terminal.stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  const { summaryText } = await import("../simulation/text.js");
  const speed = `${summary.events} events in ${wallSeconds.toFixed(1)} s: ${Math.round(summary.events / wallSeconds)} a second`;
  const where = given.out === undefined ? "" : `Files are in ${given.out}.\n`;
  terminal.stdout.write(`${summaryText(summary)}${speed}\n${where}`);
}
