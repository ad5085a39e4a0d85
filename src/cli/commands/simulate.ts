/** `headroom simulate`: a whole cluster on virtual time, with the production code of scheduler and agents. */
import { Command, Option } from "commander";
import type { SizedHost } from "../../core/sizing/model.js";
import { seconds } from "../../core/units.js";
import type { SimulatedVm } from "../../simulator/options.js";
import type { PlacementName, SimulationPlan } from "../../simulator/plan.js";
import type { Sink, Summary } from "../../simulator/simulate.js";
import { CommandFailure, UsageError } from "../exit.js";
import { parseCount } from "../numbers.js";
import { progressBar } from "../progress.js";
import { parseSeed, parseTemporality, scenarioOf } from "../sizing/scenarios.js";
import { parseHost, type SizeTerminal } from "./size.js";

const PLACEMENT_NAMES = ["headroom", "slackvm", "spread", "pack"] as const satisfies readonly PlacementName[];

const EXAMPLES = `
Hosts and VMs are simulated, scheduler and agents are the programs themselves. A vCPU gets its share of its pool's pCPUs; what it wanted and
did not get is its steal. Same options, same files, byte for byte. After every event the design's promises are checked: the
run ends with an error where one is broken.

--out gets metrics.jsonl and metrics.csv (a line every --sample seconds), events.jsonl (what happened) and summary.json.
Faults: random=NUMBER, or KIND@SECOND+SECONDS:HOST with KIND one of host-down, agent-down, slow-agent, cut-off, lost-answers,
scheduler-down, store-down, drain; a list with commas. docs/simulation.md tells what each does.

Examples:
  headroom simulate --scenario ovhcloud2023 --ratios 1=50,3=50 --hosts 85 --out run
  headroom simulate --workload week.csv --hosts least
  headroom simulate --vms 40 --hosts 8 --tick 5 --faults random=20,host-down@3600+600:3
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
  readonly seed: string;
  readonly step: string;
  readonly tick: string;
  readonly sample: string;
  readonly faults: string;
  readonly correlation: string;
  readonly out?: string;
  readonly json?: boolean;
}

export function simulateCommand(terminal: SizeTerminal = process): Command {
  return new Command("simulate")
    .description(
      "simulate a cluster: the real scheduler and agents on virtual time, with faults, and what tenants feel",
    )
    .option(
      "--workload <file>",
      "VMs as headroom generate writes them (csv, jsonl), or an inventory; default: --scenario",
    )
    .option("--scenario <name|files>", "makes the workload", "ovhcloud2023")
    .option("--vms <number>", "VMs of the beginning, of a scenario", "500")
    .option("--ratios <shares>", "allocation ratios and their shares, of a scenario (default: its own)")
    .option("--temporality <slice,day,days>", "seconds of a slice and of a day, and days", "360,8640,7")
    .requiredOption("--hosts <number|least>", "hosts; least: the fewest on which no VM is refused")
    .option("--host <pCPUsxMiB>", "one host", parseHost, parseHost("32x131072"))
    .addOption(new Option("--policy <name>", "placement").choices(PLACEMENT_NAMES).default("headroom"))
    .option("--seed <number>", "same seed, same run", "1")
    .option("--step <seconds>", "so long usage stands still", "60")
    .option("--tick <seconds>", "between two ticks of an agent; 5 in life, longer is faster", "360")
    .option("--sample <seconds>", "between two lines of metrics", "360")
    .option("--faults <list>", "what goes wrong (default: nothing)", "")
    .option("--correlation <share>", "part of its time that a VM's usage follows what is common to all, 0 to 1", "0")
    .option("--out <folder>", "where the files are written (default: none are)")
    .option("--json", "print the summary as JSON")
    .addHelpText("after", EXAMPLES)
    .action((given: Given) => simulateAs(given, terminal));
}

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
    seed: parseSeed(given.seed, "--seed"),
    step: seconds(parseCount(given.step, "--step")),
    tick: seconds(parseCount(given.tick, "--tick")),
    sample: seconds(parseCount(given.sample, "--sample")),
    day: parseTemporality(given.temporality).day,
    faults,
    correlation: shareOf(given.correlation),
  };
}

async function vmsOf(given: Given, seed: number): Promise<readonly SimulatedVm[]> {
  const { generatedVms, withUsage } = await import("../../simulator/workload.js");
  if (given.workload !== undefined) {
    const { readWorkload } = await import("../../trace/workload/workload-file.js");
    return withUsage(await readWorkload(given.workload), seed);
  }
  const scenario = await scenarioOf(given.scenario, given.ratios);
  return generatedVms(scenario, parseTemporality(given.temporality), parseCount(given.vms, "--vms"), seed);
}

async function simulateAs(given: Given, terminal: SizeTerminal): Promise<void> {
  const plan = planOf(given);
  const hosts = given.hosts === "least" ? null : parseCount(given.hosts, "--hosts");
  const vms = await vmsOf(given, plan.seed);
  refuseTooLarge(vms, plan.shape);
  const { optionsOf } = await import("../../simulator/plan.js");
  const { FaultFormatError } = await import("../../simulator/fault.js");
  const { PromiseBroken } = await import("../../simulator/promises.js");
  const began = performance.now();
  try {
    const needed = hosts ?? (await fewest(plan, vms, terminal));
    const summary = await runOnce(optionsOf({ ...plan, hosts: needed }, vms), given, terminal);
    const wallSeconds = (performance.now() - began) / 1000;
    await show(summary, given, wallSeconds, terminal);
  } catch (error) {
    if (error instanceof FaultFormatError) throw new UsageError(`--faults: ${error.message}`);
    if (error instanceof PromiseBroken)
      throw new CommandFailure(`${error.message}\nThis is a bug in Headroom, please report it with the command.`);
    throw error;
  }
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
  const { optionsOf } = await import("../../simulator/plan.js");
  const { leastHosts } = await import("../../simulator/least.js");
  const { columnsOf } = await import("../../core/sizing/model.js");
  const { volumeBound } = await import("../../core/sizing/volume.js");
  const guess = volumeBound(columnsOf(vms), plan.shape);
  const { hosts } = await leastHosts(
    guess,
    (count) => optionsOf({ ...plan, hosts: count }, vms),
    (count, suffices) => terminal.stderr.write(`${count} hosts: ${suffices ? "nobody is refused" : "too few"}\n`),
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
