/**
 * Which exit code a command ends with, and which sentence it prints for a failure. Scripts may rely on the codes; a bug is
 * the only thing that shows a stack.
 */
import { Bug } from "../core/assert.js";
import { type FailureCode, OperationalError } from "../ports/errors.js";

export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line itself is wrong: exit code 2. The message names the argument and what is allowed. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command did its work and the answer is no (refused, checks failed); what there is to say was printed already. */
export class Unsuccessful extends Error {
  override readonly name = "Unsuccessful";
}

/** The command could not do its work: exit code 1 whatever the cause was, and the message alone for people. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

const CODE_OF_FAILURE: Partial<Record<FailureCode, ExitCode>> = {
  "hypervisor-unreachable": EXIT.unreachable,
  "hypervisor-timeout": EXIT.unreachable,
  "agent-unreachable": EXIT.unreachable,
  "bad-settings": EXIT.usage,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof OperationalError) return CODE_OF_FAILURE[error.code] ?? EXIT.failed;
  return EXIT.failed;
}

/** What to print on standard error; null when the command has said it. */
export function describeFailure(error: unknown): string | null {
  if (error instanceof Unsuccessful) return null;
  if (error instanceof OperationalError || error instanceof UsageError || error instanceof CommandFailure)
    return error.message;
  if (error instanceof Bug) return `This is a bug in Headroom, please report it.\n${error.stack ?? error.message}`;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
