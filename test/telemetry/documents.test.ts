/** docs/telemetry.md lists every metric, with its unit and its source, and every setting; this very code says which. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COLLECTOR_SETTINGS } from "../../src/cli/settings/collector-settings.js";
import { PROBE_SETTINGS } from "../../src/cli/settings/probe-settings.js";
import { rowsOf } from "../style/settings-rows.js";
import { TABLES } from "./tables.js";

const document = readFileSync(new URL("../../docs/telemetry.md", import.meta.url), "utf8");

/** The first table below a heading. */
function tableBelow(heading: string): string {
  const start = document.search(new RegExp(`^#+ ${heading}$`, "m"));
  assert.notEqual(start, -1, `there is no heading "${heading}"`);
  return /^\|.*\n(?:\|.*\n?)*/m.exec(document.slice(start))?.[0]?.trim() ?? "";
}

for (const [heading, table] of TABLES)
  test(`the table "${heading}" is the code's`, () => assert.equal(tableBelow(heading), table));

test("the settings of a collector are all there", () =>
  assert.equal(tableBelow("Settings of a collector").split("\n").slice(2).join("\n"), rowsOf(COLLECTOR_SETTINGS)));

test("the settings of a probe are all there", () =>
  assert.equal(tableBelow("Settings of a probe").split("\n").slice(2).join("\n"), rowsOf(PROBE_SETTINGS)));
