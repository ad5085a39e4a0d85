/**
 * The command line with one command. Loading all of them takes longer than most of them work, so the one that was asked for
 * starts alone; what is printed is the same. The root's help, a misspelt command and completion need the whole (program.ts).
 */
import type { Command } from "commander";
import { emptyProgram, inherited, runProgram } from "./assemble.js";
import type { ExitCode } from "./exit.js";

/** Forms of `estimate` that need the settings for live hosts, or name them. */
const ONLINE: ReadonlySet<string> = new Set(["--watch", "--once", "--list", "--help", "-h"]);

async function loadEstimate(argv: readonly string[]): Promise<Command> {
  const isOnline = argv.some((word) => ONLINE.has(word));
  const { estimateCommand } = await import("./commands/estimate.js");
  return estimateCommand(process, isOnline ? (await import("./commands/estimate-online.js")).ONLINE_FORM : null);
}

const LOADERS: Readonly<Record<string, (argv: readonly string[]) => Promise<Command>>> = {
  agent: async () => (await import("./commands/agent.js")).agentCommand(),
  balance: async () => (await import("./commands/balance.js")).balanceCommand(),
  balloon: async () => (await import("./commands/balloon.js")).balloonCommand(),
  cluster: async () => (await import("./commands/cluster.js")).clusterCommand(),
  collect: async () => (await import("./commands/collect.js")).collectCommand(),
  config: async () => (await import("./commands/config.js")).configCommand(),
  demo: async () => (await import("./commands/demo.js")).demoCommand(),
  doctor: async () => (await import("./commands/doctor.js")).doctorCommand(),
  explain: async () => (await import("./commands/explain.js")).explainCommand(),
  export: async () => (await import("./commands/export.js")).exportCommand(),
  generate: async () => (await import("./commands/generate.js")).generateCommand(),
  host: async () => (await import("./commands/host.js")).hostCommand(),
  import: async () => (await import("./commands/import.js")).importCommand(),
  lab: async () => (await import("./commands/lab.js")).labCommand(),
  play: async () => (await import("./commands/play.js")).playCommand(),
  probe: async () => (await import("./commands/probe.js")).probeCommand(),
  replay: async () => (await import("./commands/replay.js")).replayCommand(),
  report: async () => (await import("./commands/report.js")).reportCommand(),
  reproduce: async () => (await import("./commands/reproduce.js")).reproduceCommand(),
  scheduler: async () => (await import("./commands/scheduler.js")).schedulerCommand(),
  simulate: async () => (await import("./commands/simulate.js")).simulateCommand(),
  size: async () => (await import("./commands/size.js")).sizeCommand(),
  status: async () => (await import("./commands/status.js")).statusCommand(),
  sweep: async () => (await import("./commands/sweep.js")).sweepCommand(),
  token: async () => (await import("./commands/token.js")).tokenCommand(),
  topology: async () => (await import("./commands/topology.js")).topologyCommand(),
  vm: async () => (await import("./commands/vm.js")).vmCommand(),
  estimate: loadEstimate,
};

/** The program that has just the command that a line names; null where the line needs the whole. */
export async function aloneProgram(argv: readonly string[]): Promise<Command | null> {
  const [name] = argv;
  if (name === "--version" || name === "-V") return emptyProgram();
  if (name === undefined || !Object.hasOwn(LOADERS, name)) return null;
  const command = await LOADERS[name]?.(argv);
  return command === undefined ? null : inherited(emptyProgram().addCommand(command));
}

/** Runs one command line with as little loaded as it needs. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  const alone = await aloneProgram(argv);
  return alone === null ? (await import("./program.js")).run(argv) : runProgram(alone, argv, process.stderr);
}
