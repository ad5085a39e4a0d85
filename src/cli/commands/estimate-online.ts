/**
 * `headroom estimate --watch`, `--once` and `--list`: estimates of live hosts, out of the sample store (docs/estimates-online.md). Apart
 * from the offline form, which starts without settings.
 */
import { readFile } from "node:fs/promises";
import Table from "cli-table3";
import type { Command } from "commander";
import type { StateFile } from "../../estimator/state-file.js";
import { OperationalError } from "../../ports/errors.js";
import { badSettings, examineFor } from "../config.js";
import { UsageError } from "../exit.js";
import { SHARED_FLAGS } from "../settings/estimator-settings.js";
import { ESTIMATOR_PROGRAM, type EstimatorSettings } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";
import type { EstimateTerminal, OnlineFlags, OnlineForm } from "./estimate.js";

const STALE_NOTE = "booked stands in for what is withheld";

/** Only what was written on the command line: defaults of the offline form are not the operator's wish. */
function written(command: Command): Record<string, unknown> {
  const options = command.opts<Record<string, unknown>>();
  const shared: readonly string[] = SHARED_FLAGS;
  const wanted = Object.entries(options).filter(
    ([key]) => !shared.includes(key) || command.getOptionValueSource(key) === "cli",
  );
  return Object.fromEntries(wanted);
}

function settingsOf(command: Command): { settings: EstimatorSettings; warnings: readonly string[] } {
  const request = settingsRequest(written(command), ESTIMATOR_PROGRAM);
  const { settings, warnings, problems } = examineFor(ESTIMATOR_PROGRAM, request);
  if (problems.length > 0) throw badSettings(problems);
  return { settings, warnings };
}

async function run(command: Command, flags: OnlineFlags, terminal: EstimateTerminal): Promise<void> {
  const wanted = [flags.watch, flags.once, flags.list].filter((flag) => flag === true).length;
  if (wanted > 1) throw new UsageError("--watch, --once and --list exclude each other");
  if (flags.load !== undefined)
    throw new UsageError("--load reads a recorded host; --watch, --once and --list are about the sample store");
  const { settings, warnings } = settingsOf(command);
  if (flags.list === true) return list(settings, flags.json === true, terminal);
  const { agentLog } = await import("../host/agent-log.js");
  const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
  for (const warning of warnings) log.warn({}, warning);
  const { estimateOnce, serveEstimator } = await import("../estimator/run-estimator.js");
  if (flags.watch === true) return serveEstimator(settings, log);
  await estimateOnce(settings, log);
  await list(settings, flags.json === true, terminal);
}

async function list({ estimateFile }: EstimatorSettings, json: boolean, { stdout }: EstimateTerminal): Promise<void> {
  const text = await textOf(estimateFile);
  stdout.write(json ? text : tableOf(stateOf(text, estimateFile)));
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const hint = "headroom estimate --watch writes it (HEADROOM_ESTIMATE_FILE or STATE_ENDPOINT says where)";
    throw new OperationalError("bad-input-file", `${path}: ${(cause as Error).message}; ${hint}`, false, { cause });
  }
}

function stateOf(text: string, path: string): StateFile {
  try {
    const state: unknown = JSON.parse(text);
    if (typeof state === "object" && state !== null && !Array.isArray(state)) return state as StateFile;
  } catch (cause) {
    throw new OperationalError("bad-input-file", `${path}: is not JSON: ${(cause as Error).message}`, false, { cause });
  }
  throw new OperationalError("bad-input-file", `${path}: must hold one JSON object, host by host`, false);
}

function tableOf(state: StateFile): string {
  const head = ["host", "CPU needed", "free", "memory needed", "free (MB)", "window's end", "note"];
  const table = new Table({ head, style: { head: [], border: [], compact: true } });
  let isNoted = false;
  for (const [host, { cpu, mem, at, withheld }] of Object.entries(state)) {
    const notes = [
      withheld?.cpu ? `CPU withheld: ${withheld.cpu}` : "",
      withheld?.mem ? `memory withheld: ${withheld.mem}` : "",
    ].filter((note) => note !== "");
    isNoted ||= notes.length > 0;
    const end = at === undefined ? "" : new Date(at).toISOString();
    table.push([host, cpu.tier0, cpu.tier2, mem.tier0, mem.tier2, end, notes.join("; ")]);
  }
  if (Object.keys(state).length === 0) return "no host was estimated yet\n";
  return `${table.toString()}\n${isNoted ? `${STALE_NOTE}\n` : ""}`;
}

export const ONLINE_FORM: OnlineForm = {
  addOptions: (command) => addProgramOptions(command, ESTIMATOR_PROGRAM, SHARED_FLAGS),
  run,
};
