/** History moves between stores and files and back, and stays what it was. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { exportCommand } from "../../src/cli/commands/export.js";
import { importCommand } from "../../src/cli/commands/import.js";
import { run } from "../../src/cli/program.js";
import { parseMoment } from "../../src/cli/samples/moment.js";
import { compareSamples } from "../../src/core/telemetry/sample-order.js";
import { type Milliseconds, milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import { prometheusSamples } from "../../src/drivers/stores/samples/prometheus/store.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { readEstimatorTrace } from "../../src/trace/estimator-reader.js";
import { ESTIMATOR_METRICS } from "../../src/trace/estimator-writer.js";
import { afterwards, storeFolder } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";
import { skipWithoutPrometheus, startPrometheus } from "./servers.js";
import { collect, sample } from "./support.js";

/** Midnight, so that windows begin with it. */
const BASE = Math.floor(Date.now() / 86_400_000 - 2) * 86_400_000;

async function writeTo(folder: string, samples: readonly Sample[]): Promise<void> {
  const retention = { keptDays: 1e6, fineDays: 1e6, coarseSeconds: seconds(300) };
  const store = await openEmbeddedSamples({ folder, retention, clock: realClock(), log: quietLog() });
  await store.write(samples);
  await store.close();
}

/** What a store has, host by host. */
async function contents(store: SampleStore): Promise<readonly Sample[]> {
  const range = { from: milliseconds(0), to: milliseconds(Date.now() + 1e9) as Milliseconds };
  const hosts = new Set((await store.sources(range)).map(({ host }) => host));
  const all: Sample[] = [];
  for (const host of hosts)
    for (const of of ["host", "vms"] as const)
      all.push(...(await collect(store.read({ host, of, metrics: [], ...range }))));
  return all.sort(compareSamples);
}

async function contentsOf(folder: string): Promise<readonly Sample[]> {
  const retention = { keptDays: 1e6, fineDays: 1e6, coarseSeconds: seconds(300) };
  const store = await openEmbeddedSamples({ folder, retention, clock: realClock(), log: quietLog() });
  const found = await contents(store);
  await store.close();
  return found;
}

/** Two hosts; VMs that come, go and lack values. */
function history(): readonly Sample[] {
  const all: Sample[] = [];
  for (let at = 0; at < 7_200; at += 60) {
    all.push(sample(BASE, at, null, { cpu: 64, mem: 263761.92, cpu_usage: at / 7, mem_usage: 5, vm_number: 2 }));
    all.push(
      sample(BASE, at, "web", { cpu: 4, mem: 4194.304, mem_usage: 1.5, ...(at % 180 ? { cpu_usage: 0.1 * at } : {}) }),
    );
    if (at >= 3_600) all.push(sample(BASE, at + 0.25, "dé b", { cpu: 2, mem_rss: 17.5, hwcpucycles: 35842137666 }));
    all.push(sample(BASE, at, null, { cpu: 8 }, "other"));
  }
  return all.sort(compareSamples);
}

async function folders(context: TestContext) {
  const root = await storeFolder(context);
  const at = (name: string): string => join(root, name);
  return { at, from: at("from"), to: at("to") };
}

const said: string[] = [];
const terminal = {
  stdout: { write: (text: string) => said.push(text) },
  stderr: { write: (text: string) => said.push(text) },
};
const exported = (...args: readonly string[]) => exportCommand(terminal).parseAsync([...args], { from: "user" });
const imported = (...args: readonly string[]) => importCommand(terminal).parseAsync([...args], { from: "user" });

for (const name of ["all.jsonl", "all.jsonl.gz", "all.parquet"]) {
  test(`${name}: out of one store and into another, everything is there`, async (context) => {
    const { at, from, to } = await folders(context);
    await writeTo(from, history());
    await exported("--sample-folder", from, "--out", at(name), "--from", "2000-01-01");
    assert.match(said.at(-1) ?? "", /420 samples of 4 sources exported to/);
    await imported("--sample-folder", to, "--load", at(name));
    assert.match(said.at(-1) ?? "", /420 samples of 4 sources imported into/);
    await imported("--sample-folder", to, "--load", at(name));
    assert.deepEqual(await contentsOf(to), history());
  });
}

