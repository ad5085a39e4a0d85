/**
 * A stream over TLS with certificates on both sides, in libvirt's places. After the handshake the daemon sends one byte: 1
 * says that it accepts the client's certificate.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { connected } from "./transport-unix.js";

export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  readonly pkiFolder: string | null;
  readonly verify: boolean;
}

const ACCEPTED = 1;

const filesOf = (folder: string | null) =>
  folder === null
    ? {
        ca: "/etc/pki/CA/cacert.pem",
        cert: "/etc/pki/libvirt/clientcert.pem",
        key: "/etc/pki/libvirt/private/clientkey.pem",
      }
    : { ca: join(folder, "cacert.pem"), cert: join(folder, "clientcert.pem"), key: join(folder, "clientkey.pem") };

export async function openTls(target: TlsTarget, signal: AbortSignal): Promise<Duplex> {
  const files = filesOf(target.pkiFolder);
  const [ca, cert, key] = await Promise.all([readFile(files.ca), readFile(files.cert), readFile(files.key)]);
  const socket = connect({
    host: target.host,
    port: target.port,
    servername: /^[\d.]+$|:/.test(target.host) ? "" : target.host,
    ca,
    cert,
    key,
    minVersion: "TLSv1.2",
    rejectUnauthorized: target.verify,
  });
  await connected(socket, signal, "secureConnect");
  await acceptance(socket, signal);
  return socket.setNoDelay(true);
}

function acceptance(socket: TLSSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null) => {
      socket.off("readable", look);
      socket.off("error", settle);
      socket.off("close", closed);
      signal.removeEventListener("abort", abort);
      if (error === null) return resolve();
      socket.destroy();
      reject(error);
    };
    const look = () => {
      const byte: Buffer | null = socket.read(1);
      if (byte === null) return;
      settle(byte[0] === ACCEPTED ? null : new Error("the daemon does not accept the client certificate"));
    };
    const closed = () => settle(new Error("the daemon hung up instead of accepting the client certificate"));
    const abort = () => settle(new Error("gave up waiting for the connection"));
    socket.on("readable", look);
    socket.once("error", settle);
    socket.once("close", closed);
    signal.addEventListener("abort", abort, { once: true });
    look();
  });
}
