/** The sample store's settings: which store there is, and what it needs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SAMPLES_PROGRAM, sampleStoreOf } from "../../src/cli/settings/program.js";
import { resolveFor } from "../../src/cli/settings/resolve.js";

const from = (environment: Readonly<Record<string, string>>, file: Record<string, unknown> | null = null) =>
  resolveFor(SAMPLES_PROGRAM, {
    flags: {},
    environment,
    envFile: null,
    configFile: file === null ? null : { path: "config.json", values: file },
  });

const INFLUX = { INFLUXDB_URL: "http://10.0.0.1:8086", INFLUXDB_TOKEN: "t", INFLUXDB_BUCKET: "b" };

test("an .env file of the earlier systems means InfluxDB; nothing means the embedded store", () => {
  assert.equal(sampleStoreOf(from({}).settings), "embedded");
  const { settings, problems } = from({ ...INFLUX, INFLUXDB_ORG: "lab" });
  assert.deepEqual([sampleStoreOf(settings), settings.influxdbOrg, problems], ["influxdb", "lab", []]);
  assert.equal(sampleStoreOf(from({ ...INFLUX, HEADROOM_SAMPLE_STORE: "embedded" }).settings), "embedded");
});

test("a store without what it needs is told what that is", () => {
  assert.deepEqual(from({ HEADROOM_SAMPLE_STORE: "prometheus" }).problems, [
    "the sample store prometheus needs HEADROOM_PROMETHEUS_URL",
  ]);
  assert.match(from(INFLUX).problems.join(), /needs INFLUXDB_URL, INFLUXDB_BUCKET and INFLUXDB_ORG/);
  assert.deepEqual(from({ ...INFLUX, HEADROOM_INFLUXDB_DIALECT: "influxql" }).problems, []);
  assert.match(from({ HEADROOM_SAMPLE_COARSE_SECONDS: "7" }).problems.join(), /must be .*divides a day/);
  assert.match(
    from({ HEADROOM_SAMPLE_DAYS: "5" }).problems.join(),
    /HEADROOM_SAMPLE_FINE_DAYS \(30\) must not be more/,
  );
});

test("in a config file they stand below samples, and what the agent has as well at the top", () => {
  const { settings, problems } = from({}, { logLevel: "debug", port: 8099, samples: { sampleDays: 90 } });
  assert.deepEqual([settings.logLevel, settings.sampleDays, problems], ["debug", 90, []]);
  assert.match(from({}, { samples: { sampleDay: 90 } }).problems.join(), /did you mean sampleDays/);
});
