/**
 * `headroom token create`: makes an access token. The token goes to standard output, once; its hash goes into the tokens
 * file, or to standard error where no file is named.
 */
import { appendFileSync, chmodSync, existsSync, readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { createToken, parseTokens, ROLES, type Role } from "../../http/auth.js";
import { OperationalError } from "../../ports/errors.js";
import type { Output } from "../agent-connection.js";
import { UsageError } from "../exit.js";

const EXAMPLES = `
Roles:
  viewer    reads
  agent     reads, deploys, resizes and removes: for other parts of Headroom
  operator  everything

Examples:
  headroom token create --role operator --file /etc/headroom/tokens --name alice
  export HEADROOM_TOKEN=$(headroom token create --role viewer --file /etc/headroom/tokens)
`;

/** Holds hashes only, but who can write it can let himself in. */
const FILE_MODE = 0o640;

interface CreateOptions {
  readonly role: Role;
  readonly file?: string;
  readonly name?: string;
}

export function tokenCommand(output: Output = process): Command {
  const create = new Command("create")
    .description("make a token; it is shown once, and only its hash is kept")
    .addOption(new Option("--role <role>", "what the token may do").choices(ROLES).makeOptionMandatory())
    .option("--file <path>", "tokens file to add its hash to (made when missing)")
    .option("--name <text>", "whom it is for, as a comment in the file")
    .addHelpText("after", EXAMPLES)
    .action((options: CreateOptions) => makeToken(options, output));
  return new Command("token").description("make access tokens for agents and schedulers").addCommand(create);
}

function makeToken({ role, file, name }: CreateOptions, output: Output): void {
  if (name !== undefined && !/^[\p{L}\p{N} ._@-]{1,64}$/u.test(name))
    throw new UsageError(`--name "${name}": allowed are 1 to 64 letters, digits, spaces, '.', '_', '@' or '-'`);
  const { token, line } = createToken(role);
  const entry = name === undefined ? line : `${line}  # ${name}`;
  if (file === undefined) output.stderr.write(`Add this line to the agent's tokens file:\n${entry}\n`);
  else addLine(file, entry, output);
  output.stdout.write(`${token}\n`);
}

function addLine(file: string, entry: string, output: Output): void {
  try {
    const isNew = !existsSync(file);
    const before = isNew ? "" : readFileSync(file, "utf8");
    // A file that an editor left without its last line's end.
    const line = before === "" || before.endsWith("\n") ? `${entry}\n` : `\n${entry}\n`;
    parseTokens(before + line, file);
    appendFileSync(file, line, { mode: FILE_MODE });
    // Whatever the umask says.
    if (isNew) chmodSync(file, FILE_MODE);
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    throw new OperationalError(
      "bad-settings",
      `Cannot write the tokens file ${file}: ${(error as Error).message}`,
      false,
      {
        cause: error,
      },
    );
  }
  output.stderr.write(`Added to ${file}; the agent reads it when it starts.\n`);
}
