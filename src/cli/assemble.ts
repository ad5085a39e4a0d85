/**
 * What every command line of Headroom has in common, whichever commands it loads: how it presents itself, what a failure
 * prints, and which code it ends with.
 */
import { Command, CommanderError } from "commander";
import { describeFailure, EXIT, type ExitCode, exitCodeOf } from "./exit.js";
import { version } from "./version.js";

export const emptyProgram = (): Command =>
  new Command("headroom")
    .description(
      "Places virtual machines on deliberately oversubscribed KVM hosts, and keeps each at the quality it was sold.",
    )
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help; `headroom COMMAND --help` for one command")
    .helpCommand("help [command]", "print help for a command")
    .showSuggestionAfterError(true)
    .showHelpAfterError("(--help says what there is)")
    .exitOverride()
    .configureHelp({ sortOptions: false, showGlobalOptions: false });

/** Once all commands are there. */
export function inherited(program: Command): Command {
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
export async function runProgram(
  program: Command,
  argv: readonly string[],
  stderr: { write(text: string): unknown },
): Promise<ExitCode> {
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
