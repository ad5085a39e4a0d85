/** A stream to a daemon on this machine: the first of its possible sockets that exists. */
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Sockets that are not there are passed over (modular daemons or one libvirtd); any other failure ends the search. */
export async function openUnix(sockets: readonly string[], signal: AbortSignal): Promise<Duplex> {
  let absent: unknown = new Error("no socket was named");
  for (const path of sockets) {
    try {
      return await connected(connect({ path }), signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      absent = error;
    }
  }
  throw absent;
}

/** The socket once `event` tells that it is usable. Destroyed when that fails or `signal` aborts. */
export function connected<S extends Socket>(socket: S, signal: AbortSignal, event = "connect"): Promise<S> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null) => {
      socket.off(event, succeed);
      socket.off("error", settle);
      signal.removeEventListener("abort", abort);
      if (error === null) resolve(socket);
      else {
        socket.destroy();
        reject(error);
      }
    };
    const succeed = () => settle(null);
    const abort = () => settle(new Error("gave up waiting for the connection"));
    socket.once(event, succeed);
    socket.once("error", settle);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
