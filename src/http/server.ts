/**
 * Listening: the Node server with limits on slow and greedy clients, and the rule that anything but loopback needs tokens.
 * Node checks the time limits of incomplete requests every so often; that interval bounds how late a slow client is cut.
 */
import { createServer, type RequestListener, type Server, type ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { OperationalError } from "../ports/errors.js";
import { isLoopbackAddress } from "./access.js";
import type { App } from "./app-type.js";
import { type HttpLimits, SLOW_CHECK_MS, type Tls } from "./options.js";

/** What people call the server, and the settings that it is told to mend its start by. */
export interface ServerNames {
  /** `agent`, `scheduler`. */
  readonly program: string;
  readonly addressSetting: string;
  readonly portSetting: string;
  /** What anyone who reaches an open server could do. */
  readonly risk: string;
}

/** Requests on one connection before it is closed: spreads clients over restarted proxies, bounds what a socket holds. */
const REQUESTS_PER_CONNECTION = 100_000;

export function createNodeServer(handler: RequestListener, tls: Tls | null, limits: HttpLimits): Server {
  const options: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: Math.min(limits.headersMs, limits.requestMs),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: SLOW_CHECK_MS,
    noDelay: true,
  };
  const server =
    tls === null
      ? createServer(options, handler)
      : createTlsServer({ ...options, cert: tls.certificate, key: tls.key, minVersion: "TLSv1.2" }, handler);
  server.maxConnections = limits.connections;
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  // A client that stops reading its answer: no bytes move, the socket's own timer ends it.
  server.setTimeout(Math.max(2 * limits.keepAliveMs, limits.changeMs + limits.keepAliveMs));
  return server;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  /** Takes nothing new, ends event streams, lets what is under way finish. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Address or name to listen on. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/**
 * Starts to listen. Throws `bad-settings` with what to do: when anything but loopback is to be listened on without tokens,
 * or when the address cannot be had.
 */
export async function listen(app: App, { host, port }: ListenOptions): Promise<Listening> {
  const { options, metrics, names } = app.headroom;
  const loopback = isLoopbackAddress(host) || host === "localhost";
  if (!loopback && options.tokens === null) throw openToAll(host, names);
  if (!loopback && (options.tls ?? null) === null)
    options.log.warn({ host }, "listening beyond this machine without TLS: tokens can be read on the way");
  metrics.addProcessMetrics();
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw cannotListen(error, host, port, names);
  }
  const address = app.server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  const url = `${options.tls ? "https" : "http"}://${name}:${address.port}`;
  options.log.info({ url, seedCalls: options.seedCalls, tokens: options.tokens?.length ?? 0 }, "listening");
  return { url, port: address.port, close: () => app.close() };
}

const openToAll = (host: string, { addressSetting, risk }: ServerNames): OperationalError =>
  new OperationalError(
    "bad-settings",
    `Refusing to listen on ${host} without tokens: anyone who reaches it could ${risk}.\n` +
      "Make a token:   headroom token create --role operator --file /etc/headroom/tokens\n" +
      "and name the file: HEADROOM_TOKENS_FILE=/etc/headroom/tokens\n" +
      `or listen on loopback only: ${addressSetting}=127.0.0.1`,
    false,
  );

function cannotListen(
  error: unknown,
  host: string,
  port: number,
  { program, portSetting }: ServerNames,
): OperationalError {
  const code = (error as NodeJS.ErrnoException).code;
  const hint =
    code === "EADDRINUSE"
      ? `another program listens there (perhaps another ${program}); choose a port with ${portSetting}`
      : code === "EACCES"
        ? `ports below 1024 need privileges; choose another with ${portSetting}`
        : code === "EADDRNOTAVAIL"
          ? "this machine does not have that address; see `ip address`"
          : (error as Error).message;
  return new OperationalError("bad-settings", `Cannot listen on ${host} port ${port}: ${hint}`, false, {
    cause: error,
  });
}
