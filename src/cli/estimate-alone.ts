/**
 * The command line with one command, `estimate`, for a start in a tenth of a second. What is printed is the same. The form for
 * live hosts and the help need its settings, and take a moment longer.
 */
import { emptyProgram, inherited, runProgram } from "./assemble.js";
import { estimateCommand } from "./commands/estimate.js";
import type { ExitCode } from "./exit.js";

const ONLINE: ReadonlySet<string> = new Set(["--watch", "--once", "--list", "--help", "-h"]);

export async function run(argv: readonly string[]): Promise<ExitCode> {
  const isOnline = argv.some((word) => ONLINE.has(word));
  const online = isOnline ? (await import("./commands/estimate-online.js")).ONLINE_FORM : null;
  return runProgram(inherited(emptyProgram().addCommand(estimateCommand(process, online))), argv, process.stderr);
}
