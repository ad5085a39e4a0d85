/** The embedded history keeps the promises of a sample store, whether samples are in its log, in segments or in both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSamples } from "../../src/core/telemetry/sample-order.js";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { type EmbeddedSamples, openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import type { SampleStore } from "../../src/ports/sample-store.js";
import { afterwards, storeFolder } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { type OpenSamples, sampleSuite } from "./suite.js";
import { collect } from "./support.js";

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

test("several hosts asked for at once are each of them asked for alone, in the log and in segments, also where names need quoting", async (context) => {
  const folder = await storeFolder(context);
  const writer = await openEmbeddedSamples({ folder, retention: RETENTION, clock: realClock(), log: quietLog() });
  afterwards(context, () => writer.close());
  const reader = await openEmbeddedReader(folder);
  afterwards(context, () => reader.close());
  const names = ["a", "b'c", "d", "e"];
  const start = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  const [from, to] = [milliseconds(start), milliseconds(start + 3_600_000)];
  const metrics = ["cpu", "cpu_usage"];
  for (const half of [0, 1]) {
    for (const [i, host] of names.entries())
      for (let at = start + half * 1_800_000; at < start + (half + 1) * 1_800_000; at += 300_000)
        for (const vm of [null, "v1", "v2"])
          await writer.write([{ host, vm, at: milliseconds(at), values: { cpu: i, cpu_usage: at % 7, other: 1 } }]);
    // Then the first half lies in a segment, the second in the log.
    if (half === 0) await writer.tidy();
    else await writer.flush();
  }
  const alone = [];
  for (const host of names.slice(0, 3))
    for (const of of ["host", "vms"] as const)
      alone.push(...(await collect(reader.read({ host, of, metrics, from, to }))));
  const together = await collect(reader.readHosts!({ hosts: names.slice(0, 3), metrics, from, to }));
  assert.equal(together.length, 3 * 12 * 3);
  assert.deepEqual(together, alone.sort(compareSamples));
  assert.deepEqual(await collect(reader.readHosts!({ hosts: [], metrics, from, to })), []);
});
