/**
 * Which value of each setting counts, and where it came from: flag, environment, `.env` file, config file, default, in
 * this order (spec 2.3). Pure: the places are arguments. Every problem is collected, so that one start names them all.
 */
import { nearest } from "./nearest.js";
import {
  AGENT_PROGRAM,
  type AgentTable,
  ALL_NAMES,
  isShared,
  type Program,
  SECTIONS,
  type SettingsTable,
  type ValuesOf,
} from "./program.js";
import type { Setting } from "./setting.js";

/** Texts by flag key, by environment name, by name in `.env`; JSON values by key. */
export interface Places {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly envFile: { readonly path: string; readonly values: Readonly<Record<string, string | undefined>> } | null;
  readonly configFile: { readonly path: string; readonly values: Readonly<Record<string, unknown>> } | null;
}

export type Place = "flag" | "environment" | "env file" | "config file" | "default";

export interface Origin {
  readonly place: Place;
  /** As the person wrote it: `--port`, `SCL_PORT`, `port`; the setting's own name for defaults. */
  readonly name: string;
  /** File that it stood in, or null. */
  readonly file: string | null;
}

export interface Resolution<T extends SettingsTable = AgentTable> {
  readonly settings: ValuesOf<T>;
  readonly origins: Readonly<Record<keyof T, Origin>>;
  /** Settings whose value was refused; their default stands in `settings`. */
  readonly refused: ReadonlySet<keyof T>;
  /** Sentences about what was ignored. */
  readonly warnings: readonly string[];
  /** Sentences; when there is one, `settings` must not be used. */
  readonly problems: readonly string[];
}

interface Found {
  readonly value: unknown;
  readonly origin: Origin;
}

/** `--reserved-memory-mib`: kebab case, with the unit kept as one word. */
export const flagName = (key: string): string =>
  `--${key.replace("MiB", "Mib").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function findByName(names: readonly string[], values: Places["environment"]): { name: string; value: string } | null {
  for (const name of names) {
    const value = values[name];
    if (value !== undefined) return { name, value };
  }
  return null;
}

function find(key: string, definition: Setting<unknown>, places: Places): Found | null {
  const flag = places.flags[key];
  if (flag !== undefined) return { value: flag, origin: { place: "flag", name: flagName(key), file: null } };
  const inEnvironment = findByName(definition.names, places.environment);
  if (inEnvironment) {
    return { value: inEnvironment.value, origin: { place: "environment", name: inEnvironment.name, file: null } };
  }
  const inFile = places.envFile && findByName(definition.names, places.envFile.values);
  if (inFile) {
    return { value: inFile.value, origin: { place: "env file", name: inFile.name, file: places.envFile!.path } };
  }
  const configured = places.configFile?.values[key];
  if (configured !== undefined) {
    return { value: configured, origin: { place: "config file", name: key, file: places.configFile!.path } };
  }
  return null;
}

export function describeOrigin(origin: Origin): string {
  return origin.file === null ? origin.place : `${origin.place} ${origin.file}`;
}

function describeProblem(definition: Setting<unknown>, found: Found, detail: string | null): string {
  const shown = definition.secret ? "a value that is not shown" : JSON.stringify(found.value);
  const where = found.origin.place === "flag" ? "" : ` (${describeOrigin(found.origin)})`;
  const tail = detail === null ? "" : `. ${detail}`;
  return `${found.origin.name}${where} is ${shown}; it must be ${definition.allowed}${tail}`;
}

/** Zod's own words add nothing to `allowed`; a check of ours says which part is wrong. */
function customDetail(issues: readonly { readonly code?: string; readonly message: string }[]): string | null {
  const custom = issues.find((issue) => issue.code === "custom" && issue.message !== "Invalid input");
  return custom?.message ?? null;
}

function unknownNames(places: Places): string[] {
  const warnings: string[] = [];
  for (const values of [places.environment, places.envFile?.values ?? {}]) {
    for (const name of Object.keys(values)) {
      if (!name.startsWith("HEADROOM_") || ALL_NAMES.includes(name)) continue;
      const guess = nearest(name, ALL_NAMES);
      warnings.push(`${name} is set, but no setting has this name${guess ? `; did you mean ${guess}?` : ""}`);
    }
  }
  return warnings;
}

type ConfigFile = NonNullable<Places["configFile"]>;

/** The part of the config file that is this program's: its sections, and what it shares with the agent. */
function ownPart(
  { path, values }: ConfigFile,
  { section, otherSections = [], table }: Pick<Program<SettingsTable>, "section" | "otherSections" | "table">,
): { own: ConfigFile; problems: string[] } {
  if (section === null) {
    const own = Object.entries(values).filter(([key]) => !SECTIONS.includes(key));
    return { own: { path, values: Object.fromEntries(own) }, problems: [] };
  }
  const own: Record<string, unknown> = Object.fromEntries(
    Object.entries(values).filter(([key]) => isShared(key, table)),
  );
  const problems: string[] = [];
  for (const name of [...otherSections, section]) {
    const part = values[name] ?? {};
    if (typeof part === "object" && !Array.isArray(part)) Object.assign(own, part);
    else problems.push(`${name} (config file ${path}) must be a JSON object of settings`);
  }
  return { own: { path, values: own }, problems };
}

function unknownKeys({ path, values }: ConfigFile, keys: readonly string[]): string[] {
  return Object.keys(values)
    .filter((key) => !keys.includes(key))
    .map((key) => {
      const guess = nearest(key, keys);
      return `${key} (config file ${path}) is not a setting${guess ? `; did you mean ${guess}?` : ""}`;
    });
}

/** The agent's settings. */
export const resolveSettings = (places: Places): Resolution => resolveFor(AGENT_PROGRAM, places);

export function resolveFor<T extends SettingsTable>(program: Program<T>, given: Places): Resolution<T> {
  const { table } = program;
  const part = given.configFile === null ? null : ownPart(given.configFile, program);
  const places = { ...given, configFile: part?.own ?? null };
  const problems = part === null ? [] : [...part.problems, ...unknownKeys(part.own, Object.keys(table))];
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const refused = new Set<string>();
  for (const [key, definition] of Object.entries<Setting<unknown>>(table)) {
    const found = find(key, definition, places);
    settings[key] = definition.fallback;
    origins[key] = found?.origin ?? { place: "default", name: definition.names[0], file: null };
    if (found === null) continue;
    const read = definition.schema.safeParse(found.value);
    if (read.success) {
      settings[key] = read.data;
    } else {
      refused.add(key);
      problems.push(describeProblem(definition, found, customDetail(read.error.issues)));
    }
  }
  const values = settings as ValuesOf<T>;
  if (problems.length === 0) problems.push(...program.conflicts(values));
  return {
    settings: values,
    origins: origins as Record<keyof T, Origin>,
    refused,
    warnings: unknownNames(places),
    problems,
  };
}
