/** Keeps a textfile for node_exporter's collector up to date: a whole one or none, replaced at every interval. */
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import { OperationalError } from "../ports/errors.js";
import type { Log } from "../ports/log.js";

export interface TextfileParts {
  /** Empty: there is nothing true to say. */
  readonly text: () => Promise<string>;
  readonly file: { write(text: string): Promise<void> };
  readonly clock: Clock;
  readonly interval: Milliseconds;
  readonly log: Log;
}

/** Until `signal` aborts. A failed write is tried again at the next interval: the old file stays, and its time tells its age. */
export async function keepTextfile(
  { text, file, clock, interval, log }: TextfileParts,
  signal: AbortSignal,
): Promise<void> {
  let problem: string | null = null;
  while (!signal.aborted) {
    const began = clock.monotonic();
    try {
      const content = await text();
      if (content !== "") await file.write(content);
      if (problem !== null) log.info({}, "the textfile is written again");
      problem = null;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (problem !== error.message) log.warn({ code: error.code, err: error }, "the textfile was not written");
      problem = error.message;
    }
    await clock.sleep(milliseconds(Math.max(0, interval - (clock.monotonic() - began))), signal);
  }
}
