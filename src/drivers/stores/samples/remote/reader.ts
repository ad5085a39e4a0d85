/**
 * Reads samples of one host or of several out of a server, a piece of the range after the other, each piece of all hosts together and in order. How long
 * pieces are is learnt from what there was: an answer fits into memory, and a range that fits into one answer costs one.
 */
import type { Clock } from "../../../../ports/clock.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { Sample, SourceSpan } from "../../../../ports/sample-store.js";
import { Assembly, bounded, narrowed, type Piece, Pieces, type Wanted } from "./pieces.js";

export interface RemoteSource {
  readonly clock: Clock;
  spans(range: Piece, host: string): Promise<readonly SourceSpan[]>;
  /** Puts what is wanted of a piece into the assembly. */
  fill(assembly: Assembly, wanted: Wanted, piece: Piece): Promise<void>;
  /** Whether a shorter piece may be answered where this is the failure. */
  isTooMuch(error: OperationalError): boolean;
}

/**
 * Hosts that are best read together: with 50 VMs and a sample each minute, an hour of four (12,000 samples) takes 16.6 ms of CPU time each here and 6.2 in
 * Prometheus, one alone 18.2 and 7.9, eight 23.7 and 10.8: answers that large are the garbage collector's work.
 */
export const HOSTS_TOGETHER = 4;
/** Characters of the names in one question: some servers take 16 KiB, and names may be escaped twice. */
const MOST_NAMES = 4_000;
/** What was seen of the densest hosts is forgotten so slowly. */
const FADING = 0.95;

/** As few questions as may be, of so many names as one can hold. */
function questions({ hosts, ...rest }: Wanted): readonly Wanted[] {
  const parts: string[][] = [];
  let room = 0;
  for (const host of hosts) {
    if (room < host.length || parts.length === 0) {
      parts.push([]);
      room = MOST_NAMES;
    }
    parts.at(-1)!.push(host);
    room -= host.length;
  }
  return parts.map((part) => ({ hosts: part, ...rest }));
}

export class RemoteReader {
  /** Samples in a millisecond of one host, by what was wanted of it; absent: not seen yet. */
  private readonly densities = new Map<string, number>();

  constructor(private readonly source: RemoteSource) {}

  async *read(wanted: Wanted, asked: Piece): AsyncIterable<Sample> {
    const { clock } = this.source;
    if (wanted.hosts.length === 0 || (typeof wanted.of !== "string" && wanted.of.length === 0)) return;
    const range = await narrowed(bounded(asked, clock), (bounds) => this.spansOf(wanted.hosts, bounds));
    const pieces = new Pieces(range, this.densityOf(wanted));
    for (let piece = pieces.take(); piece !== null; piece = pieces.take()) {
      const assembly = await this.assembled(wanted, piece, pieces);
      if (assembly === null) continue;
      pieces.had(assembly.size);
      this.saw(wanted, assembly.size, piece);
      yield* assembly.samples();
    }
  }

  private async spansOf(hosts: readonly string[], range: Piece): Promise<readonly SourceSpan[]> {
    const all: SourceSpan[] = [];
    for (const host of hosts) all.push(...(await this.source.spans(range, host)));
    return all;
  }

  /** Null: the piece was too much for the server, and comes again in parts. */
  private async assembled(wanted: Wanted, piece: Piece, pieces: Pieces): Promise<Assembly | null> {
    const assembly = new Assembly();
    try {
      for (const question of questions(wanted)) await this.source.fill(assembly, question, piece);
      return assembly;
    } catch (error) {
      const isTooMuch = error instanceof OperationalError && this.source.isTooMuch(error);
      if (!isTooMuch || !pieces.splitLast(piece)) throw error;
      return null;
    }
  }

  private densityOf({ hosts, of }: Wanted): number | null {
    const density = this.densities.get(kindOf(of));
    return density === undefined ? null : density * hosts.length;
  }

  private saw({ hosts, of }: Wanted, samples: number, { from, to }: Piece): void {
    if (samples === 0) return;
    const kind = kindOf(of);
    const density = samples / (to - from) / hosts.length;
    this.densities.set(kind, Math.max(density, (this.densities.get(kind) ?? 0) * FADING));
  }
}

const kindOf = (of: Wanted["of"]): string => (typeof of === "string" ? of : "some");
