/** How an embedded history is kept: few segments, coarse old days, nothing older than it should be, readers undisturbed. */
import assert from "node:assert/strict";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { newestToMerge } from "../../src/drivers/stores/samples/embedded/merge-choice.js";
import { listFolder, segmentName } from "../../src/drivers/stores/samples/embedded/names.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import { afterwards, failsWith, storeFolder } from "../stores/support.js";
import { rememberingLog } from "../support/quiet-log.js";
import { read, sample } from "./support.js";

const DAY_MS = 86_400_000;
const TODAY = 20_000;

async function opened(context: TestContext, change: { folder?: string; mergeSamples?: number } = {}) {
  const folder = change.folder ?? (await storeFolder(context));
  let today = TODAY;
  const clock = { ...realClock(), now: () => milliseconds(today * DAY_MS + 3_600_000) };
  const retention = { keptDays: 100, fineDays: 10, coarseSeconds: seconds(300) };
  const log = rememberingLog();
  const mergeSamples = change.mergeSamples ?? 1_000_000;
  const store = await openEmbeddedSamples({ folder, retention, clock, log, mergeSamples });
  // A test that closes it sees what comes of it.
  afterwards(context, () => Promise.allSettled([store.close()]));
  const segments = async (): Promise<readonly string[]> => (await listFolder(folder)).segments.map(segmentName);
  const dayIs = (day: number): void => {
    today = day;
  };
  return { folder, store, log, segments, dayIs };
}

test("days older than history is kept are forgotten, whole days at a time", async (context) => {
  const { store, segments, dayIs } = await opened(context);
  for (const day of [TODAY - 101, TODAY - 100, TODAY]) await store.write([sample(day * DAY_MS, 5, "a", { cpu: 1 })]);
  await store.tidy();
  assert.deepEqual((await segments()).length, 2);
  assert.deepEqual(await read(store, (TODAY - 101) * DAY_MS), []);
  dayIs(TODAY + 101);
  await store.tidy();
  assert.deepEqual(await segments(), []);
});

test("old days become summaries: gauges averaged, differences added, sizes and counters the last, peaks kept", async (context) => {
  const { store, segments } = await opened(context);
  const base = (TODAY - 11) * DAY_MS;
  await store.write([
    sample(base, 0, "a", { cpu: 2, cpu_usage: 1, cpu_time: 10, elapsed_cpu_time: 4, hwcpucycles: 100, cpi: 1 }),
    sample(base, 299, "a", { cpu: 4, cpu_usage: 3, cpu_time: 30, elapsed_cpu_time: 6, hwcpucycles: 200 }),
    sample(base, 300, "a", { cpu: 4, cpu_usage: 5 }),
    sample(base, 10, null, { mem_usage: 7 }),
  ]);
  await store.tidy();
  const first = {
    cpu: 4,
    cpu_usage: 2,
    cpu_usage_max: 3,
    cpu_time: 30,
    elapsed_cpu_time: 10,
    hwcpucycles: 300,
    cpi: 1,
  };
  const summaries = [sample(base, 0, "a", first), sample(base, 300, "a", { cpu: 4, cpu_usage: 5, cpu_usage_max: 5 })];
  assert.deepEqual(await read(store, base), summaries);
  assert.deepEqual(await read(store, base, { of: "host" }), [
    sample(base, 0, null, { mem_usage: 7, mem_usage_max: 7 }),
  ]);
  assert.equal((await segments()).filter((name) => name.includes("coarse")).length, 1);
  await store.tidy();
  assert.deepEqual(await read(store, base), summaries, "summaries are not summarised again");

  // Samples that come late replace the summary of their time, and no other.
  await store.write([sample(base, 301, "a", { cpu: 8, cpu_usage: 1 }), sample(base, 600, "b", { cpu: 1 })]);
  await store.tidy();
  assert.deepEqual(await read(store, base), [
    summaries[0],
    sample(base, 300, "a", { cpu: 8, cpu_usage: 1, cpu_usage_max: 1 }),
    sample(base, 600, "b", { cpu: 1 }),
  ]);
  assert.equal((await segments()).length, 1);
});

test("a day that is over becomes one segment; the present day has few, however often its log is merged", async (context) => {
  const { store, segments } = await opened(context);
  const [old, today] = [(TODAY - 3) * DAY_MS, TODAY * DAY_MS];
  for (let i = 0; i < 20; i++) {
    await store.write([sample(old, i, "a", { cpu: i }), sample(today, i, "a", { cpu: i })]);
    await store.tidy();
  }
  const names = await segments();
  assert.equal(names.length, 1 + 20 - 14, names.join());
  assert.equal((await read(store, old)).length, 20);
  assert.equal((await read(store, today)).length, 20);
});

