/**
 * What the commands that talk to an agent or a scheduler share: its URL and token from the settings, a client, and how its
 * problems end the command: wrong input is wrong usage (2), any other refusal a failure (1), nobody there is 3.
 */
import type { Command } from "commander";
import type { AnyHosts, AnyVm, VmClient } from "../http/client.js";
import type { ClientOptions, ProblemError } from "../http/client-call.js";
import type { SchedulerApiClient } from "../http/scheduler/client.js";
import type { CreateClusterVm } from "../http/scheduler/schemas/requests.js";
import { badSettings, examineSettings } from "./config.js";
import { Unsuccessful, UsageError } from "./exit.js";
import { addSettingsOptions, settingsRequest } from "./settings-options.js";

/** Where a command prints; process, or a test's own. */
export interface Output {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

export type Given = Readonly<Record<string, unknown>>;

/** A change waits for a real guest to start. */
const TIMEOUT_MS = 90_000;
/** Of commands that only a scheduler answers, where no URL is set. */
const SCHEDULER_URL = "http://127.0.0.1:8100";

export const addConnectionOptions = (command: Command): Command =>
  addSettingsOptions(command, ["url", "token", "clusterAuthority"]).option("--json", "print JSON, for scripts");

/** The hosts of whoever answers at the URL that the options and the environment name: an agent, or a scheduler. */
export async function hostsOf(given: Given, output: Output): Promise<AnyHosts> {
  const { anyHosts } = await clients();
  return connected(given, output, null, anyHosts);
}

/** Runs `work` against the agent or scheduler that the options and the environment name. */
export async function withVms<T>(
  given: Given,
  output: Output,
  work: (client: VmClient<AnyVm, CreateClusterVm>) => Promise<T>,
): Promise<T> {
  const { anyVmClient } = await clients();
  return connected(given, output, null, (options) => work(anyVmClient(options)));
}

/** The same against a scheduler, by default on its own port. */
export async function withScheduler<T>(
  given: Given,
  output: Output,
  work: (client: SchedulerApiClient) => Promise<T>,
): Promise<T> {
  const { schedulerClient } = await import("../http/scheduler/client.js");
  return connected(given, output, SCHEDULER_URL, (options) => work(schedulerClient(options)));
}

/** Loaded when wanted: the HTTP client is the largest part of the start of commands that need none. */
const clients = () => import("../http/client.js");

async function connected<T>(
  given: Given,
  output: Output,
  defaultUrl: string | null,
  work: (options: ClientOptions) => Promise<T>,
): Promise<T> {
  const { settings, origins, problems } = examineSettings(settingsRequest(given));
  if (problems.length > 0) throw badSettings(problems);
  const { ProblemError } = await import("../http/client-call.js");
  const baseUrl = defaultUrl !== null && origins.url.place === "default" ? defaultUrl : settings.url;
  const dispatcher = await trusting(settings);
  try {
    return await work({ baseUrl, token: settings.token, timeoutMs: TIMEOUT_MS, ...dispatcher });
  } catch (error) {
    if (error instanceof ProblemError) throw endWith(error, given.json === true, output);
    throw error;
  } finally {
    await dispatcher.dispatcher?.close();
  }
}

/** Connections that trust the operator's authority; none of our own where the system's will do. */
async function trusting(settings: Parameters<typeof import("./secret-files.js").authorityOf>[0]) {
  if (settings.clusterAuthority === null) return {};
  const { authorityOf } = await import("./secret-files.js");
  const { agentConnections } = await import("../http/agent-client/pool.js");
  return { dispatcher: agentConnections({ authority: authorityOf(settings) }) };
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
