/** How an InfluxDB is written to and asked: 2.x with Flux, the others with InfluxQL. */
import type { Sample, SourceSpan } from "../../../../ports/sample-store.js";
import type { Piece, Wanted } from "../remote/pieces.js";

/** The values of one source at one time, or a part of them. */
export interface Values {
  readonly host: string;
  readonly vm: string | null;
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface Dialect {
  write(samples: readonly Sample[]): Promise<void>;
  /** By time; those of one time in any order, and of one source perhaps in several parts. */
  values(wanted: Wanted, piece: Piece): AsyncIterable<Values>;
  spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]>;
  /** Those with samples of their own. */
  hosts(range: Piece): Promise<readonly string[]>;
  close(): Promise<void>;
}
