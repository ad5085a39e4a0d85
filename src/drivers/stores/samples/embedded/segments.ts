/**
 * Segments: how samples become Parquet, how several become one or coarser, and what a query asks of them. The engine's
 * statements are made here and nowhere else. A segment gets its name when it is whole and durable.
 */
import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../../../../core/assert.js";
import { peakName, type Summary, summaryOf } from "../../../../core/telemetry/summaries.js";
import type { Sample } from "../../../../ports/sample-store.js";
import type { FolderLock } from "../../folder-lock.js";
import { syncFolder } from "../../sync-folder.js";
import { type Cell, column, type Engine, quote, scan } from "./engine.js";
import { mergedName, type SegmentName, segmentName, unfinishedName } from "./names.js";
import type { Asked, Range } from "./tail.js";

/** Zstandard at its default level: 15 saves a fiftieth more and takes six times as long (decision 0011). */
const PARQUET = "FORMAT parquet, COMPRESSION zstd";
const KEY = "host, vm, time";
const ORDER = "host, vm NULLS FIRST, time";

const SUMMARY: Readonly<Record<Summary, (value: string) => string>> = {
  mean: (value) => `avg(${value})`,
  sum: (value) => `sum(${value})`,
  last: (value) => `arg_max(${value}, time)`,
  max: (value) => `max(${value})`,
};

const metricsOf = (samples: readonly Sample[]): readonly string[] => {
  const names = new Set<string>();
  for (const { values } of samples) for (const name in values) names.add(name);
  return [...names].sort();
};

function* rowsOf(samples: readonly Sample[], metrics: readonly string[]): Iterable<readonly Cell[]> {
  for (const { host, vm, at, values } of samples) yield [host, vm, at, ...metrics.map((name) => values[name] ?? null)];
}

/** Text of a statement that writes the temporary table "rows" (host, vm, time in ms, metrics) as Parquet. */
export const copyRows = (path: string): string =>
  `COPY (SELECT * REPLACE (epoch_ms(time::BIGINT) AS time) FROM temp.rows ORDER BY ${ORDER}) TO ${quote(path)} (${PARQUET})`;

/** Of rows of the same source and time, the one of the last file. */
const newest = (paths: readonly string[]): string =>
  paths.length === 1
    ? `SELECT * FROM ${scan(paths)}`
    : `SELECT * FROM ${scan(paths)} QUALIFY row_number() OVER (PARTITION BY ${KEY} ORDER BY file_index DESC) = 1`;

export class Segments {
  constructor(
    readonly folder: string,
    private readonly engine: Engine,
    /** Null: for reading only. */
    private readonly lock: Pick<FolderLock, "generation" | "isHeld"> | null,
  ) {}

  readonly pathOf = (name: SegmentName): string => join(this.folder, segmentName(name));

  /** Does nothing when the segment is there: the same log made it before a crash. */
  async write(name: SegmentName, samples: readonly Sample[]): Promise<void> {
    if (existsSync(this.pathOf(name))) return;
    const numbers = metricsOf(samples);
    await this.finish(name, (path) =>
      this.engine.withTable(
        { texts: ["host", "vm"], numbers: ["time", ...numbers], rows: rowsOf(samples, numbers) },
        copyRows(path),
      ),
    );
  }

  /** One segment of several neighbours, which are deleted. */
  async merge(parts: readonly SegmentName[]): Promise<void> {
    const rows = newest(parts.map(this.pathOf));
    await this.finish(mergedName(parts), (path) =>
      this.engine.run(`COPY (${rows} ORDER BY ${ORDER}) TO ${quote(path)} (${PARQUET})`),
    );
    await this.remove(parts);
  }

