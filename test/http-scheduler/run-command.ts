/** Runs a command of the command line in this process, against a test's cluster. */
import type { Command } from "commander";
import type { Output } from "../../src/cli/agent-connection.js";
import { exitCodeOf } from "../../src/cli/exit.js";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function runCommand(
  { url }: { readonly url: string },
  make: (output: Output) => Command,
  ...argv: readonly string[]
): Promise<Outcome> {
  const [out, err] = [[] as string[], [] as string[]];
  const [stdout, stderr] = [{ write: (text: string) => out.push(text) }, { write: (text: string) => err.push(text) }];
  const command = make({ stdout, stderr });
  for (const one of [command, ...command.commands])
    one.exitOverride().configureOutput({ writeErr: stderr.write, writeOut: stdout.write });
  const outcome = (code: number): Outcome => ({ code, out: out.join(""), err: err.join("") });
  try {
    await command.parseAsync([...argv, "--url", url], { from: "user" });
    return outcome(0);
  } catch (error) {
    err.push((error as Error).message);
    return outcome(exitCodeOf(error));
  }
}
