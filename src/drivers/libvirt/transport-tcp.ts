/** A stream over plain TCP. Whoever can listen on the way can drive the host: for trusted networks and tests. */
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connected } from "./transport-unix.js";

export async function openTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const socket = await connected(connect({ host, port }), signal);
  return socket.setNoDelay(true);
}
