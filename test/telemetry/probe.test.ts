/** The probe reads hosts as they are, says when it cannot, and what it shows Prometheus' own checker accepts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { advance } from "../../src/core/telemetry/rates.js";
import { readScrape } from "../../src/core/telemetry/read-scrape.js";
import { milliseconds } from "../../src/core/units.js";
import { createTelemetryApp } from "../../src/http/telemetry/app.js";
import { OperationalError } from "../../src/ports/errors.js";
import { ExpositionSource, type ProbeForm } from "../../src/telemetry/exposition-source.js";
import { simulatedHost } from "../../src/telemetry/host-source.js";
import { Probe } from "../../src/telemetry/probe.js";
import { keepTextfile } from "../../src/telemetry/textfile-loop.js";
import { smallHost, spec, wants } from "../drivers/fake-hosts.js";
import { realClock } from "../http/support.js";
import { rememberingLog } from "../support/quiet-log.js";

const IDIOMATIC: ProbeForm = { kind: "idiomatic" };
const FLAT: ProbeForm = { kind: "flat", prefix: "node_7" };

/** A simulated host with two guests: one wants a quarter of each of its two vCPUs, the other all of its one. */
async function probedHost() {
  const { hypervisor, clock } = await smallHost({ demandOf: ({ name }) => wants(name === "quarter" ? 0.25 : 1) });
  await hypervisor.define(spec("quarter", [0, 1], { vcpus: 2 }));
  await hypervisor.define(spec("my-all", [2]));
  await hypervisor.define(spec("stopped", [3]));
  for (const name of ["quarter", "my-all"]) await hypervisor.start(name);
  // A guest that has not run yet shows no CPU time.
  await clock.advance(milliseconds(1000));
  let calls = 0;
  const counted = {
    stats: () => {
      calls++;
      return hypervisor.stats();
    },
  };
  const parts = {
    hypervisor: counted,
    host: simulatedHost(hypervisor, hypervisor.hostProbe()),
    processes: null,
    perf: null,
  };
  const probe = new Probe({ ...parts, clock, interval: milliseconds(5000) });
  return { hypervisor, clock, probe, calls: () => calls };
}

for (const form of [IDIOMATIC, FLAT]) {
  test(`two scrapes in the ${form.kind} form, and each VM's use is what its guest wants`, async () => {
    const { clock, probe } = await probedHost();
    const source = new ExpositionSource(probe, form, rememberingLog());
    const scrape = async () => {
      const result = readScrape(await source.text(), null);
      assert.ok(result.ok);
      return result.reading;
    };
    const first = advance(null, await scrape(), milliseconds(60_000));
    assert.ok(!first.repeated);
    await clock.advance(milliseconds(10_000));
    const second = advance(first.state, await scrape(), milliseconds(60_000));
    assert.ok(!second.repeated);
    const usage = Object.fromEntries(
      second.samples.map(({ vm, values }) => [vm, Math.round(values.cpu_usage! * 100) / 100]),
    );
    const all = form.kind === "flat" ? "myall" : "my-all";
    assert.deepEqual(usage, { quarter: 0.5, [all]: 1, null: 1.5 });
    const host = second.samples.at(-1)!.values;
    assert.deepEqual([host.vm_number, host.cpu, host.oc_cpu], [2, 8, 3 / 8]);
  });
}

test("askers at the same time, and within a second, share one look at the hypervisor", async () => {
  const { clock, probe, calls } = await probedHost();
  const readings = await Promise.all([probe.reading(), probe.reading(), probe.reading()]);
  assert.equal(new Set(readings).size, 1);
  await clock.advance(milliseconds(900));
  assert.equal(await probe.reading(), readings[0]);
  await clock.advance(milliseconds(200));
  assert.notEqual(await probe.reading(), readings[0]);
  assert.equal(calls(), 2);
});

