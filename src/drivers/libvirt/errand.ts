/**
 * A connection for one errand, apart from the driver's own: a migration, whose calls last for minutes, and which both daemons
 * take back when the connection ends before its time.
 */
import type { Clock } from "../../ports/clock.js";
import { Connection } from "./connection.js";
import type { LinkTimes } from "./link.js";
import { openSession, type Session } from "./session.js";
import { type OpenStream, openWithin } from "./transport.js";
import { unreachable } from "./unreachable.js";
import type { LibvirtUri } from "./uri.js";

export interface ErrandOptions {
  readonly open: OpenStream;
  readonly clock: Clock;
  readonly times: LinkTimes;
}

/** Throws `hypervisor-unreachable` where the daemon cannot be reached, and what `work` throws. */
export async function onErrand<T>(
  uri: LibvirtUri,
  { open, clock, times }: ErrandOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const never = new AbortController().signal;
  let connection: Connection | null = null;
  try {
    const session = await (async () => {
      try {
        const stream = await openWithin(open, uri, { clock, deadline: times.deadline, signal: never });
        connection = new Connection(stream, {
          clock,
          deadline: times.deadline,
          keepAlive: times.keepAlive,
          onMessage: () => undefined,
          onEnd: () => undefined,
        });
        return await openSession(connection, uri.remoteUri);
      } catch (error) {
        throw unreachable(uri, error);
      }
    })();
    return await work(session);
  } finally {
    (connection as Connection | null)?.close();
  }
}
