/**
 * Endpoints of collector.bench.ts, each a server of its own, in a process of their own: `collector-endpoints.ts COUNT VMS`. Prints their
 * addresses as JSON and serves until it is ended. Texts are made once; only the time and one counter of each VM move.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { printIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { DOMAIN_METRICS, HOST_METRICS } from "../../src/core/telemetry/metrics.js";
import { milliseconds } from "../../src/core/units.js";

const [count = 0, vms = 0] = process.argv.slice(2).map(Number);
const NOW = 1234567890123;
const CPU_TIME = 987654321000;

function template(): string {
  const values = (metrics: typeof DOMAIN_METRICS) =>
    Object.fromEntries(metrics.map(({ key }, index) => [key, 1e6 + index]));
  const subject = { perfTotals: {}, perfRecent: {} };
  const domain = { ...values(DOMAIN_METRICS), cpu_cputime: CPU_TIME };
  return printIdiomatic({
    at: milliseconds(NOW),
    host: { values: { ...values(HOST_METRICS), probe_epoch: NOW }, ...subject },
    domains: new Map(
      Array.from({ length: vms }, (_, index) => [`vm-${index}`, { uuid: `uuid-${index}`, values: domain, ...subject }]),
    ),
  });
}

const pieces = template().split(String(NOW / 1000));
const answer = (): string =>
  pieces.join(String(Date.now() / 1000)).replaceAll(String(CPU_TIME / 1e9), String(Date.now() / 2000));

const urls: string[] = [];
for (let index = 0; index < count; index++) {
  const server = createServer({ keepAliveTimeout: 30_000 }, (_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4").end(answer());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
}
console.log(JSON.stringify(urls));