test("an estimator's trace has the host's windows, reads back as it was, and estimators can read it", async (context) => {
  const { at, from, to } = await folders(context);
  await writeTo(from, history());
  await exported("--sample-folder", from, "--out", at("h.json.gz"), "--host", "h", "--slice-seconds", "1800");
  const trace = JSON.parse(gunzipSync(await readFile(at("h.json.gz"))).toString());
  assert.deepEqual(trace.config, { node_name: "h", node_scope: 86400, slice_scope: 1800, historical_occurences: 3 });
  assert.deepEqual(
    trace.epoch,
    [1, 2, 3, 4].map((i) => BASE / 1000 + i * 1800),
  );
  assert.deepEqual(
    trace.node.raw_data.map(({ vm }: { vm: string[] }) => vm),
    [["web"], ["web"], ["dé b", "web"], ["dé b", "web"]],
  );
  assert.deepEqual(trace.vm["dé b"].raw_data.slice(0, 2), [{}, {}]);
  const windows: (number | null)[] = [];
  await readEstimatorTrace(at("h.json.gz"), {
    start: (config, epochs) => windows.push(config.slices, epochs.length),
    host: (_, record) => windows.push(record?.cpuUsage.length ?? null),
    vm: () => undefined,
    vmWindow: (_, record) => windows.push(record?.vcpus ?? null),
  });
  assert.deepEqual(windows, [48, 4, 30, 30, 30, 30, null, null, 2, 2, 4, 4, 4, 4]);

  await imported("--sample-folder", to, "--load", at("h.json.gz"));
  const kept = history().flatMap(({ values, ...source }) => {
    const own = Object.fromEntries(Object.entries(values).filter(([name]) => ESTIMATOR_METRICS.includes(name)));
    return source.host === "h" ? [{ ...source, values: own }] : [];
  });
  assert.deepEqual(await contentsOf(to), kept);
});

test("a reference trace goes through the store and comes out as it went in", {
  skip: skipWithoutShared,
}, async (context) => {
  const { at, to } = await folders(context);
  const before = JSON.parse(
    gunzipSync(await readFile(sharedPath("goldens/scroogevm/increasing-12/trace.json.gz"))).toString(),
  );
  // The host and some of its VMs: all 71 take a while.
  before.vm = Object.fromEntries(Object.entries(before.vm).slice(0, 10));
  const path = at("reference.json");
  await writeFile(path, JSON.stringify(before));
  await imported(
    "--sample-folder",
    to,
    "--load",
    path,
    "--host",
    "again",
    "--sample-days",
    "36500",
    "--fine-sample-days",
    "36500",
  );
  const shape = ["--slice-seconds", "1800", "--scope-seconds", "1800"];
  await exported("--sample-folder", to, "--out", at("again.json"), "--from", "2000-01-01", ...shape);
  const after = JSON.parse(await readFile(at("again.json"), "utf8"));
  assert.equal(after.config.node_name, "again");
  // Windows of the recording end 200 seconds behind a multiple of their length; ours begin with multiples.
  const flat = (raw: readonly Record<string, readonly number[]>[]) => {
    const names = new Set(
      raw
        .flatMap((window) => Object.keys(window))
        .filter((name) => name !== "vm")
        .sort(),
    );
    return Object.fromEntries([...names].map((name) => [name, raw.flatMap((window) => window[name] ?? [])]));
  };
  // Millions of numbers: as texts they are compared at once.
  const same = (a: object, b: object, name: string): void => assert.ok(JSON.stringify(a) === JSON.stringify(b), name);
  same(flat(after.node.raw_data), flat(before.node.raw_data), "node");
  assert.deepEqual(Object.keys(after.vm).sort(), Object.keys(before.vm).sort());
  for (const [name, { raw_data: raw }] of Object.entries<{ raw_data: [] }>(after.vm))
    same(flat(raw), flat(withoutRepeats(before.vm[name].raw_data)), name);
});

/** Recordings repeat the last window of a VM that left. */
const withoutRepeats = (raw: readonly object[]): [] =>
  raw.filter((window, i) => i === 0 || JSON.stringify(window) !== JSON.stringify(raw[i - 1])) as [];

test("from the embedded store into Prometheus, and out of it again", {
  skip: skipWithoutPrometheus,
}, async (context) => {
  const { at, from } = await folders(context);
  const server = await startPrometheus();
  afterwards(context, () => server.stop());
  const recent = history().map((one) => ({ ...one, at: milliseconds(one.at - BASE + Date.now() - 8_000_000) }));
  await writeTo(from, recent);
  const prometheus = ["--prometheus-url", server.url];
  await exported("--sample-folder", from, "--into", "prometheus", ...prometheus);
  assert.match(said.at(-1) ?? "", /420 samples of 4 sources copied into http/);
  await exported("--sample-store", "prometheus", ...prometheus, "--out", at("back.jsonl"));
  await imported("--sample-folder", at("back"), "--load", at("back.jsonl"));
  assert.deepEqual(await contentsOf(at("back")), recent);
  const store = prometheusSamples({
    url: server.url,
    writeUrl: null,
    token: null,
    clock: realClock(),
    log: quietLog(),
  });
  assert.deepEqual(await contents(store), recent);
  await store.close();
});

