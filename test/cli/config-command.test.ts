/** What `headroom config` prints: every setting, where it came from, and no secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsJson, settingsTable } from "../../src/cli/commands/config.js";
import { SETTING_KEYS } from "../../src/cli/settings/agent-settings.js";
import { SCHEDULER_PROGRAM } from "../../src/cli/settings/program.js";
import { type Places, resolveFor, resolveSettings } from "../../src/cli/settings/resolve.js";
import { plainPaint } from "../../src/cli/terminal.js";

const SECRET = "headroom_do-not-print-me";
const PLACES: Places = {
  flags: { logLevel: "debug" },
  environment: { HEADROOM_TOKEN: SECRET, SCL_PORT: "8100", SCG_PORT: "8101", HEADROOM_PRT: "1" },
  envFile: { path: "/etc/headroom/agent.env", values: { OVSB_CRITICAL_SIZE: "10", HEADROOM_POLICY: "fast" } },
  configFile: null,
};
const resolution = resolveSettings(PLACES);

test("the table names every setting, its value and its origin", () => {
  const table = settingsTable(resolution, plainPaint);
  for (const key of SETTING_KEYS) assert.match(table, new RegExp(`\\b${key}\\b`));
  assert.match(table, /logLevel +│ debug +│ flag: --log-level/);
  assert.match(table, /port +│ 8100 +│ environment: SCL_PORT/);
  assert.match(table, /criticalSize +│ 10 +│ env file \/etc\/headroom\/agent\.env: OVSB_CRITICAL_SIZE/);
  assert.match(table, /maximumRatio +│ 16 +│ default/);
});

test("a refused value is not passed off as the setting's", () => {
  assert.match(settingsTable(resolution, plainPaint), /policy +│ \(refused, see below\)/);
});

test("an unknown name is warned of, with the one that was meant", () => {
  const table = settingsTable(resolution, plainPaint);
  assert.match(table, /warning: HEADROOM_PRT is set, but no setting has this name; did you mean HEADROOM_PORT\?/);
});

test("no output holds a secret", () => {
  assert.doesNotMatch(settingsTable(resolution, plainPaint), new RegExp(SECRET));
  assert.doesNotMatch(JSON.stringify(settingsJson(resolution)), new RegExp(SECRET));
  assert.match(settingsTable(resolution, plainPaint), /token +│ \*+ +│ environment: HEADROOM_TOKEN/);
});

test("an absent secret is shown as absent, not masked", () => {
  const none = resolveSettings({ ...PLACES, environment: {} });
  assert.match(settingsTable(none, plainPaint), /token +│ \(none\)/);
});

test("the JSON carries values with their types, and origins", () => {
  const json = settingsJson(resolution);
  const text = JSON.stringify(json);
  assert.match(text, /"port":\{"value":8100,"from":"environment","name":"SCL_PORT"\}/);
  assert.match(text, /"file":"\/etc\/headroom\/agent\.env"/);
});

test("the scheduler's settings are shown the same way", () => {
  const scheduler = resolveFor(SCHEDULER_PROGRAM, PLACES);
  const table = settingsTable(scheduler, plainPaint, SCHEDULER_PROGRAM.table);
  assert.match(table, /port +│ 8101 +│ environment: SCG_PORT/);
  assert.match(table, /logLevel +│ debug/);
  assert.doesNotMatch(table, /hypervisor/);
  assert.match(JSON.stringify(settingsJson(scheduler, SCHEDULER_PROGRAM.table)), /"etcdEndpoints":\{"value":\[\]/);
});
