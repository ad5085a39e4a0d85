/** Opens the stream that a URI asks for, within a deadline. */
import type { Duplex } from "node:stream";
import type { Milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { openSsh } from "./transport-ssh.js";
import { openTcp } from "./transport-tcp.js";
import { openTls } from "./transport-tls.js";
import { openUnix } from "./transport-unix.js";
import type { LibvirtUri } from "./uri.js";

/** Opens a stream to the daemon; rejects with the system's error, or with one that says that time ran out. */
export type OpenStream = (uri: LibvirtUri, signal: AbortSignal) => Promise<Duplex>;

export const openStream: OpenStream = async ({ way, remoteUri }, signal) => {
  switch (way.kind) {
    case "unix":
      return openUnix(way.sockets, signal);
    case "tcp":
      return openTcp(way.host, way.port, signal);
    case "tls":
      return openTls(way, signal);
    case "ssh":
      return openSsh(way, remoteUri);
  }
};

/** The stream, or a rejection once `deadline` passed or `signal` aborted. */
export async function openWithin(
  open: OpenStream,
  uri: LibvirtUri,
  options: { readonly clock: Clock; readonly deadline: Milliseconds; readonly signal: AbortSignal },
): Promise<Duplex> {
  const giveUp = new AbortController();
  const opened = new AbortController();
  const forward = () => giveUp.abort();
  options.signal.addEventListener("abort", forward, { once: true });
  if (options.signal.aborted) forward();
  void options.clock.sleep(options.deadline, opened.signal).then(() => giveUp.abort());
  try {
    return await open(uri, giveUp.signal);
  } finally {
    options.signal.removeEventListener("abort", forward);
    opened.abort();
  }
}
