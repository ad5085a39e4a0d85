/**
 * The agent's log: one JSON line per event for machines (pino's form), or a line for people. Decides the form by where it
 * goes, unless the setting says so.
 */
import { pino, stdSerializers, stdTimeFunctions } from "pino";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";
import { type Paint, paintFor, type Style } from "../terminal.js";

export type LogFormat = "auto" | "json" | "text";
export type LogLevel = "debug" | "info" | "warn" | "error";

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

const STYLES: Readonly<Record<string, Style>> = { debug: "dim", info: "green", warn: "yellow", error: "red" };

interface Line {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** `12:03:44 info  listening url=http://127.0.0.1:8099`, in UTC. */
export function humanLine(json: string, paint: Paint): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Line;
  const rest = Object.entries(fields).map(([key, value]) => paint("dim", `${key}=${shown(value)}`));
  const failure = err === undefined ? [] : [paint("red", err.message ?? shown(err))];
  const stamp = time.slice(11, 19);
  return `${[paint("dim", stamp), paint(STYLES[level] ?? "red", level.padEnd(5)), msg ?? "", ...failure, ...rest].join(" ")}\n`;
}

/** What happened in the world is told by its words and those of its causes; where in the code says nothing more of it, as it does of a bug. */
function errorFields(error: Error): object {
  if (!(error instanceof OperationalError)) return stdSerializers.err(error);
  let { message } = error;
  for (let { cause } = error as Error; cause instanceof Error; { cause } = cause)
    if (!message.includes(cause.message)) message += `: ${cause.message}`;
  return { type: error.name, code: error.code, message };
}

export function agentLog(level: LogLevel, format: LogFormat, output: Output): Log {
  const forPeople = format === "text" || (format === "auto" && output.isTTY === true);
  const paint = paintFor(output);
  const destination = forPeople ? { write: (json: string) => output.write(humanLine(json, paint)) } : output;
  const options = {
    level,
    base: null,
    serializers: { err: errorFields },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (name: string) => ({ level: name }) },
  };
  return pino(options, { write: (text: string) => void destination.write(text) });
}
