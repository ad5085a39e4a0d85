/** The command line with one command, `estimate`, for a start in a tenth of a second. What is printed is the same. */
import { emptyProgram, inherited, runProgram } from "./assemble.js";
import { estimateCommand } from "./commands/estimate.js";
import type { ExitCode } from "./exit.js";

export const run = (argv: readonly string[]): Promise<ExitCode> =>
  runProgram(inherited(emptyProgram().addCommand(estimateCommand())), argv, process.stderr);
