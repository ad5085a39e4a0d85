/** From settings to the sample store, opened for writing or beside whoever writes. */
import { seconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { SampleStore } from "../../ports/sample-store.js";
import type { SampleStoreSettings } from "../settings/program.js";

/** Throws `store-locked` when another process writes to the embedded store, and `bad-settings`. */
export async function openSamples(settings: SampleStoreSettings, clock: Clock, log: Log): Promise<SampleStore> {
  const { openEmbeddedSamples } = await import("../../drivers/stores/samples/embedded/store.js");
  const { sampleFolder, sampleDays, fineSampleDays, coarseSampleSeconds } = settings;
  return openEmbeddedSamples({
    folder: sampleFolder,
    retention: {
      keptDays: sampleDays,
      fineDays: fineSampleDays,
      coarseSeconds: seconds(coarseSampleSeconds),
    },
    clock,
    log,
  });
}

/** For reading only, beside a collector that writes. Throws `store-failed` where there is no store. */
export async function openSamplesToRead(settings: SampleStoreSettings): Promise<SampleStore> {
  const { openEmbeddedReader } = await import("../../drivers/stores/samples/embedded/reader.js");
  return openEmbeddedReader(settings.sampleFolder);
}
