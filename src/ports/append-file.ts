/** A file that only grows, line by line: what an agent records while it runs. */
export interface AppendFile {
  /** True when the file had nothing in it when it was opened: the moment for a header. */
  readonly startedEmpty: boolean;
  /**
   * Queues `text` (whole lines) behind what was given before, and returns at once. Throws the failure of an earlier write:
   * after one nothing more is written, so that the file never has a hole.
   */
  append(text: string): void;
  /** Resolves when everything given so far is in the file. Throws `state-not-written`. */
  flush(): Promise<void>;
  /** Flushes and closes. Idempotent. Throws `state-not-written`. */
  close(): Promise<void>;
}
