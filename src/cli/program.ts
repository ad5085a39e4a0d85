/**
 * The command line as a tree: one factory per subcommand, put into groups. Decides what a failure prints and which code it
 * ends with; reads nothing itself, so that tests run it in their own process.
 */
import { Command, CommanderError } from "commander";
import { agentCommand } from "./commands/agent.js";
import { clusterCommand } from "./commands/cluster.js";
import { completionCommand } from "./commands/completion.js";
import { configCommand } from "./commands/config.js";
import { demoCommand } from "./commands/demo.js";
import { doctorCommand } from "./commands/doctor.js";
import { explainCommand } from "./commands/explain.js";
import { hostCommand } from "./commands/host.js";
import { probeCommand } from "./commands/probe.js";
import { replayCommand } from "./commands/replay.js";
import { schedulerCommand } from "./commands/scheduler.js";
import { statusCommand } from "./commands/status.js";
import { tokenCommand } from "./commands/token.js";
import { topologyCommand } from "./commands/topology.js";
import { vmCommand } from "./commands/vm.js";
import { describeFailure, EXIT, type ExitCode, exitCodeOf } from "./exit.js";
import { version } from "./version.js";

const EPILOGUE = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 agent, scheduler or hypervisor not reachable.

Examples:
  headroom demo                                     a simulated host, an hour in a minute
  headroom doctor                                   what this machine lacks, and the command that mends it
  headroom agent                                    manage the guests of this machine
  headroom scheduler --list http://10.0.0.7:8099    select hosts for the VMs of a cluster
  headroom vm create web --vcpus 2 --memory 4GiB --ratio 2
  headroom replay --topology epyc-7662-2s --load trace.csv --out results
`;

/** Groups of the help, in order. */
function groups(program: Command): readonly (readonly [heading: string, commands: readonly Command[]])[] {
  return [
    ["A host:", [agentCommand(), doctorCommand(), configCommand(), topologyCommand(), tokenCommand()]],
    ["Its VMs:", [vmCommand(), statusCommand()]],
    ["A cluster:", [schedulerCommand(), clusterCommand(), hostCommand(), explainCommand()]],
    ["Measuring:", [probeCommand()]],
    ["Trying it out:", [demoCommand(), replayCommand()]],
    ["Shell:", [completionCommand(program)]],
  ];
}

export function buildProgram(): Command {
  const program = new Command("headroom")
    .description(
      "Places virtual machines on deliberately oversubscribed KVM hosts, and keeps each at the quality it was sold.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help; `headroom COMMAND --help` for one command")
    .helpCommand("help [command]", "print help for a command")
    .showSuggestionAfterError(true)
    .showHelpAfterError("(--help says what there is)")
    .exitOverride()
    .configureHelp({ sortOptions: false, showGlobalOptions: false })
    .addHelpText("after", EPILOGUE);
  for (const [heading, commands] of groups(program)) {
    program.commandsGroup(heading);
    for (const command of commands) program.addCommand(command);
  }
  for (const command of program.commands) inheritSettings(command, program);
  return program;
}

/** Commander hands its settings down only to commands made by `.command()`; ours come from factories. */
function inheritSettings(command: Command, parent: Command, path = parent.name()): void {
  const full = `${path} ${command.name()}`;
  command.copyInheritedSettings(parent);
  command.showHelpAfterError(`(usage: ${full} ${command.usage()}; --help says what there is)`);
  for (const child of command.commands) inheritSettings(child, command, full);
}

function redirectErrors(command: Command, stderr: { write(text: string): unknown }): void {
  command.configureOutput({ writeErr: (text) => void stderr.write(text) });
  for (const child of command.commands) redirectErrors(child, stderr);
}

/** Runs one command line (without `node main.js`). Failures are printed on `stderr`. */
export async function run(
  argv: readonly string[],
  stderr: { write(text: string): unknown } = process.stderr,
): Promise<ExitCode> {
  const program = buildProgram();
  redirectErrors(program, stderr);
  try {
    await program.parseAsync([...argv], { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const text = describeFailure(error);
    if (text !== null) stderr.write(`headroom: ${text}\n`);
    return exitCodeOf(error);
  }
}
