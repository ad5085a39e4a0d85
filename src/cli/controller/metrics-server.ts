/**
 * `/metrics` of a controller that works alone, on an address of the operator's choice. What it shows is what the controller
 * counts, read when it is asked for.
 */
import { createServer } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import { Counter, Gauge, Registry } from "prom-client";
import { UsageError } from "../exit.js";

/** Exposed as `headroom_NAME`; a name that ends with `_total` is a counter's, any other a gauge's. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly series: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

export interface MetricsAddress {
  readonly address: string;
  readonly port: number;
}

/** `9109`, `127.0.0.1:9109`, `[::1]:9109`; without an address it is loopback. */
export function parseMetricsAddress(text: string): MetricsAddress {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([0-9.]+)):)?(\d{1,5})$/i.exec(text);
  const address = match?.[1] ?? match?.[2] ?? "127.0.0.1";
  const port = Number(match?.[3]);
  if (match === null || port > 65_535 || isIP(address) === 0)
    throw new UsageError(
      `--metrics is ${JSON.stringify(text)}; it must be a port or an address and a port, such as 9109 or 127.0.0.1:9109`,
    );
  return { address, port };
}

function exposition(metrics: readonly Metric[]): Promise<string> {
  const registry = new Registry();
  for (const { name, help, labels, series } of metrics) {
    const options = { name: `headroom_${name}`, help, labelNames: [...labels], registers: [registry] };
    const metric = name.endsWith("_total") ? new Counter(options) : new Gauge(options);
    for (const { labels: of, value } of series) metric.inc({ ...of }, value);
  }
  return registry.metrics();
}

/** Listens until `close`; gives the URL. Throws `UsageError` when the address cannot be had. */
export async function serveMetrics(
  at: MetricsAddress,
  read: () => readonly Metric[],
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    if (request.url !== "/metrics" || request.method !== "GET") {
      response.writeHead(404).end("only GET /metrics is here\n");
      return;
    }
    exposition(read()).then(
      (text) => response.writeHead(200, { "content-type": Registry.PROMETHEUS_CONTENT_TYPE }).end(text),
      (error: Error) => response.writeHead(500).end(`${error.message}\n`),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new UsageError(`--metrics: ${error.message}`, { cause: error })));
    server.listen(at.port, at.address, resolve);
  });
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === "IPv6" ? `[${address}]` : address;
  return {
    url: `http://${host}:${port}/metrics`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
