/** How an InfluxDB is written to and asked: 2.x with Flux, the others with InfluxQL. */
import type { Sample, SampleQuery, SourceSpan } from "../../../../ports/sample-store.js";
import type { Piece } from "../remote/pieces.js";

/** The values of one source at one time, or a part of them. */
export interface Values {
  readonly vm: string | null;
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface Dialect {
  write(samples: readonly Sample[]): Promise<void>;
  /** By time; those of one time in any order, and of one source perhaps in several parts. */
  values(query: SampleQuery, piece: Piece): AsyncIterable<Values>;
  spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]>;
  close(): Promise<void>;
}