  /** Summaries of a day over `stepSeconds`, in place of its samples; of a time that has both, the samples are right. */
  async coarsen(fine: readonly SegmentName[], coarse: readonly SegmentName[], stepSeconds: number): Promise<void> {
    const paths = fine.map(this.pathOf);
    const metrics = (await this.engine.columns(paths)).flatMap(([name]) =>
      ["host", "vm", "time"].includes(name) ? [] : [name],
    );
    const made = metrics.flatMap((name) => {
      const peak = peakName(name);
      const value = `${SUMMARY[summaryOf(name)](column(name))} AS ${column(name)}`;
      return peak === null || metrics.includes(peak) ? [value] : [value, `max(${column(name)}) AS ${column(peak)}`];
    });
    const step = `time_bucket(INTERVAL ${stepSeconds} SECOND, time)`;
    const fresh = `SELECT host, vm, ${step} AS time${made.map((text) => `, ${text}`).join("")} FROM (${newest(paths)}) GROUP BY host, vm, ${step}`;
    const before =
      coarse.length === 0
        ? "SELECT * FROM fresh"
        : `SELECT * FROM fresh UNION ALL BY NAME SELECT * FROM (${newest(coarse.map(this.pathOf))}) AS old WHERE NOT EXISTS (FROM fresh WHERE fresh.host = old.host AND fresh.vm IS NOT DISTINCT FROM old.vm AND fresh.time = old.time)`;
    const name = { ...mergedName([...coarse, ...fine]), coarse: true };
    await this.finish(name, (path) =>
      this.engine.run(
        `COPY (WITH fresh AS MATERIALIZED (${fresh}) SELECT * FROM (${before}) ORDER BY ${ORDER}) TO ${quote(path)} (${PARQUET})`,
      ),
    );
    await this.remove([...fine, ...coarse]);
  }

  async remove(names: readonly SegmentName[]): Promise<void> {
    for (const name of names) await rm(this.pathOf(name), { force: true });
  }

  /** Rows of a segment, from its footer. */
  async rows(name: SegmentName): Promise<number> {
    const [row] = await this.engine.rows(
      `SELECT num_rows::DOUBLE FROM parquet_file_metadata(${quote(this.pathOf(name))})`,
    );
    return Number(row?.[0] ?? 0);
  }

  private async finish(name: SegmentName, write: (path: string) => Promise<void>): Promise<void> {
    const { lock } = this;
    assert(lock !== null, "readers write no segments");
    const path = join(this.folder, unfinishedName(name, lock.generation));
    try {
      await write(path);
      const file = await open(path, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      if (!(await lock.isHeld())) throw new Error(`${this.folder} has been taken over by another process`);
      await rename(path, this.pathOf(name));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
    await syncFolder(this.folder);
  }
}

const ofWhom = ({ of }: Pick<Asked, "of">): string => {
  if (of === "all") return "true";
  if (of === "host") return "vm IS NULL";
  if (of === "vms") return "vm IS NOT NULL";
  return of.length === 0 ? "false" : `vm IN (${of.map(quote).join(", ")})`;
};

/** Rows of a query in the order in which samples are told; of the same source and time, the right one is the last. */
export function selectStatement(paths: readonly string[], query: Asked, { from, to }: Range) {
  const wanted = ["host", "vm", ...query.metrics];
  const columns =
    query.metrics.length === 0
      ? "* EXCLUDE (time)"
      : `COLUMNS(name -> list_contains([${wanted.map(quote).join(", ")}], name))`;
  const sql = `SELECT epoch_ms(time)::DOUBLE AS time, ${columns} FROM ${scan(paths)} WHERE host IN (${query.hosts.map(quote).join(", ")}) AND ${ofWhom(query)} AND time >= epoch_ms($1::BIGINT) AND time < epoch_ms($2::BIGINT) ORDER BY time, host, vm NULLS FIRST, file_index`;
  return { sql, values: [from, to] };
}

export function spansStatement(paths: readonly string[], host: string | null, { from, to }: Range) {
  const only = host === null ? "" : " AND host = $3";
  const sql = `SELECT host, vm, epoch_ms(min(time))::DOUBLE, epoch_ms(max(time))::DOUBLE FROM ${scan(paths)} WHERE time >= epoch_ms($1::BIGINT) AND time < epoch_ms($2::BIGINT)${only} GROUP BY host, vm`;
  return { sql, values: host === null ? [from, to] : [from, to, host] };
}

/** Text of a statement that makes one file of all segments, or an empty one of none. */
export function copySegments(paths: readonly string[], target: string): string {
  const rows =
    paths.length === 0
      ? "SELECT ''::VARCHAR AS host, NULL::VARCHAR AS vm, NULL::TIMESTAMP AS time WHERE false"
      : `${newest(paths)} ORDER BY ${ORDER}`;
  return `COPY (${rows}) TO ${quote(target)} (${PARQUET})`;
}

/** All rows of a file that has the columns of a segment, as they lie there; numbers of whatever kind as doubles. */
export const exportStatement = (path: string, metrics: readonly string[]): string =>
  `SELECT host, vm, epoch_ms(time::TIMESTAMP)::DOUBLE AS time${metrics.map((name) => `, ${column(name)}::DOUBLE AS ${column(name)}`).join("")} FROM ${scan([path])}`;
