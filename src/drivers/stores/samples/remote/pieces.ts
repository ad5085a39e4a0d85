/**
 * A range in pieces, so that each answer of a server fits into memory, and the samples that many series of single values make.
 */
import { compareSamples } from "../../../../core/telemetry/sample-order.js";
import { type Milliseconds, milliseconds } from "../../../../core/units.js";
import type { Clock } from "../../../../ports/clock.js";
import type { Sample, SourceSpan } from "../../../../ports/sample-store.js";

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

export class Pieces {
  private length = FIRST_PIECE_MS;
  private next: number;

  constructor(private readonly range: Piece) {
    this.next = range.from;
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
    this.length = Math.min(LONGEST_PIECE_MS, Math.max(SHORTEST_PIECE_MS, Math.floor(this.length * factor)));
  }

  /** The last piece was too much for the server: it is taken again, in smaller ones. False: it cannot be smaller. */
  splitLast(piece: Piece): boolean {
    if (piece.to - piece.from <= SHORTEST_PIECE_MS) return false;
    this.next = piece.from;
    this.length = Math.max(SHORTEST_PIECE_MS, Math.floor((piece.to - piece.from) / STEP));
    return true;
  }
}

/** Puts values of single metrics together to samples. */
export class Assembly {
  private readonly byTime = new Map<number, Map<string | null, Record<string, number>>>();
  private count = 0;

  constructor(private readonly host: string) {}

  get size(): number {
    return this.count;
  }

  add(vm: string | null, at: number, metric: string, value: number): void {
    let vms = this.byTime.get(at);
    if (vms === undefined) {
      vms = new Map();
      this.byTime.set(at, vms);
    }
    let values = vms.get(vm);
    if (values === undefined) {
      values = {};
      vms.set(vm, values);
      this.count++;
    }
    values[metric] = value;
  }

  /** In the order in which samples are told. */
  samples(): readonly Sample[] {
    const all: Sample[] = [];
    for (const [at, vms] of this.byTime)
      for (const [vm, values] of vms) all.push({ host: this.host, vm, at: milliseconds(at), values });
    return all.sort(compareSamples);
  }
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
export async function narrowed(range: Piece, spans: () => Promise<readonly SourceSpan[]>): Promise<Piece> {
  if (range.to - range.from <= LONG_RANGE_MS) return range;
  const found = await spans();
  if (found.length === 0) return { from: range.from, to: range.from };
  const from = found.reduce((least, { first }) => Math.min(least, first), Number.POSITIVE_INFINITY);
  const to = found.reduce((most, { last }) => Math.max(most, last + 1), 0);
  return { from: milliseconds(from), to: milliseconds(to) };
}
