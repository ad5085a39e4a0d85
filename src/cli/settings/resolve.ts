/**
 * Which value of each setting counts, and where it came from: flag, environment, `.env` file, config file, default, in
 * this order (spec 2.3). Pure: the places are arguments. Every problem is collected, so that one start names them all.
 */
import { AGENT_SETTINGS, SETTING_KEYS, type SettingKey, type Settings } from "./agent-settings.js";
import { LATER_NAMES } from "./later.js";
import { nearest } from "./nearest.js";
import type { Setting } from "./setting.js";

/** Texts by flag key, by environment name, by name in `.env`; JSON values by key. */
export interface Places {
  readonly flags: Readonly<Partial<Record<SettingKey, unknown>>>;
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

export interface LaterSetting {
  readonly name: string;
  readonly usedBy: string;
  readonly origin: Origin;
}

export interface Resolution {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingKey, Origin>>;
  /** Settings whose value was refused; their default stands in `settings`. */
  readonly refused: ReadonlySet<SettingKey>;
  readonly later: readonly LaterSetting[];
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

function find(key: SettingKey, definition: Setting<unknown>, places: Places): Found | null {
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

function conflicts(settings: Settings): string[] {
  const problems: string[] = [];
  if (settings.policy === "sweetspotvm" && settings.template.length === 0) {
    problems.push(
      "policy sweetspotvm needs a template: set HEADROOM_TEMPLATE or OVSB_TEMPLATE to a list such as 1.0,1.5,2.6",
    );
  }
  if ((settings.policy === "slackvm" || settings.policy === "vmstack") && settings.template.length > 0) {
    problems.push(
      `policy ${settings.policy} takes the ratio from each VM and knows no template: empty HEADROOM_TEMPLATE (OVSB_TEMPLATE), or use policy headroom or sweetspotvm`,
    );
  }
  if ((settings.tlsCertificate === null) !== (settings.tlsKey === null)) {
    problems.push("HEADROOM_TLS_CERTIFICATE and HEADROOM_TLS_KEY go together: set both or none");
  }
  const hidden = settings.hostPcpus.filter((id) => settings.excludedPcpus.includes(id));
  if (hidden.length > 0) {
    problems.push(`HEADROOM_HOST_PCPUS and HEADROOM_EXCLUDED_PCPUS both name pCPU ${hidden.join(", ")}: name it once`);
  }
  return problems;
}

function unknownNames(places: Places): { warnings: string[]; problems: string[] } {
  const known = SETTING_KEYS.flatMap((key) => AGENT_SETTINGS[key].names as readonly string[]);
  const warnings: string[] = [];
  for (const values of [places.environment, places.envFile?.values ?? {}]) {
    for (const name of Object.keys(values)) {
      if (!name.startsWith("HEADROOM_") || known.includes(name)) continue;
      const guess = nearest(name, known);
      warnings.push(`${name} is set, but no setting has this name${guess ? `; did you mean ${guess}?` : ""}`);
    }
  }
  const problems: string[] = [];
  for (const key of Object.keys(places.configFile?.values ?? {})) {
    if ((SETTING_KEYS as readonly string[]).includes(key)) continue;
    const guess = nearest(key, SETTING_KEYS);
    problems.push(
      `${key} (config file ${places.configFile!.path}) is not a setting${guess ? `; did you mean ${guess}?` : ""}`,
    );
  }
  return { warnings, problems };
}

function laterSettings(places: Places): LaterSetting[] {
  const out: LaterSetting[] = [];
  for (const [name, usedBy] of LATER_NAMES) {
    if (places.environment[name] !== undefined) {
      out.push({ name, usedBy, origin: { place: "environment", name, file: null } });
    } else if (places.envFile?.values[name] !== undefined) {
      out.push({ name, usedBy, origin: { place: "env file", name, file: places.envFile.path } });
    }
  }
  return out;
}

export function resolveSettings(places: Places): Resolution {
  const settings: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  const refused = new Set<SettingKey>();
  const { warnings, problems } = unknownNames(places);
  for (const key of SETTING_KEYS) {
    const definition: Setting<unknown> = AGENT_SETTINGS[key];
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
  if (problems.length === 0) problems.push(...conflicts(settings as Settings));
  return {
    settings: settings as Settings,
    origins: origins as Record<SettingKey, Origin>,
    refused,
    later: laterSettings(places),
    warnings,
    problems,
  };
}
