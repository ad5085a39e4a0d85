/**
 * What the commands that talk to an agent share: its URL and token from the settings, a client, and how its problems end
 * the command: wrong input is wrong usage (2), any other refusal a failure (1), no agent is 3.
 */
import type { Command } from "commander";
import type { AgentClient, ProblemError } from "../http/client.js";
import { loadSettings } from "./config.js";
import { Unsuccessful, UsageError } from "./exit.js";
import { addSettingsOptions, settingsRequest } from "./settings-options.js";

/** Where a command prints; process, or a test's own. */
export interface Output {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

/** A change waits for a real guest to start. */
const TIMEOUT_MS = 90_000;

export const addConnectionOptions = (command: Command): Command =>
  addSettingsOptions(command, ["url", "token"]).option("--json", "print JSON, for scripts");

/** Runs `work` against the agent that the options and the environment name. */
export async function withAgent<T>(
  options: Readonly<Record<string, unknown>>,
  output: Output,
  work: (client: AgentClient) => Promise<T>,
): Promise<T> {
  const { settings } = loadSettings(settingsRequest(options));
  // Loaded here: the HTTP client is the largest part of the start of commands that need none.
  const { agentClient, ProblemError } = await import("../http/client.js");
  const client = agentClient({ baseUrl: settings.url, token: settings.token, timeoutMs: TIMEOUT_MS });
  try {
    return await work(client);
  } catch (error) {
    if (error instanceof ProblemError) throw endWith(error, options.json === true, output);
    throw error;
  }
}

const WRONG_INPUT = new Set(["invalid-body", "invalid-parameters"]);

function endWith({ problem }: ProblemError, json: boolean, output: Output): Error {
  if (json) output.stdout.write(`${JSON.stringify(problem, null, 2)}\n`);
  if (WRONG_INPUT.has(problem.code)) return new UsageError(problem.detail);
  output.stderr.write(`headroom: ${problem.title}: ${problem.detail} (${problem.code})\n`);
  if (problem.code === "unauthenticated" || problem.code === "forbidden")
    output.stderr.write("Give a token by --token or HEADROOM_TOKEN.\n");
  return new Unsuccessful(problem.detail);
}
