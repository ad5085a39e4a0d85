/**
 * The settings as options of a command: each becomes `--kebab-case`, shown under its group with what is allowed, its
 * environment names and its default. Values stay text here: settings/resolve.ts checks them with those of the other places.
 */
import { type Command, Option } from "commander";
import type { SettingsRequest } from "./config.js";
import { SETTING_KEYS, type SettingKey } from "./settings/agent-settings.js";
import { AGENT_PROGRAM, type Program, type SettingsTable } from "./settings/program.js";
import { flagName } from "./settings/resolve.js";
import { formatSetting, type Setting } from "./settings/setting.js";

function optionOf(key: string, definition: Setting<unknown>): Option {
  const fallback = formatSetting(definition.fallback);
  const standard = fallback === "" ? null : `default ${fallback}`;
  const notes = [definition.allowed, standard, definition.names.join(", ")].filter((note) => note !== null);
  const option = new Option(`${flagName(key)} <value>`, `${definition.about} (${notes.join("; ")})`);
  return option.helpGroup(`${definition.group}:`);
}

const entries = (table: SettingsTable): readonly (readonly [string, Setting<unknown>])[] => Object.entries(table);

/** Adds the agent's `keys` (all when absent), `--config` and `--env-file`. */
export function addSettingsOptions(command: Command, keys: readonly SettingKey[] = SETTING_KEYS): Command {
  const wanted: readonly string[] = keys;
  return addOptions(
    command,
    entries(AGENT_PROGRAM.table).filter(([key]) => wanted.includes(key)),
  );
}

/** Adds all of a program's settings, `--config` and `--env-file`. `except`: keys whose options the command has already. */
export const addProgramOptions = <T extends SettingsTable>(
  command: Command,
  { table }: Program<T>,
  except: readonly string[] = [],
): Command =>
  addOptions(
    command,
    entries(table).filter(([key]) => !except.includes(key)),
  );

function addOptions(command: Command, settings: ReturnType<typeof entries>): Command {
  command.option("--config <file>", "settings as a JSON object (default: /etc/headroom/config.json when there)");
  command.option("--env-file <file>", "settings as NAME=value lines (default: .env of this folder when there)");
  for (const [key, definition] of settings) command.addOption(optionOf(key, definition));
  return command;
}

/** What a command with settings among its options was given. */
export function settingsRequest(
  options: Readonly<Record<string, unknown>>,
  { table }: { readonly table: SettingsTable } = AGENT_PROGRAM,
): SettingsRequest {
  const flags: Record<string, unknown> = {};
  for (const [key, definition] of entries(table)) {
    const value = options[optionOf(key, definition).attributeName()];
    if (value !== undefined) flags[key] = value;
  }
  return { flags, envFile: textOrAbsent(options.envFile), configFile: textOrAbsent(options.config) };
}

const textOrAbsent = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
