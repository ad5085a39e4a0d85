/**
 * Reading: what segments and tails hold together. A range is read in pieces of a part of a day, so that memory is bounded and
 * the first samples come soon. Segments may be merged or dropped meanwhile, by this process or another: a query that misses
 * a file looks at the folder again. That cannot lose samples: a segment has its name before what it was made of is deleted.
 */
import { compareSamples, compareSources } from "../../../../core/telemetry/sample-order.js";
import { milliseconds } from "../../../../core/units.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { HostsQuery, Sample, SampleQuery, SourceSpan } from "../../../../ports/sample-store.js";
import { type Batch, type Engine, FileGone } from "./engine.js";
import { dayOf, type SegmentName, startOfDay } from "./names.js";
import { type Segments, selectStatement, spansStatement } from "./segments.js";
import { type Asked, joinSpans, type Range, type Tail } from "./tail.js";

/** Of a large host (200 VMs, every five seconds) 900,000 samples; of a usual one some ten thousand. */
const PIECE_MS = 6 * 3_600_000;
/** Merges take seconds; a folder that changes faster than it is read is not one of ours. */
const MOST_LOOKS = 20;

/** What the folder held at one moment: tails first, so that what moves from a tail to a segment is seen at least once. */
export interface Look {
  /** Oldest first; what a later one has is right. */
  readonly tails: readonly Tail[];
  /** By day, the right ones last. */
  readonly segments: readonly SegmentName[];
}

export class History {
  constructor(
    private readonly engine: Engine,
    private readonly segments: Segments,
    private readonly look: () => Promise<Look>,
  ) {}

  read({ host, of, metrics, from, to }: SampleQuery): AsyncIterable<Sample> {
    return this.told({ hosts: [host], of, metrics, from, to });
  }

  readHosts(query: HostsQuery): AsyncIterable<Sample> {
    return this.told({ ...query, of: "all" });
  }

  private async *told(query: Asked & Range): AsyncIterable<Sample> {
    if (query.hosts.length === 0) return;
    for (const day of await this.days(query)) {
      for (let start = startOfDay(day); start < startOfDay(day + 1); start += PIECE_MS) {
        const piece = { from: Math.max(start, query.from), to: Math.min(start + PIECE_MS, query.to) };
        if (piece.from >= piece.to) continue;
        for await (const batch of this.readPiece(query, day, piece)) yield* batch;
      }
    }
  }

  async spans(range: Range, host: string | null): Promise<readonly SourceSpan[]> {
    return this.retried(async ({ tails, segments }) => {
      const paths = segments.filter((name) => touches(name.day, range)).map(this.segments.pathOf);
      const found = tails.flatMap((tail) => tail.spans(range, host));
      if (paths.length > 0) {
        const { sql, values } = spansStatement(paths, host, range);
        for (const [name, vm, first, last] of await this.engine.rows(sql, values))
          found.push({
            host: String(name),
            vm: vm === null ? null : String(vm),
            first: milliseconds(Number(first)),
            last: milliseconds(Number(last)),
          });
      }
      return joinSpans(found).toSorted(compareSources);
    });
  }

  private async days(range: Range): Promise<readonly number[]> {
    const { tails, segments } = await this.look();
    const days = new Set([...segments.map(({ day }) => day), ...tails.flatMap((tail) => tail.days())]);
    return [...days].filter((day) => touches(day, range)).sort((a, b) => a - b);
  }

  /** Batches: handing each sample through several generators would cost more than reading it. */
  private async *readPiece(query: Asked, day: number, piece: Range): AsyncIterable<readonly Sample[]> {
    for (let looks = 1; ; looks++) {
      const { tails, segments } = await this.look();
      const names = segments.filter((name) => name.day === day);
      // A time that stands in both is the tail's.
      const late = joinTails(tails.map((tail) => tail.select(query, piece)));
      const early = names.length === 0 ? [] : this.stored(names, query, piece);
      let began = false;
      try {
        for await (const batch of merged(early, late)) {
          began = true;
          yield narrowed(batch, query.metrics);
        }
        return;
      } catch (error) {
        // Rows come when all files have been read: an answer that began does not miss one.
        if (!(error instanceof FileGone) || began || looks >= MOST_LOOKS) throw orUnreadable(error);
      }
    }
  }