async function fails(code: number, pattern: RegExp, ...args: readonly string[]): Promise<void> {
  let text = "";
  const stderr = { write: (piece: string) => (text += piece) };
  assert.equal(await run(args, stderr), code, text);
  assert.match(text, pattern);
}

test("what cannot be moved is said, with what is allowed, and no half file is left", async (context) => {
  const { at, from, to } = await folders(context);
  await writeTo(from, history());
  const out = ["export", "--sample-folder", from];
  await fails(2, /--out FILE .* or --into STORE/, ...out);
  await fails(2, /the name does not say what it is: .jsonl/, ...out, "--out", at("x.txt"));
  await fails(2, /"yesterday" is no moment, such as 2026-11-27/, ...out, "--out", at("x.jsonl"), "--from", "yesterday");
  await fails(2, /--from must be before --to/, ...out, "--out", at("x.jsonl"), "--from", "1h", "--to", "2h");
  await fails(2, /a trace has one host, and there are 2/, ...out, "--out", at("x.json"));
  await fails(2, /there are no samples in this range/, ...out, "--out", at("x.json"), "--host", "none");
  await fails(2, /must be a multiple of --slice-seconds/, ...out, "--out", at("x.json"), "--slice-seconds", "7");
  await fails(2, /samples are read from there/, ...out, "--into", "embedded");
  await fails(2, /needs HEADROOM_PROMETHEUS_URL/, ...out, "--into", "prometheus");
  await fails(2, /Parquet cannot be written to a pipe/, ...out, "--out", "-", "--format", "parquet");
  await fails(1, /there is no sample store in/, "export", "--sample-folder", at("none"), "--out", at("x.jsonl"));
  await fails(1, /cannot be written: ENOENT/, ...out, "--out", at("no/such/x.jsonl"));
  const { readdir } = await import("node:fs/promises");
  const { dirname } = await import("node:path");
  assert.deepEqual((await readdir(dirname(from))).sort(), ["from"]);

  const load = ["import", "--sample-folder", to, "--load"];
  await fails(1, /no such file/, ...load, at("x.jsonl"));
  await fails(1, /no such file/, ...load, at("x.parquet"));
  const good = '{"host":"h","vm":null,"at":1,"values":{"cpu":1}}';
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["{", /line 2 is not JSON/],
    ['{"host":"","vm":null,"at":1,"values":{}}', /line 2: field host must be a name/],
    ['{"host":"h","at":1,"values":{}}', /line 2: field vm must be a name, or null/],
    ['{"host":"h","vm":null,"at":1.5,"values":{}}', /line 2: field at must be whole milliseconds/],
    ['{"host":"h","vm":null,"at":1,"values":{"CPU":1}}', /line 2: values: a metric is named lower-case letters/],
    ['{"host":"h","vm":null,"at":1,"values":{"cpu":"1"}}', /line 2: values.cpu must be a number/],
  ];
  for (const [line, pattern] of wrong) {
    await writeFile(at("x.jsonl"), `${good}\n${line}\n`);
    await fails(1, pattern, ...load, at("x.jsonl"));
  }
  await writeFile(at("x.parquet"), "nonsense");
  await fails(1, /x.parquet.*too small to be a Parquet file/, ...load, at("x.parquet"));
  await writeFile(at("x.json"), '{"node":{"raw_data":[{"cpu":[1]}]}}');
  await fails(1, /config.node_name must stand before node/, ...load, at("x.json"));
});

test("importing what the store will not keep warns, and says which setting keeps it", async (context) => {
  const { at, to } = await folders(context);
  const old = '{"host":"h","vm":null,"at":1,"values":{"cpu":1}}\n';
  const recent = `{"host":"h","vm":null,"at":${Date.now()},"values":{"cpu":1}}\n`;
  await writeFile(at("x.jsonl"), old + recent);
  await imported("--sample-folder", to, "--load", at("x.jsonl"), "--sample-days", "90");
  assert.match(said.at(-1) ?? "", /warning: 1 of them are older than .*HEADROOM_SAMPLE_DAYS is 90/);
});

test("a moment is a date, a time with or without a zone, or so long ago", () => {
  const now = milliseconds(Date.UTC(2026, 10, 27));
  const parsed = (text: string) => new Date(parseMoment(text, "--from", now)).toISOString();
  assert.equal(parsed("2026-11-01"), "2026-11-01T00:00:00.000Z");
  assert.equal(parsed("2026-11-01T12:30"), "2026-11-01T12:30:00.000Z");
  assert.equal(parsed("2026-11-01T12:30:15+02:00"), "2026-11-01T10:30:15.000Z");
  assert.equal(parsed("36h"), "2026-11-25T12:00:00.000Z");
  for (const text of ["", "1", "24", "5w", "2026-13-01", "2026-11-01T"])
    assert.throws(() => parsed(text), /is no moment/);
});
