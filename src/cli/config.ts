/**
 * Where settings come from: the flags, the environment (environment.ts), the `.env` file and the config file. Finds the files,
 * and hands what all of them say to settings/resolve.ts.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { OperationalError } from "../ports/errors.js";
import { wholeEnvironment } from "./environment.js";
import type { Settings } from "./settings/agent-settings.js";
import { AGENT_PROGRAM, type Program, type SettingsTable } from "./settings/program.js";
import { type Places, type Resolution, resolveFor } from "./settings/resolve.js";

/** Read from the working folder when there, as the seeds do. */
const DEFAULT_ENV_FILE = ".env";
const DEFAULT_CONFIG_FILE = "/etc/headroom/config.json";

export interface SettingsRequest {
  readonly flags: Places["flags"];
  /** Must exist when named; otherwise `.env` of the working folder, if any. */
  readonly envFile?: string | undefined;
  /** Must exist when named; otherwise /etc/headroom/config.json, if any. */
  readonly configFile?: string | undefined;
}

/** Reads all places. Throws `bad-settings` only when a file cannot be read; wrong values are in `problems`. */
export const examineSettings = (request: SettingsRequest): Resolution => examineFor(AGENT_PROGRAM, request);

/** The same for any program. */
export function examineFor<T extends SettingsTable>(program: Program<T>, request: SettingsRequest): Resolution<T> {
  return resolveFor(program, {
    flags: request.flags,
    environment: wholeEnvironment(),
    envFile: readEnvFile(request.envFile),
    configFile: readConfigFile(request.configFile),
  });
}

/** The effective settings. Throws `bad-settings` with every wrong value, its name and what is allowed. */
export function loadSettings(request: SettingsRequest): { settings: Settings; warnings: readonly string[] } {
  const { settings, warnings, problems } = examineSettings(request);
  if (problems.length > 0) throw badSettings(problems);
  return { settings, warnings };
}

export function badSettings(problems: readonly string[]): OperationalError {
  const head = problems.length === 1 ? "A setting is wrong" : `${problems.length} settings are wrong`;
  return new OperationalError("bad-settings", `${head}:\n${problems.map((text) => `  ${text}`).join("\n")}`, false);
}

function readEnvFile(named: string | undefined): Places["envFile"] {
  const path = resolve(named ?? DEFAULT_ENV_FILE);
  if (named === undefined && !existsSync(path)) return null;
  return { path, values: parseEnv(readSettingsFile(path)) };
}

function readConfigFile(named: string | undefined): Places["configFile"] {
  const path = resolve(named ?? DEFAULT_CONFIG_FILE);
  if (named === undefined && !existsSync(path)) return null;
  const text = readSettingsFile(path);
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === "object" && values !== null && !Array.isArray(values)) {
      return { path, values: values as Record<string, unknown> };
    }
  } catch (error) {
    throw new OperationalError(
      "bad-settings",
      `The config file ${path} is not JSON: ${(error as Error).message}`,
      false,
      {
        cause: error,
      },
    );
  }
  throw new OperationalError("bad-settings", `The config file ${path} must hold one JSON object`, false);
}

function readSettingsFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OperationalError(
      "bad-settings",
      `The settings file ${path} cannot be read: ${(error as Error).message}`,
      false,
      {
        cause: error,
      },
    );
  }
}
