/** The online estimator says the same over every store: the embedded one, Prometheus, VictoriaMetrics, InfluxDB. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import { influxSamples } from "../../src/drivers/stores/samples/influxdb/store.js";
import { prometheusSamples } from "../../src/drivers/stores/samples/prometheus/store.js";
import { EstimatorWatch } from "../../src/estimator/watch.js";
import type { HostEstimate } from "../../src/ports/estimates.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { HOUR_MS, hostHistory, MemoryStates, MemoryStore, START, settingsFor } from "../estimator-online/histories.js";
import { afterwards, storeFolder } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import {
  flushVictoria,
  skipWithoutInflux,
  skipWithoutPrometheus,
  skipWithoutVictoria,
  startInflux,
  startPrometheus,
  startVictoria,
} from "./servers.js";

const HOURS = 8;
const END = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const SHIFT = END - (START + HOURS) * HOUR_MS;
const HISTORY: readonly Sample[] = ["node-1", "http://10.0.0.7:8099/metrics"].flatMap((host, i) =>
  hostHistory(host, HOURS, i + 1).map((one) => ({ ...one, at: milliseconds(one.at + SHIFT) })),
);

const parts = { clock: realClock(), log: quietLog() };

/** The last estimates, as if the last window had just ended. */
async function estimatesOver(store: SampleStore): Promise<readonly HostEstimate[]> {
  const clock = { ...realClock(), now: () => milliseconds(END + 61_000) };
  const publish = (): void => undefined;
  const settings = settingsFor("maxpeak");
  const watch = await EstimatorWatch.open({
    store,
    states: new MemoryStates(),
    publish,
    settings,
    clock,
    log: quietLog(),
  });
  await watch.pass(new AbortController().signal);
  assert.equal(watch.status().problem, null);
  assert.equal(watch.status().windows, 2 * HOURS);
  return watch.estimates();
}

/** VictoriaMetrics keeps some fifteen digits. */
function isNearly(got: readonly HostEstimate[], expected: readonly HostEstimate[]): void {
  const rounded = (estimates: readonly HostEstimate[]): unknown =>
    JSON.parse(
      JSON.stringify(estimates, (_, value: unknown) => (typeof value === "number" ? value.toPrecision(9) : value)),
    );
  assert.deepEqual(rounded(got), rounded(expected));
}

async function sameOver(context: TestContext, store: SampleStore, settle: () => Promise<void>): Promise<void> {
  afterwards(context, () => store.close());
  await store.write(HISTORY);
  await store.flush();
  await settle();
  isNearly(await estimatesOver(store), await estimatesOver(new MemoryStore(HISTORY)));
}

const atOnce = async (): Promise<void> => undefined;

test("estimates over the embedded store, read beside the collector that writes it", async (context) => {
  const folder = join(await storeFolder(context), "samples");
  const retention = { keptDays: 400, fineDays: 400, coarseSeconds: seconds(300) };
  const writer = await openEmbeddedSamples({ folder, retention, ...parts });
  afterwards(context, () => writer.close());
  await writer.write(HISTORY);
  await writer.flush();
  const reader = await openEmbeddedReader(folder);
  afterwards(context, () => reader.close());
  isNearly(await estimatesOver(reader), await estimatesOver(new MemoryStore(HISTORY)));
});

test("estimates over Prometheus", { skip: skipWithoutPrometheus }, async (context) => {
  const server = await startPrometheus();
  afterwards(context, () => server.stop());
  await sameOver(context, prometheusSamples({ url: server.url, writeUrl: null, token: null, ...parts }), atOnce);
});

test("estimates over VictoriaMetrics", { skip: skipWithoutVictoria }, async (context) => {
  const server = await startVictoria();
  afterwards(context, () => server.stop());
  const store = prometheusSamples({ url: server.url, writeUrl: null, token: null, ...parts });
  await sameOver(context, store, () => flushVictoria(server.url));
});

test("estimates over InfluxDB, by InfluxQL", { skip: skipWithoutInflux }, async (context) => {
  const server = await startInflux();
  afterwards(context, () => server.stop());
  const address = { url: server.url, token: null, org: "", bucket: "samples", dialect: "influxql" as const };
  await sameOver(context, influxSamples({ ...address, ...parts }), atOnce);
});
