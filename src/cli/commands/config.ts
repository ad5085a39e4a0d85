/**
 * `headroom config`: the effective settings and where each came from, secrets masked. Shows everything before it complains:
 * a wrong value is easier to mend with its place in sight.
 */
import Table from "cli-table3";
import { Command } from "commander";
import { badSettings, examineSettings } from "../config.js";
import { AGENT_SETTINGS, SETTING_KEYS, type SettingKey } from "../settings/agent-settings.js";
import { describeOrigin, type Origin, type Resolution } from "../settings/resolve.js";
import { formatSetting, GROUPS, type Setting } from "../settings/setting.js";
import { addSettingsOptions, settingsRequest } from "../settings-options.js";
import { type Paint, paintFor } from "../terminal.js";

const MASK = "********";

function shownValue(key: SettingKey, resolution: Resolution): unknown {
  if (resolution.refused.has(key)) return "(refused, see below)";
  const definition: Setting<unknown> = AGENT_SETTINGS[key];
  const value = resolution.settings[key];
  return definition.secret && value !== null ? MASK : value;
}

export function settingsJson(resolution: Resolution): object {
  const entries = SETTING_KEYS.map((key) => {
    const { place, name, file } = resolution.origins[key];
    return [key, { value: shownValue(key, resolution), from: place, name, ...(file === null ? {} : { file }) }];
  });
  return {
    settings: Object.fromEntries(entries),
    usedByLaterParts: resolution.later.map(({ name, usedBy, origin }) => ({
      name,
      usedBy,
      from: describeOrigin(origin),
    })),
    warnings: resolution.warnings,
    problems: resolution.problems,
  };
}

const namedOrigin = (origin: Origin): string =>
  origin.place === "default" ? "default" : `${describeOrigin(origin)}: ${origin.name}`;

export function settingsTable(resolution: Resolution, paint: Paint): string {
  const table = new Table({ head: ["setting", "value", "from"], style: { head: [], border: [], compact: true } });
  for (const group of GROUPS) {
    const keys = SETTING_KEYS.filter((key) => AGENT_SETTINGS[key].group === group);
    table.push([{ colSpan: 3, content: paint("bold", group) }]);
    for (const key of keys) {
      const origin = resolution.origins[key];
      const value = formatSetting(shownValue(key, resolution));
      const isDefault = origin.place === "default";
      table.push([
        key,
        value === "" ? paint("dim", "(none)") : value,
        paint(isDefault ? "dim" : "cyan", namedOrigin(origin)),
      ]);
    }
  }
  const lines = [table.toString()];
  for (const { name, usedBy, origin } of resolution.later) {
    lines.push(
      `${name} (${describeOrigin(origin)}) belongs to ${usedBy}, a later part of Headroom: nothing reads it yet.`,
    );
  }
  for (const warning of resolution.warnings) lines.push(paint("yellow", `warning: ${warning}`));
  return `${lines.join("\n")}\n`;
}

export function configCommand(): Command {
  const command = new Command("config").description("print the effective settings and where each came from");
  addSettingsOptions(command).option("--json", "print JSON");
  return command.action((options: Record<string, unknown>) => {
    const resolution = examineSettings(settingsRequest(options));
    const text = options.json
      ? `${JSON.stringify(settingsJson(resolution), null, 2)}\n`
      : settingsTable(resolution, paintFor(process.stdout));
    process.stdout.write(text);
    if (resolution.problems.length > 0) throw badSettings(resolution.problems);
  });
}
