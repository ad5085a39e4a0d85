/** From settings to the sample store, opened for writing or beside whoever writes. */
import { assert } from "../../core/assert.js";
import { seconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { SampleStore } from "../../ports/sample-store.js";
import { naming, SAMPLE_FOLDER } from "../settings/naming.js";
import { type SampleStoreSettings, sampleStoreOf } from "../settings/program.js";

/** Throws `store-locked` when another process writes to the embedded store, and `bad-settings`. */
export async function openSamples(settings: SampleStoreSettings, clock: Clock, log: Log): Promise<SampleStore> {
  const kind = sampleStoreOf(settings);
  if (kind !== "embedded") return openRemote(kind, settings, clock, log);
  const { openEmbeddedSamples } = await import("../../drivers/stores/samples/embedded/store.js");
  const { sampleFolder, sampleDays, fineSampleDays, coarseSampleSeconds } = settings;
  const retention = {
    keptDays: sampleDays,
    fineDays: fineSampleDays,
    coarseSeconds: seconds(coarseSampleSeconds),
  };
  return naming(SAMPLE_FOLDER, () => openEmbeddedSamples({ folder: sampleFolder, retention, clock, log }));
}

/** For reading only, beside a collector that writes. Throws `store-failed` where there is no store. */
export async function openSamplesToRead(settings: SampleStoreSettings, clock: Clock, log: Log): Promise<SampleStore> {
  const kind = sampleStoreOf(settings);
  if (kind !== "embedded") return openRemote(kind, settings, clock, log);
  const { openEmbeddedReader } = await import("../../drivers/stores/samples/embedded/reader.js");
  return openEmbeddedReader(settings.sampleFolder);
}

async function openRemote(
  kind: "prometheus" | "influxdb",
  settings: SampleStoreSettings,
  clock: Clock,
  log: Log,
): Promise<SampleStore> {
  const { prometheusUrl, influxdbUrl, influxdbBucket } = settings;
  if (kind === "prometheus") {
    const { prometheusSamples } = await import("../../drivers/stores/samples/prometheus/store.js");
    assert(prometheusUrl !== null, "settings without an address are refused");
    const { prometheusWriteUrl: writeUrl, prometheusToken: token } = settings;
    return prometheusSamples({ url: prometheusUrl, writeUrl, token, clock, log });
  }
  const { influxSamples } = await import("../../drivers/stores/samples/influxdb/store.js");
  assert(influxdbUrl !== null && influxdbBucket !== null, "settings without an address and a bucket are refused");
  return influxSamples({
    url: influxdbUrl,
    token: settings.influxdbToken,
    // InfluxQL knows databases only.
    org: settings.influxdbOrg ?? "",
    bucket: influxdbBucket,
    dialect: settings.influxdbDialect,
    clock,
    log,
  });
}
