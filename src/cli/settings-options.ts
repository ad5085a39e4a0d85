/**
 * The settings as options of a command: each becomes `--kebab-case`, shown under its group with its environment names and
 * its default. Values stay text here: settings/resolve.ts checks them with those of the other places.
 */
import { type Command, Option } from "commander";
import type { SettingsRequest } from "./config.js";
import { AGENT_SETTINGS, SETTING_KEYS, type SettingKey } from "./settings/agent-settings.js";
import { flagName } from "./settings/resolve.js";
import { formatSetting, type Setting } from "./settings/setting.js";

function optionOf(key: SettingKey): Option {
  const definition: Setting<unknown> = AGENT_SETTINGS[key];
  const fallback = formatSetting(definition.fallback);
  const notes = [definition.names.join(", "), fallback === "" ? null : `default ${fallback}`].filter((note) => note);
  const option = new Option(`${flagName(key)} <value>`, `${definition.about} (${notes.join("; ")})`);
  return option.helpGroup(`${definition.group}:`);
}

/** Adds `keys` (all when absent), `--config` and `--env-file`. */
export function addSettingsOptions(command: Command, keys: readonly SettingKey[] = SETTING_KEYS): Command {
  command.option("--config <file>", "settings as a JSON object (default: /etc/headroom/config.json when there)");
  command.option("--env-file <file>", "settings as NAME=value lines (default: .env of this folder when there)");
  for (const key of keys) command.addOption(optionOf(key));
  return command;
}

/** What a command with `addSettingsOptions` was given. */
export function settingsRequest(options: Readonly<Record<string, unknown>>): SettingsRequest {
  const flags: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    const value = options[optionOf(key).attributeName()];
    if (value !== undefined) flags[key] = value;
  }
  return { flags, envFile: textOrAbsent(options.envFile), configFile: textOrAbsent(options.config) };
}

const textOrAbsent = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
