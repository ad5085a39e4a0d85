/** The command line as a tree: one factory per subcommand, put into groups. Reads nothing itself, so that tests run it in their own process. */
import type { Command } from "commander";
import { emptyProgram, inherited, runProgram } from "./assemble.js";
import { agentCommand } from "./commands/agent.js";
import { balanceCommand } from "./commands/balance.js";
import { balloonCommand } from "./commands/balloon.js";
import { clusterCommand } from "./commands/cluster.js";
import { collectCommand } from "./commands/collect.js";
import { completionCommand } from "./commands/completion.js";
import { configCommand } from "./commands/config.js";
import { demoCommand } from "./commands/demo.js";
import { doctorCommand } from "./commands/doctor.js";
import { estimateCommand } from "./commands/estimate.js";
import { ONLINE_FORM } from "./commands/estimate-online.js";
import { explainCommand } from "./commands/explain.js";
import { exportCommand } from "./commands/export.js";
import { generateCommand } from "./commands/generate.js";
import { hostCommand } from "./commands/host.js";
import { importCommand } from "./commands/import.js";
import { labCommand } from "./commands/lab.js";
import { playCommand } from "./commands/play.js";
import { probeCommand } from "./commands/probe.js";
import { replayCommand } from "./commands/replay.js";
import { reportCommand } from "./commands/report.js";
import { reproduceCommand } from "./commands/reproduce.js";
import { schedulerCommand } from "./commands/scheduler.js";
import { simulateCommand } from "./commands/simulate.js";
import { sizeCommand } from "./commands/size.js";
import { statusCommand } from "./commands/status.js";
import { sweepCommand } from "./commands/sweep.js";
import { tokenCommand } from "./commands/token.js";
import { topologyCommand } from "./commands/topology.js";
import { vmCommand } from "./commands/vm.js";
import type { ExitCode } from "./exit.js";

const EPILOGUE = `
Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 agent, scheduler or hypervisor not reachable.

Examples:
  headroom demo                                     a simulated cluster, an hour in a minute
  headroom doctor                                   what this machine lacks, and the command that mends it
  headroom agent                                    manage the guests of this machine
  headroom scheduler --list http://10.0.0.7:8099    select hosts for the VMs of a cluster
  headroom vm create web --vcpus 2 --memory 4GiB --ratio 2
  headroom replay --topology epyc-7662-2s --load trace.csv --out results
  headroom estimate --load trace.json.gz --compare --out results
  headroom report results --out report               figures, their numbers, a page that explains them
`;

/** Groups of the help, in order. */
function groups(program: Command): readonly (readonly [heading: string, commands: readonly Command[]])[] {
  return [
    ["A host:", [agentCommand(), doctorCommand(), configCommand(), topologyCommand(), tokenCommand()]],
    ["Its VMs:", [vmCommand(), statusCommand()]],
    ["A host without an agent:", [balanceCommand(), balloonCommand(), labCommand()]],
    ["A cluster:", [schedulerCommand(), clusterCommand(), hostCommand(), explainCommand()]],
    ["Measuring:", [probeCommand(), collectCommand(), exportCommand(), importCommand()]],
    [
      "Planning:",
      [generateCommand(), playCommand(), sizeCommand(), sweepCommand(), simulateCommand(), reproduceCommand()],
    ],
    ["Trying it out:", [demoCommand(), replayCommand(), estimateCommand(process, ONLINE_FORM), reportCommand()]],
    ["Shell:", [completionCommand(program)]],
  ];
}

export function buildProgram(): Command {
  const program = emptyProgram().addHelpText("after", EPILOGUE);
  for (const [heading, commands] of groups(program)) {
    program.commandsGroup(heading);
    for (const command of commands) program.addCommand(command);
  }
  return inherited(program);
}

/** Runs one command line (without `node main.js`). Failures are printed on `stderr`. */
export const run = (
  argv: readonly string[],
  stderr: { write(text: string): unknown } = process.stderr,
): Promise<ExitCode> => runProgram(buildProgram(), argv, stderr);