test("while the hypervisor is away the metrics say so, the log once, and nothing old is shown as new", async () => {
  const { hypervisor, clock, probe } = await probedHost();
  const log = rememberingLog();
  const source = new ExpositionSource(probe, IDIOMATIC, log);
  assert.match(await source.text(), /^headroom_probe_up 1$/m);
  hypervisor.disconnect();
  await clock.advance(milliseconds(5000));
  for (let round = 0; round < 3; round++) {
    const text = await source.text();
    assert.match(text, /^headroom_probe_up 0$/m);
    assert.doesNotMatch(text, /domain=/);
  }
  assert.notEqual(source.problem, null);
  hypervisor.reconnect();
  assert.match(await source.text(), /^headroom_probe_up 1$/m);
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ["warn", "info"],
  );
});

const appOf = (source: ExpositionSource, alone: boolean) =>
  createTelemetryApp({
    names: { program: "probe", addressSetting: "A", portSetting: "P", risk: "see much" },
    description: "A probe.",
    problem: () => source.problem,
    metrics: { text: () => source.text(), alone },
    tokens: null,
    log: rememberingLog(),
    clock: realClock,
    version: "test",
  });

describe("over HTTP", () => {
  test("metrics, readiness and the description of the interface", async () => {
    const { hypervisor, clock, probe } = await probedHost();
    const app = appOf(new ExpositionSource(probe, IDIOMATIC, rememberingLog()), false);
    const metrics = await app.inject("/metrics");
    assert.match(metrics.headers["content-type"] as string, /^text\/plain; version=0\.0\.4/);
    for (const line of [/^headroom_build_info/m, /^headroom_domain_cpu_seconds_total\{domain="my-all"\}/m])
      assert.match(metrics.body, line);
    assert.equal((await app.inject("/readyz")).statusCode, 200);
    hypervisor.disconnect();
    await clock.advance(milliseconds(5000));
    await app.inject("/metrics");
    const ready = await app.inject("/readyz");
    assert.deepEqual([ready.statusCode, ready.json().code], [503, "not-ready"]);
    const document = (await app.inject("/openapi.json")).json();
    assert.deepEqual(Object.keys(document.paths).sort(), [
      "/",
      "/healthz",
      "/metrics",
      "/openapi.json",
      "/problems/{code}",
      "/readyz",
    ]);
    assert.equal((await app.inject("/metrics?form=flat")).statusCode, 400);
  });

  test("the flat form stands alone, without the empty line that ends the seed's aggregator", async () => {
    const { probe } = await probedHost();
    const app = appOf(new ExpositionSource(probe, FLAT, rememberingLog()), true);
    const { body } = await app.inject("/metrics");
    for (const line of body.trimEnd().split("\n"))
      assert.match(line, /^node_7_(?:global|domain_(?:quarter|myall))_[a-z_]+ \S+$/);
  });
});

const hasPromtool = spawnSync("promtool", ["--version"]).status === 0;

test("promtool finds nothing to say against the metrics", {
  skip: hasPromtool ? false : "promtool (prometheus) is not here",
}, async () => {
  const { probe } = await probedHost();
  const app = appOf(new ExpositionSource(probe, IDIOMATIC, rememberingLog()), false);
  const { body } = await app.inject("/metrics");
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input: body, encoding: "utf8" });
  assert.deepEqual([status, stdout + stderr], [0, ""]);
});

test("a textfile is replaced at every interval; a disk that is full for a while keeps the old one, and is logged once", async () => {
  const { clock, probe } = await probedHost();
  const log = rememberingLog();
  const source = new ExpositionSource(probe, FLAT, log);
  const written: string[] = [];
  let full = false;
  const file = {
    write: async (text: string) => {
      if (full) throw new OperationalError("state-not-written", "no space", true);
      written.push(text);
    },
  };
  const stop = new AbortController();
  const parts = { text: () => source.text(), file, clock, interval: milliseconds(5000), log };
  const ended = keepTextfile(parts, stop.signal);
  await clock.advance(milliseconds(11_000));
  assert.equal(written.length, 3);
  assert.equal(new Set(written).size, 3);
  full = true;
  await clock.advance(milliseconds(20_000));
  full = false;
  await clock.advance(milliseconds(5_000));
  assert.equal(written.length, 4);
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ["warn", "info"],
  );
  stop.abort();
  await clock.advance(milliseconds(5_000));
  await ended;
});
