/** The embedded history keeps the promises of a sample store, whether samples are in its log, in segments or in both. */
import { seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { type EmbeddedSamples, openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import type { SampleStore } from "../../src/ports/sample-store.js";
import { afterwards, storeFolder } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { type OpenSamples, sampleSuite } from "./suite.js";

const RETENTION = { keptDays: 400, fineDays: 30, coarseSeconds: seconds(300) };

const opened =
  (settle: (store: EmbeddedSamples) => Promise<void>, mergeSamples = 1_000_000): OpenSamples =>
  async (context) => {
    const folder = await storeFolder(context);
    const settings = { folder, retention: RETENTION, clock: realClock(), log: quietLog(), mergeSamples };
    const store = await openEmbeddedSamples(settings);
    afterwards(context, () => store.close());
    return { store, settle: () => settle(store) };
  };

const abilities = { replaces: "sample" } as const;
sampleSuite(
  "embedded, in its log",
  false,
  abilities,
  opened((store) => store.flush()),
);
sampleSuite(
  "embedded, in segments",
  false,
  abilities,
  opened((store) => store.tidy()),
);
sampleSuite(
  "embedded, merging all the time",
  false,
  abilities,
  opened((store) => store.flush(), 20),
);

/** Writes through one process's store, reads through another's. */
sampleSuite("embedded, read by another", false, abilities, async (context) => {
  const { store: writer } = await opened(() => Promise.resolve(), 100)(context);
  const reader = await openEmbeddedReader(writer.status().where);
  afterwards(context, () => reader.close());
  let isClosed = false;
  const store: SampleStore = {
    write: (samples) => writer.write(samples),
    flush: () => writer.flush(),
    sources: (range) => (isClosed ? writer : reader).sources(range),
    read: (query) => (isClosed ? writer : reader).read(query),
    status: () => writer.status(),
    close: () => {
      isClosed = true;
      return writer.close();
    },
  };
  return { store, settle: () => writer.flush() };
});
