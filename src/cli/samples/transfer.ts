/** Moves history: out of a store into a file or another store, and from a file into a store. Streamed both ways. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Milliseconds, milliseconds, type Seconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";
import type { Sample, SampleStore, SourceSpan } from "../../ports/sample-store.js";
import { UsageError } from "../exit.js";
import { type SampleFormat, STANDARD, writeText } from "./formats.js";

export interface Range {
  readonly from: Milliseconds;
  readonly to: Milliseconds;
  /** Null: all hosts. */
  readonly host: string | null;
}

export interface EstimatorShape {
  readonly sliceSeconds: Seconds;
  readonly scopeSeconds: Seconds;
  readonly history: number;
}

export interface Moved {
  readonly samples: number;
  readonly sources: number;
  /** Samples that the store will soon forget. */
  readonly tooOld: number;
}

const BATCH = 500;
const MS_PER_SECOND = 1000;

const sourcesIn = (store: SampleStore, { from, to, host }: Range): Promise<readonly SourceSpan[]> =>
  store.sources(host === null ? { from, to } : { from, to, host });

class Count {
  samples = 0;
  private tooOld = 0;
  private readonly seen = new Set<string>();

  /** `keptSince`: what is older is forgotten. */
  constructor(private readonly keptSince = 0) {}

  add(batch: readonly Sample[]): void {
    this.samples += batch.length;
    for (const { host, vm, at } of batch) {
      this.seen.add(JSON.stringify([host, vm]));
      if (at < this.keptSince) this.tooOld++;
    }
  }

  get moved(): Moved {
    return { samples: this.samples, sources: this.seen.size, tooOld: this.tooOld };
  }
}

/** Host by host, each one's own samples and then those of its VMs, by time. */
async function* everything(store: SampleStore, range: Range, count: Count): AsyncIterable<readonly Sample[]> {
  const hosts = new Set((await sourcesIn(store, range)).map(({ host }) => host));
  for (const host of hosts)
    for (const of of ["host", "vms"] as const) {
      let batch: Sample[] = [];
      for await (const sample of store.read({ ...range, host, of, metrics: [] })) {
        if (batch.push(sample) < BATCH) continue;
        count.add(batch);
        yield batch;
        batch = [];
      }
      count.add(batch);
      yield batch;
    }
}

async function* linesOf(batches: AsyncIterable<readonly Sample[]>): AsyncIterable<string> {
  const { sampleLine } = await import("../../trace/sample-lines.js");
  for await (const batch of batches) if (batch.length > 0) yield batch.map(sampleLine).join("");
}

export interface Destination {
  readonly path: string;
  readonly format: SampleFormat;
  readonly shape: EstimatorShape;
  readonly stdout: { write(text: string): unknown };
  readonly clock: Clock;
  readonly log: Log;
}

/** Throws `UsageError` where there is nothing to export, or more than the format can hold. */
export async function exportTo(store: SampleStore, range: Range, destination: Destination): Promise<Moved> {
  const { path, format, stdout, clock, log } = destination;
  if (format === "estimator") return exportTrace(store, range, destination);
  if (format === "parquet" && path === STANDARD) throw new UsageError("--out -: Parquet cannot be written to a pipe");
  const count = new Count();
  const batches = everything(store, range, count);
  if (format === "lines") {
    await writeText(path, linesOf(batches), stdout);
  } else {
    const { writeParquet } = await import("../../drivers/stores/samples/embedded/parquet-file.js");
    await writeParquet(path, batches, clock, log);
  }
  return count.moved;
}

/** A trace has one host, and whole windows: those that the host's samples touch. */
async function exportTrace(store: SampleStore, range: Range, { path, shape, stdout }: Destination): Promise<Moved> {
  const { estimatorTrace } = await import("../../trace/estimator-writer.js");
  const spans = await sourcesIn(store, range);
  const hosts = [...new Set(spans.map(({ host }) => host))];
  const [host] = hosts;
  if (host === undefined) throw new UsageError("there are no samples in this range to make a trace of");
  if (hosts.length > 1)
    throw new UsageError(`a trace has one host, and there are ${hosts.length}: say which by --host (${hosts[0]}, ...)`);
  const length = shape.sliceSeconds * MS_PER_SECOND;
  const first = spans.reduce((least, span) => Math.min(least, span.first), Number.POSITIVE_INFINITY);
  const last = spans.reduce((most, span) => Math.max(most, span.last), 0);
  const from = milliseconds(Math.floor(first / length) * length);
  const to = milliseconds((Math.floor(last / length) + 1) * length);
  await writeText(path, estimatorTrace(store, { ...shape, host, from, to }), stdout);
  return { samples: 0, sources: spans.length, tooOld: 0 };
}

export async function copyTo(from: SampleStore, range: Range, into: SampleStore): Promise<Moved> {
  const count = new Count();
  for await (const batch of everything(from, range, count)) await into.write(batch);
  await into.flush();
  return count.moved;
}

export interface Source {
  readonly path: string;
  readonly format: SampleFormat;
  /** Name that the host of a trace shall have; null: as the trace says. */
  readonly host: string | null;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The store forgets what is older; 0: it forgets nothing by itself. */
  readonly keptSince: Milliseconds;
}

async function* samplesIn({ path, format, host, stdin }: Source): AsyncIterable<readonly Sample[]> {
  if (path === STANDARD && format !== "lines")
    throw new UsageError("--load -: only lines of samples can be read from a pipe");
  if (format === "estimator") {
    const { estimatorSamples } = await import("../../trace/estimator-samples.js");
    yield* estimatorSamples(path, host);
  } else if (format === "parquet") {
    const { readParquet } = await import("../../drivers/stores/samples/embedded/parquet-file.js");
    yield* readParquet(path, join(tmpdir(), `headroom-spill-${process.pid}`));
  } else {
    const { samplesOfLines } = await import("../../trace/sample-lines.js");
    const { bytePieces } = await import("../../trace/input.js");
    yield* samplesOfLines(path === STANDARD ? stdin : bytePieces(path), path === STANDARD ? "standard input" : path);
  }
}

export async function importFrom(source: Source, store: SampleStore): Promise<Moved> {
  const count = new Count(source.keptSince);
  try {
    for await (const batch of samplesIn(source)) {
      await store.write(batch);
      count.add(batch);
    }
  } catch (error) {
    if (!(error instanceof OperationalError) || count.samples === 0) throw error;
    await store.flush();
    const before = `${error.message} (${count.samples} samples before it were imported)`;
    throw new OperationalError(error.code, before, error.retryable, { cause: error });
  }
  await store.flush();
  return count.moved;
}
