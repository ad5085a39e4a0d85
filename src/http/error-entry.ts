/** What the interface says of one error code: the row of the error table (error-table.ts). */
export interface ErrorEntry {
  readonly status: number;
  readonly title: string;
  /** One or two sentences: when this is answered, and what the caller can do. */
  readonly meaning: string;
  /** Sent as `Retry-After`; absent: the same request will fail the same way. */
  readonly retryAfterSeconds?: number;
  /** The part of the request that this code is always about; named in `errors`. */
  readonly about?: { readonly in: "path" | "query" | "header" | "body"; readonly field: string };
}