test("merges are chosen by size: many small ones become one, large ones wait for as many of their kind", () => {
  const sized = (...rows: readonly number[]) => rows.map((count) => ({ rows: count }));
  const small = Array.from({ length: 8 }, () => 30_000);
  assert.equal(newestToMerge(sized(...small.slice(1)), false), 0);
  assert.equal(newestToMerge(sized(...small), false), 8);
  assert.equal(newestToMerge(sized(500_000, ...small), false), 8);
  assert.equal(newestToMerge(sized(500_000, ...small.slice(1)), false), 8);
  assert.equal(newestToMerge(sized(...Array.from({ length: 8 }, () => 240_000)), false), 8);
  assert.equal(newestToMerge(sized(5_000_000, 100), true), 2);
  assert.equal(newestToMerge(sized(5), true), 0);
});

test("readers see everything, once, while the writer merges and tidies without pause", async (context) => {
  const { folder, store } = await opened(context, { mergeSamples: 50 });
  const reader = await openEmbeddedReader(folder);
  afterwards(context, () => reader.close());
  const base = TODAY * DAY_MS;
  let written = 0;
  let isDone = false;
  const writing = (async () => {
    for (; written < 600; written += 10) {
      await store.write(Array.from({ length: 10 }, (_, i) => sample(base, written + i, "a", { cpu: written + i })));
      await store.flush();
      if (written % 100 === 0) await store.tidy();
    }
    isDone = true;
  })();
  let looks = 0;
  for (; !isDone; looks++) {
    for (const one of [reader, store]) {
      const before = written;
      const seen = (await read(one, base)).map(({ values }) => values.cpu!);
      assert.deepEqual(
        seen,
        Array.from({ length: seen.length }, (_, i) => i),
      );
      assert.ok(seen.length >= before, `${seen.length} of ${before}`);
    }
  }
  await writing;
  assert.ok(looks > 3, `${looks} looks`);
});

test("a second writer is refused and told what works; a reader does not write and wants a folder", async (context) => {
  const { folder, store } = await opened(context);
  await assert.rejects(opened(context, { folder }), (error: unknown) => {
    return failsWith("store-locked")(error) && /in use by process \d+.*readers work beside it/.test(`${error}`);
  });
  const reader = await openEmbeddedReader(folder);
  await assert.rejects(reader.write([sample(0, 1, "a", { cpu: 1 })]), failsWith("store-failed"));
  await reader.close();
  await store.close();
  await assert.rejects(openEmbeddedReader(join(folder, "none")), failsWith("store-failed"));
  await assert.rejects(opened(context, { folder: join(folder, "a*b") }), failsWith("bad-settings"));
});

test("a writer that was taken for dead writes nothing that others read, and says so", async (context) => {
  const { folder, store } = await opened(context);
  const base = TODAY * DAY_MS;
  await store.write([sample(base, 1, "a", { cpu: 1 })]);
  await store.flush();
  for (const name of await readdir(folder)) if (name.startsWith("lock-")) await rm(join(folder, name));
  const next = await opened(context, { folder });
  await store.write([sample(base, 2, "a", { cpu: 2 })]);
  await assert.rejects(store.flush(), failsWith("store-failed"));
  assert.match(store.status().problem ?? "", /taken it over/);
  await next.store.tidy();
  assert.deepEqual(await read(next.store, base), [sample(base, 1, "a", { cpu: 1 })]);
  await assert.rejects(store.close(), failsWith("store-failed"));
});

test("a log that cannot be merged keeps its samples, and is merged when it can be", async (context) => {
  const { folder, store, log, segments } = await opened(context, { mergeSamples: 2 });
  const base = TODAY * DAY_MS;
  // In the way of what becomes the segment.
  const obstacle = join(folder, "2024-10-04.00000001-000001.0.parquet.00000001.new");
  assert.equal(new Date(base).toISOString().slice(0, 10), "2024-10-04");
  await mkdir(join(obstacle, "full"), { recursive: true });
  await store.write([sample(base, 1, "a", { cpu: 1 }), sample(base, 2, "a", { cpu: 2 })]);
  await store.flush();
  await assert.rejects(store.tidy());
  assert.ok(log.lines.some(({ message }) => message.includes("could not merge")));
  await rm(obstacle, { recursive: true });
  assert.equal((await read(store, base)).length, 2);
  await store.write([sample(base, 3, "a", { cpu: 3 })]);
  await store.tidy();
  assert.equal((await read(store, base)).length, 3);
  assert.deepEqual((await listFolder(folder)).logs.length, 1);
  assert.equal((await segments()).length, 2);
});
