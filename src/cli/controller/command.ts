/**
 * What the commands of controllers share (spec 4): the interval as their one argument, the options, and the way from start
 * to signal. Where no hypervisor is, they end with exit code 1, as the course that they come from wants it.
 */
import { Command } from "commander";
import { type Controller, runController } from "../../agent/controller/loop.js";
import { milliseconds, type Seconds, seconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import { CommandFailure, UsageError } from "../exit.js";
import { agentLog } from "../host/agent-log.js";
import { settingsRequest } from "../settings-options.js";
import { onTermination } from "../termination.js";
import { type ControlledHost, openControlled } from "./host.js";
import { type Metric, type MetricsAddress, parseMetricsAddress, serveMetrics } from "./metrics-server.js";
import { type Form, type Output, openPresenter, type View } from "./presenter.js";

export interface ControllerOptions {
  readonly connect?: string;
  readonly once?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly plain?: boolean;
  readonly metrics?: MetricsAddress;
}

/** A controller with its outside. */
export interface RunnableController<Report> {
  readonly controller: Controller<Report>;
  readonly view: View<Report>;
  /** Read when `/metrics` is asked for. */
  metrics(): readonly Metric[];
}

export type MakeController<Options, Report> = (
  host: ControlledHost,
  options: Options & ControllerOptions,
  interval: Seconds,
) => RunnableController<Report>;

/** A day: a controller that looks less often controls nothing. */
const LONGEST_SECONDS = 86_400;
const SHORTEST_SECONDS = 0.1;

/** Throws `UsageError`. */
export function parseInterval(text: string, usage: string): Seconds {
  const value = /^\+?\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : 0;
  if (value < SHORTEST_SECONDS || value > LONGEST_SECONDS) {
    throw new UsageError(
      `the interval is ${JSON.stringify(text)}; it must be a number of seconds from ${SHORTEST_SECONDS} to ${LONGEST_SECONDS}, such as 12\nusage: ${usage}`,
    );
  }
  return seconds(value);
}

export const usageOf = (command: Command): string => `headroom ${command.name()} ${command.usage()}`;

export function controllerCommand(name: string, description: string, interval = "<interval>"): Command {
  return new Command(name)
    .description(description)
    .argument(interval, "seconds between two rounds, such as 12")
    .option("--connect <uri>", "the hypervisor (default: LIBVIRT_DEFAULT_URI, else qemu:///system)")
    .option("--once", "end after the first round that decides")
    .option("--dry-run", "say what would be done, and do nothing")
    .option("--json", "a JSON object on a line for each round")
    .option("--plain", "lines instead of a table that is redrawn (as where the output is no terminal)")
    .option("--metrics <[address:]port>", "serve /metrics there; a port alone is on loopback", parseMetricsAddress);
}

function formOf({ json, plain, once }: ControllerOptions, output: Output): Form {
  if (json === true) return "json";
  return plain === true || once === true || output.stdout.isTTY !== true ? "lines" : "live";
}

/** Makes the command's action of what makes the controller. */
export function controllerAction<Options, Report>(
  make: MakeController<Options, Report>,
  output: Output = process,
): (text: string, options: Options & ControllerOptions, command: Command) => Promise<void> {
  return async (text, options, command) => {
    const interval = parseInterval(text, usageOf(command));
    const log = agentLog("error", "text", output.stderr);
    const host = await openControlled(options.connect, log, settingsRequest(command.opts()));
    for (const warning of host.warnings) output.stderr.write(`headroom: ${warning}\n`);
    const runnable = make(host, options, interval);
    const termination = onTermination();
    try {
      await host.hypervisor.connect();
      await runUntil(termination.signal, host, runnable, options, interval, output);
    } catch (error) {
      if (error instanceof OperationalError && error.code.startsWith("hypervisor-"))
        throw new CommandFailure(error.message, { cause: error });
      throw error;
    } finally {
      await host.hypervisor.close();
      termination.release();
    }
  };
}

async function runUntil<Report>(
  signal: AbortSignal,
  host: ControlledHost,
  { controller, view, metrics }: RunnableController<Report>,
  options: ControllerOptions,
  interval: Seconds,
  output: Output,
): Promise<void> {
  const served = options.metrics === undefined ? null : await serveMetrics(options.metrics, metrics);
  if (served !== null) output.stderr.write(`headroom: metrics at ${served.url}\n`);
  const presenter = openPresenter(view, formOf(options, output), output);
  try {
    await runController(controller, {
      hypervisor: host.hypervisor,
      clock: host.clock,
      interval: milliseconds(interval * 1000),
      once: options.once === true,
      signal,
      onReport: presenter.report,
      onLost: presenter.lost,
    });
  } finally {
    presenter.close();
    served?.close();
  }
}
