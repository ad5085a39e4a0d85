/**
 * `headroom config`: the effective settings and where each came from, secrets masked. Shows everything before it complains:
 * a wrong value is easier to mend with its place in sight.
 */
import Table from "cli-table3";
import { Command } from "commander";
import { badSettings, examineFor } from "../config.js";
import {
  AGENT_PROGRAM,
  COLLECTOR_PROGRAM,
  ESTIMATOR_PROGRAM,
  PROBE_PROGRAM,
  type Program,
  SAMPLES_PROGRAM,
  SCHEDULER_PROGRAM,
  type SettingsTable,
} from "../settings/program.js";
import { describeOrigin, type Origin, type Resolution } from "../settings/resolve.js";
import { formatSetting, GROUPS, type Setting } from "../settings/setting.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";
import { type Paint, paintFor } from "../terminal.js";

const MASK = "********";

function shownValue(key: string, definition: Setting<unknown>, resolution: Examined): unknown {
  if (resolution.refused.has(key)) return "(refused, see below)";
  const value = resolution.settings[key];
  return definition.secret && value !== null ? MASK : value;
}

/** What is shown of a program's settings, whichever it is. */
type Examined = Resolution<SettingsTable>;

const noOrigin: Origin = { place: "default", name: "", file: null };

export function settingsJson(resolution: Examined, table: SettingsTable = AGENT_PROGRAM.table): object {
  const entries = Object.entries(table).map(([key, definition]) => {
    const { place, name, file } = resolution.origins[key] ?? noOrigin;
    const value = shownValue(key, definition, resolution);
    return [key, { value, from: place, name, ...(file === null ? {} : { file }) }];
  });
  return {
    settings: Object.fromEntries(entries),
    warnings: resolution.warnings,
    problems: resolution.problems,
  };
}

const namedOrigin = (origin: Origin): string =>
  origin.place === "default" ? "default" : `${describeOrigin(origin)}: ${origin.name}`;

export function settingsTable(
  resolution: Examined,
  paint: Paint,
  settings: SettingsTable = AGENT_PROGRAM.table,
): string {
  const table = new Table({ head: ["setting", "value", "from"], style: { head: [], border: [], compact: true } });
  for (const group of GROUPS) {
    const own = Object.entries(settings).filter(([, definition]) => definition.group === group);
    if (own.length > 0) table.push([{ colSpan: 3, content: paint("bold", group) }]);
    for (const [key, definition] of own) {
      const origin = resolution.origins[key] ?? noOrigin;
      const value = formatSetting(shownValue(key, definition, resolution));
      const isDefault = origin.place === "default";
      table.push([
        key,
        value === "" ? paint("dim", "(none)") : value,
        paint(isDefault ? "dim" : "cyan", namedOrigin(origin)),
      ]);
    }
  }
  const lines = [table.toString()];
  for (const warning of resolution.warnings) lines.push(paint("yellow", `warning: ${warning}`));
  return `${lines.join("\n")}\n`;
}

export function configCommand(): Command {
  const command = new Command("config")
    .description("print the effective settings and where each came from")
    // Options behind `scheduler` are the scheduler's.
    .enablePositionalOptions();
  showing(command, AGENT_PROGRAM);
  const other = (name: string, of = `a ${name}`): Command => new Command(name).description(`the same for ${of}`);
  command.addCommand(showing(other("scheduler"), SCHEDULER_PROGRAM));
  command.addCommand(showing(other("probe"), PROBE_PROGRAM));
  command.addCommand(showing(other("collector"), COLLECTOR_PROGRAM));
  command.addCommand(showing(other("estimator", "headroom estimate --watch"), ESTIMATOR_PROGRAM));
  return command.addCommand(showing(other("samples", "whatever uses the sample store"), SAMPLES_PROGRAM));
}

function showing<T extends SettingsTable>(command: Command, program: Program<T>): Command {
  addProgramOptions(command, program).option("--json", "print JSON");
  return command.action((options: Record<string, unknown>) => {
    const resolution: Examined = examineFor<SettingsTable>(program, settingsRequest(options, program));
    const { table } = program;
    const text = options.json
      ? `${JSON.stringify(settingsJson(resolution, table), null, 2)}\n`
      : settingsTable(resolution, paintFor(process.stdout), table);
    process.stdout.write(text);
    if (resolution.problems.length > 0) throw badSettings(resolution.problems);
  });
}