  private async *stored(names: readonly SegmentName[], query: Asked, piece: Range): AsyncIterable<readonly Sample[]> {
    const only = query.hosts.length === 1 ? query.hosts[0]! : null;
    const { sql, values } = selectStatement(names.map(this.segments.pathOf), query, piece);
    for await (const batch of this.engine.stream(sql, values)) yield samplesOf(batch, only);
  }

  private async retried<T>(use: (look: Look) => Promise<T>): Promise<T> {
    for (let looks = 1; ; looks++) {
      try {
        return await use(await this.look());
      } catch (error) {
        if (!(error instanceof FileGone) || looks >= MOST_LOOKS) throw orUnreadable(error);
      }
    }
  }
}

const touches = (day: number, { from, to }: Range): boolean => startOfDay(day) < to && dayOf(from) <= day;

const orUnreadable = (error: unknown): unknown =>
  error instanceof FileGone
    ? new OperationalError(
        "store-failed",
        `the sample store's files change while they are read: ${error.message}`,
        true,
      )
    : error;

/** Rows as samples; `host`: null where the rows say whose they are. */
export function samplesOf({ names, columns, count }: Batch, host: string | null): readonly Sample[] {
  const [time, vm, hosts] = ["time", "vm", "host"].map((name) => columns[names.indexOf(name)]!);
  const metrics = names.flatMap((name, i) =>
    ["time", "vm", "host"].includes(name) ? [] : [[name, columns[i]!] as const],
  );
  return Array.from({ length: count }, (_, row) => {
    const values: Record<string, number> = {};
    for (const [name, cells] of metrics) {
      const value = cells[row];
      if (typeof value === "number") values[name] = value;
    }
    const at = milliseconds(Number(time![row]));
    return { host: host ?? String(hosts?.[row]), vm: vm![row] as string | null, at, values };
  });
}

/** Of lists in order, the samples in order; a later list is right. */
function joinTails(lists: readonly (readonly Sample[])[]): readonly Sample[] {
  if (lists.length === 1) return lists[0]!;
  // The sort is stable: of the same source and time the later list's comes last.
  const all = lists.flat().sort(compareSamples);
  return all.filter((sample, i) => i === all.length - 1 || compareSamples(sample, all[i + 1]!) !== 0);
}

/** Two streams in order as one: of equals the last of `early`, and before it that of `late`. */
async function* merged(
  early: Iterable<readonly Sample[]> | AsyncIterable<readonly Sample[]>,
  late: readonly Sample[],
): AsyncIterable<readonly Sample[]> {
  let next = 0;
  let held: Sample | null = null;
  for await (const batch of early) {
    const told: Sample[] = [];
    for (const sample of batch) {
      if (held !== null && compareSamples(held, sample) !== 0) told.push(held);
      held = null;
      for (; next < late.length && compareSamples(late[next]!, sample) < 0; next++) told.push(late[next]!);
      if (next < late.length && compareSamples(late[next]!, sample) === 0) continue;
      held = sample;
    }
    yield told;
  }
  if (held !== null) yield [held];
  yield late.slice(next);
}

/** Only the values that were asked for; samples that have none of them are left out. */
function narrowed(samples: readonly Sample[], metrics: readonly string[]): readonly Sample[] {
  if (metrics.length === 0) return samples;
  return samples.flatMap((sample) => {
    const values: Record<string, number> = {};
    let isEmpty = true;
    for (const name of metrics) {
      const value = sample.values[name];
      if (value === undefined) continue;
      values[name] = value;
      isEmpty = false;
    }
    return isEmpty ? [] : [{ host: sample.host, vm: sample.vm, at: sample.at, values }];
  });
}
