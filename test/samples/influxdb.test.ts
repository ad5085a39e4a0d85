/**
 * History in InfluxDB. InfluxQL is tested against a real InfluxDB 1.x. No server that runs Flux can be had everywhere: the
 * official client and our Flux are tested against a double of InfluxDB 2 (influx-double.ts), the texts by InfluxData's own
 * parser and type checker, and the client's writes against a real VictoriaMetrics.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import fluxLanguage from "@influxdata/flux-lsp-node";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { hostsFlux, spansFlux, valuesFlux } from "../../src/drivers/stores/samples/influxdb/flux.js";
import { lineOf } from "../../src/drivers/stores/samples/influxdb/points.js";
import { type InfluxSettings, influxSamples } from "../../src/drivers/stores/samples/influxdb/store.js";
import type { SampleStore } from "../../src/ports/sample-store.js";
import { afterwards, failsWith } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import type { RealServer } from "../support/servers.js";
import { InfluxDouble } from "./influx-double.js";
import {
  flushVictoria,
  newDatabase,
  skipWithoutInflux,
  skipWithoutVictoria,
  startInflux,
  startVictoria,
} from "./servers.js";
import { type OpenSamples, sampleSuite } from "./suite.js";
import { read, sample } from "./support.js";

const BASE = Math.floor(Date.now() / 60_000 - 120) * 60_000;
const abilities = { replaces: "value" } as const;

const open = (url: string, change: Partial<InfluxSettings>): SampleStore =>
  influxSamples({
    url,
    token: "secret",
    org: "lab",
    bucket: "samples",
    dialect: "flux",
    clock: realClock(),
    log: quietLog(),
    ...change,
  });

let influx: Promise<RealServer> | null = null;
let databases = 0;
after(async () => (await influx)?.stop());

const openInfluxQl: OpenSamples = async (context) => {
  influx ??= startInflux();
  const { url } = await influx;
  const bucket = `test_${databases++}`;
  await newDatabase(url, bucket);
  const store = open(url, { dialect: "influxql", bucket });
  afterwards(context, () => store.close());
  return { store, settle: () => store.flush() };
};

const openFlux: OpenSamples = async (context) => {
  const double = await InfluxDouble.start();
  afterwards(context, () => double.stop());
  const store = open(double.url, {});
  afterwards(context, () => store.close());
  return { store, settle: () => store.flush() };
};

sampleSuite("InfluxDB 1.x, InfluxQL", skipWithoutInflux, abilities, openInfluxQl);
sampleSuite("double of InfluxDB 2, Flux", false, abilities, openFlux);

test("every Flux text is one that InfluxData's own parser and type checker accept", () => {
  const range = { from: milliseconds(BASE), to: milliseconds(BASE + 1) };
  const odd = `a "quoted" \${name} \\ é\n`;
  const texts = [
    valuesFlux("samples", { hosts: ["h"], of: "vms", metrics: [] }, range),
    valuesFlux(odd, { hosts: [odd], of: [odd, "b"], metrics: ["cpu", "mem"] }, range),
    valuesFlux("samples", { hosts: ["h"], of: "host", metrics: ["cpu"] }, range),
    valuesFlux("samples", { hosts: ["h", odd], of: "all", metrics: ["cpu", "mem"] }, range),
    hostsFlux(odd, range),
    spansFlux("samples", range, null),
    spansFlux(odd, range, odd),
  ];
  for (const text of texts) {
    const flux = new fluxLanguage.Flux(text);
    assert.ok(flux.is_valid(), text);
    flux.free();
  }
  const wrong = new fluxLanguage.Flux(texts[0]!.replace("toFloat()", "toFloat(column: 1)"));
  assert.ok(!wrong.is_valid(), "the checker looks at types");
  wrong.free();
});

test("points are the seed's: measurements node and domain, tags url and domain, vm_number whole", () => {
  const url = "http://w:9100/metrics";
  assert.equal(
    lineOf(sample(0, 1, null, { cpu: 64, vm_number: 3, oc_cpu: 0.09375 }, url)),
    `node,url=${url} cpu=64,oc_cpu=0.09375,vm_number=3i 1000`,
  );
  assert.equal(lineOf(sample(0, 1, "a b,c", { mem: 0.5 }, url)), `domain,domain=a\\ b\\,c,url=${url} mem=0.5 1000`);
});

test("VictoriaMetrics: what the official client writes is there, as series of the line protocol", {
  skip: skipWithoutVictoria,
}, async (context) => {
  const server = await startVictoria();
  afterwards(context, () => server.stop());
  const store = open(server.url, {});
  await store.write([sample(BASE, 0, null, { cpu: 64, vm_number: 2 }), sample(BASE, 0, "a", { cpu_usage: 0.25 })]);
  await store.close();
  await flushVictoria(server.url);
  const form = new URLSearchParams({ query: `{url="h"}[1m]`, time: String(BASE / 1000 + 30) });
  const response = await fetch(`${server.url}/api/v1/query?${form}`);
  const { data } = (await response.json()) as {
    data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
  };
  const found = data.result.map(({ metric, values }) => [metric.__name__, metric.domain, values]);
  assert.deepEqual(found.sort(), [
    ["domain_cpu_usage", "a", [[BASE / 1000, "0.25"]]],
    ["node_cpu", undefined, [[BASE / 1000, "64"]]],
    ["node_vm_number", undefined, [[BASE / 1000, "2"]]],
  ]);
});

test("a wrong token, a wrong database and no server are told apart", { skip: skipWithoutInflux }, async (context) => {
  const double = await InfluxDouble.start();
  afterwards(context, () => double.stop());
  const stranger = open(double.url, { token: "wrong" });
  await assert.rejects(read(stranger, BASE), (error) => failsWith("store-failed")(error) && /token/.test(`${error}`));
  await stranger.write([sample(BASE, 0, "a", { cpu: 1 })]);
  await assert.rejects(stranger.flush(), failsWith("store-failed"));
  await stranger.close();

  influx ??= startInflux();
  const lost = open((await influx).url, { dialect: "influxql", bucket: "none" });
  await assert.rejects(
    read(lost, BASE),
    (error) => failsWith("store-failed")(error) && /database not found/.test(`${error}`),
  );
  await lost.write([sample(BASE, 0, "a", { cpu: 1 })]);
  await assert.rejects(
    lost.flush(),
    (error) => failsWith("store-failed")(error) && /database not found/.test(`${error}`),
  );
  await lost.close();

  for (const dialect of ["flux", "influxql"] as const) {
    const nobody = open("http://127.0.0.1:9", { dialect });
    await nobody.write([sample(BASE, 0, "a", { cpu: 1 })]);
    await assert.rejects(nobody.flush(), failsWith("store-unreachable"));
    await assert.rejects(read(nobody, BASE), failsWith("store-unreachable"));
    assert.equal(nobody.status().unflushed, 1);
    await assert.rejects(nobody.close(), failsWith("store-unreachable"));
  }
});
