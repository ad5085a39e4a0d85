/**
 * A range in pieces, so that each answer of a server fits into memory, and the samples that many series of single values make.
 */
import { compareSamples } from "../../../../core/telemetry/sample-order.js";
import { type Milliseconds, milliseconds } from "../../../../core/units.js";
import type { Clock } from "../../../../ports/clock.js";
import type { Sample, SampleQuery, SourceSpan } from "../../../../ports/sample-store.js";

/** What is asked for, of one host or several; `all`: the hosts' own samples and those of their VMs. */
export interface Wanted {
  readonly hosts: readonly string[];
  readonly of: SampleQuery["of"] | "all";
  readonly metrics: readonly string[];
}

export interface Piece {
  readonly from: Milliseconds;
  readonly to: Milliseconds;
}

const FIRST_PIECE_MS = 10 * 60_000;
const SHORTEST_PIECE_MS = 10_000;
const LONGEST_PIECE_MS = 2 * 86_400_000;
/** Samples per answer to aim at. */
const AIM = 20_000;
const STEP = 4;

const within = (length: number): number => Math.min(LONGEST_PIECE_MS, Math.max(SHORTEST_PIECE_MS, Math.floor(length)));

export class Pieces {
  private length: number;
  private next: number;

  /** `density`: samples for each millisecond that there may be; null: nobody knows. */
  constructor(
    private readonly range: Piece,
    density: number | null = null,
  ) {
    this.next = range.from;
    this.length = density === null ? FIRST_PIECE_MS : within(AIM / density);
  }

  /** Null: there are no more. */
  take(): Piece | null {
    if (this.next >= this.range.to) return null;
    const from = milliseconds(this.next);
    this.next = Math.min(this.next + this.length, this.range.to);
    return { from, to: milliseconds(this.next) };
  }

  /** How many samples the last piece had: the next is longer or shorter for it. */
  had(samples: number): void {
    const factor = Math.min(STEP, Math.max(1 / STEP, AIM / Math.max(samples, 1)));
    this.length = within(this.length * factor);
  }

  /** The last piece was too much for the server: it is taken again, in smaller ones. False: it cannot be smaller. */
  splitLast(piece: Piece): boolean {
    if (piece.to - piece.from <= SHORTEST_PIECE_MS) return false;
    this.next = piece.from;
    this.length = Math.max(SHORTEST_PIECE_MS, Math.floor((piece.to - piece.from) / STEP));
    return true;
  }
}

/** Values of one source, by time and metric. */
type Values = Map<number, Record<string, number>>;

/** Puts values of single metrics together to samples. */
export class Assembly {
  private readonly sources = new Map<string, Map<string | null, Values>>();

  get size(): number {
    let count = 0;
    for (const vms of this.sources.values()) for (const values of vms.values()) count += values.size;
    return count;
  }

  add(host: string, vm: string | null, at: number, metric: string, value: number): void {
    put(this.of(host, vm), at, metric, value);
  }

  /** As `add` of one source and metric, for many values. */
  adder(host: string, vm: string | null, metric: string): (at: number, value: number) => void {
    const values = this.of(host, vm);
    return (at, value) => put(values, at, metric, value);
  }

  /** In the order in which samples are told. */
  samples(): readonly Sample[] {
    const all: Sample[] = [];
    for (const [host, vms] of this.sources)
      for (const [vm, byTime] of vms)
        for (const [at, values] of byTime) all.push({ host, vm, at: milliseconds(at), values });
    return all.sort(compareSamples);
  }

  private of(host: string, vm: string | null): Values {
    const vms = kept(this.sources, host, () => new Map<string | null, Values>());
    return kept(vms, vm, () => new Map());
  }
}

function kept<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function put(values: Values, at: number, metric: string, value: number): void {
  const known = values.get(at);
  if (known === undefined) values.set(at, { [metric]: value });
  else known[metric] = value;
}

/** Nothing is newer than now by more than clocks differ. */
const FUTURE_MS = 86_400_000;
/** Above it, what there is at all is asked first. */
const LONG_RANGE_MS = 2 * 86_400_000;

/** The part of a range in which there can be samples. */
export function bounded({ from, to }: Piece, clock: Clock): Piece {
  return { from: milliseconds(Math.max(0, from)), to: milliseconds(Math.min(to, clock.now() + FUTURE_MS)) };
}

/** Of a long range, the part in which there are some. */
export async function narrowed(range: Piece, spans: (range: Piece) => Promise<readonly SourceSpan[]>): Promise<Piece> {
  if (range.to - range.from <= LONG_RANGE_MS) return range;
  const found = await spans(range);
  if (found.length === 0) return { from: range.from, to: range.from };
  const from = found.reduce((least, { first }) => Math.min(least, first), Number.POSITIVE_INFINITY);
  const to = found.reduce((most, { last }) => Math.max(most, last + 1), 0);
  return { from: milliseconds(from), to: milliseconds(to) };
}
