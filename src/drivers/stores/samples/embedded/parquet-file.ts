/**
 * Samples as one Parquet file, for other programs and for other stores: columns host, vm (null: the host itself), time, and one
 * for each metric. Writing goes through an embedded history in a folder beside the file, so that any number of samples
 * in any order fits; the file gets its name when it is whole.
 */
import { mkdtemp, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isMetricName, METRIC_NAME_RULE } from "../../../../core/telemetry/metric-name.js";
import { seconds } from "../../../../core/units.js";
import type { Clock } from "../../../../ports/clock.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { Log } from "../../../../ports/log.js";
import type { Sample } from "../../../../ports/sample-store.js";
import { makeFolder } from "../../../linux/make-folder.js";
import { Engine, FileGone } from "./engine.js";
import { samplesOf } from "./history.js";
import { listFolder, segmentName } from "./names.js";
import { copySegments, exportStatement } from "./segments.js";
import { openEmbeddedSamples } from "./store.js";

/** Nothing is too old, and nothing is summarised. */
const EVERYTHING = { keptDays: 1e9, fineDays: 1e9, coarseSeconds: seconds(300) };

export async function writeParquet(
  path: string,
  batches: AsyncIterable<readonly Sample[]>,
  clock: Clock,
  log: Log,
): Promise<void> {
  await makeFolder(dirname(resolve(path)));
  const folder = await mkdtemp(join(dirname(resolve(path)), ".headroom-export-"));
  try {
    const store = await openEmbeddedSamples({ folder, retention: EVERYTHING, clock, log });
    try {
      for await (const batch of batches) await store.write(batch);
    } finally {
      await store.close();
    }
    const { segments } = await listFolder(folder);
    const engine = await Engine.open(join(folder, "spill"));
    const whole = join(folder, "whole");
    try {
      await engine.run(
        copySegments(
          segments.map((name) => join(folder, segmentName(name))),
          whole,
        ),
      );
    } finally {
      engine.close();
    }
    const file = await open(whole, "r+");
    await file.sync();
    await file.close();
    await rename(whole, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const BATCH = 500;

/** Batches of samples. Throws `bad-input-file` where the file is none of ours. */
export async function* readParquet(path: string, spillFolder: string): AsyncIterable<readonly Sample[]> {
  const engine = await Engine.open(spillFolder);
  try {
    const metrics = await metricsOf(engine, path);
    let batch: Sample[] = [];
    for await (const rows of engine.stream(exportStatement(path, metrics), [])) {
      for (const sample of samplesOf(rows, null)) batch.push(sample);
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } catch (error) {
    if (error instanceof FileGone) throw wrong(path, "no such file", error);
    if (error instanceof OperationalError && error.code === "state-corrupt")
      throw wrong(path, error.message.replace("the sample store's files: ", ""), error);
    throw error;
  } finally {
    engine.close();
  }
}

const wrong = (path: string, what: string, cause: unknown = null): OperationalError =>
  new OperationalError("bad-input-file", `${path}: ${what}`, false, { cause });

const NUMBER_TYPE = /^(?:DOUBLE|FLOAT|DECIMAL.*|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?)$/;

async function metricsOf(engine: Engine, path: string): Promise<readonly string[]> {
  const columns = await engine.columns([path]);
  const types = new Map(columns);
  for (const [name, allowed] of [
    ["host", /^VARCHAR$/],
    ["vm", /^VARCHAR$/],
    ["time", /^TIMESTAMP/],
  ] as const)
    if (!allowed.test(types.get(name) ?? ""))
      throw wrong(path, `column ${name} must be ${name === "time" ? "a timestamp" : "text"}`);
  return columns.flatMap(([name, type]) => {
    if (["host", "vm", "time"].includes(name)) return [];
    if (!isMetricName(name)) throw wrong(path, `column ${name}: a metric is named ${METRIC_NAME_RULE}`);
    if (!NUMBER_TYPE.test(type)) throw wrong(path, `column ${name} must hold numbers, and not ${type}`);
    return [name];
  });
}
