/** A program's settings as the rows of the documents' tables. */
import type { SettingsTable } from "../../src/cli/settings/program.js";
import { formatSetting } from "../../src/cli/settings/setting.js";

export const rowsOf = (table: SettingsTable): string =>
  Object.entries(table)
    .map(([key, { names, fallback, about }]) => {
      const value = formatSetting(fallback);
      return `| \`${key}\` | ${names.map((name) => `\`${name}\``).join(", ")} | ${value === "" ? "" : `\`${value}\``} | ${about} |`;
    })
    .join("\n");
