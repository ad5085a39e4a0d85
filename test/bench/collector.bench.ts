/**
 * A collector on 1,000 endpoints, each a host with 20 VMs that is scraped every 15 s over real HTTP: CPU and memory of its process. The
 * endpoints live in another process; samples are counted and thrown away, for what a store costs is in its own benchmark. The baseline
 * is the seed's way, in JavaScript: one endpoint after the other, `fetch`, lines split into nested objects; per scrape, as it has no
 * parallelism that could be compared.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Agent } from "undici";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import type { Sample } from "../../src/ports/sample-store.js";
import { Collector } from "../../src/telemetry/collector/collector.js";
import { fixedEndpoints } from "../../src/telemetry/collector/endpoint-sources.js";
import { fetchText } from "../../src/telemetry/collector/fetch-text.js";
import { SampleWriter } from "../../src/telemetry/collector/sample-writer.js";
import { Turnstile } from "../../src/telemetry/collector/turnstile.js";
import { quietLog } from "../support/quiet-log.js";
import { printTable } from "./table.js";

const [ENDPOINTS, VMS, INTERVAL_MS, MEASURED_MS] = [1_000, 20, 15_000, 45_000];
const BASELINE_SCRAPES = 300;
const MIB = 1_048_576;

const SCRIPT = fileURLToPath(new URL("collector-endpoints.ts", import.meta.url));
const server = spawn(process.execPath, ["--import", "tsx", SCRIPT, String(ENDPOINTS), String(VMS)], {
  stdio: ["ignore", "pipe", "inherit"],
});
let heard = "";
server.stdout.setEncoding("utf8").on("data", (piece: string) => {
  heard += piece;
});
while (!heard.endsWith("\n")) await once(server.stdout, "data");
const urls = JSON.parse(heard) as readonly string[];

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The seed's way of reading a scrape, and of fetching it. */
async function baseline(): Promise<number> {
  const began = cpuMs();
  for (let round = 0; round < BASELINE_SCRAPES; round++) {
    const text = await (await fetch(urls[round % urls.length]!)).text();
    const metrics: Record<string, Record<string, number>> = {};
    for (const line of text.split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const [name = "", value = ""] = line.split(" ");
      const [family = "", labels = ""] = name.split("{");
      metrics[labels] ??= {};
      metrics[labels][family] = Number(value);
    }
  }
  return (cpuMs() - began) / BASELINE_SCRAPES;
}

let samples = 0;
const store = {
  write: async (batch: readonly Sample[]) => {
    samples += batch.length;
  },
};
const [clock, log] = [realClock(), quietLog()];
const dispatcher = new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 20_000, keepAliveMaxTimeout: 20_000 });
const collector = new Collector({
  sources: [fixedEndpoints(urls.map((url) => ({ url, host: url, prefix: null })))],
  writer: new SampleWriter(store, clock, log),
  refresh: milliseconds(60_000),
  fetchText: fetchText({ deadline: milliseconds(10_000), maximumBytes: 16 * MIB, token: null, dispatcher }),
  turnstile: new Turnstile(64),
  clock,
  log,
  random: Math.random,
  interval: milliseconds(INTERVAL_MS),
});

try {
  const before = process.memoryUsage().rss;
  const stop = new AbortController();
  const ended = collector.run(stop.signal);
  await pause(INTERVAL_MS + 2_000);
  const scrapesOf = () => collector.status().endpoints.reduce((sum, { scrapes }) => sum + scrapes, 0);
  const [cpu, scrapes, taken, began] = [cpuMs(), scrapesOf(), samples, performance.now()];
  await pause(MEASURED_MS);
  const elapsedMs = performance.now() - began;
  const [spentMs, made, stored] = [cpuMs() - cpu, scrapesOf() - scrapes, samples - taken];
  const down = collector.status().endpoints.filter(({ up }) => up !== true).length;
  const { rss } = process.memoryUsage();
  gc?.();
  const { heapUsed } = process.memoryUsage();
  stop.abort();
  await ended;
  const perScrape = spentMs / made;
  const seeds = await baseline();
  console.log(
    `${ENDPOINTS} endpoints with ${VMS} VMs each, every ${INTERVAL_MS / 1000} s, for ${(elapsedMs / 1000).toFixed(0)} s; ${down} down`,
  );
  printTable(
    ["", "figure"],
    [
      ["scrapes per second", (made / (elapsedMs / 1000)).toFixed(1)],
      ["samples per second", (stored / (elapsedMs / 1000)).toFixed(0)],
      ["CPU of the collector, part of one core", `${((spentMs / elapsedMs) * 100).toFixed(1)} %`],
      ["CPU per scrape, ms", perScrape.toFixed(2)],
      ["CPU per scrape, ms, the seed's way (baseline)", seeds.toFixed(2)],
      ["memory of the process, MiB", (rss / MIB).toFixed(0)],
      ["of it before the first scrape, MiB", (before / MIB).toFixed(0)],
      ["live heap after, MiB", (heapUsed / MIB).toFixed(0)],
    ],
  );
  console.log(
    `ratio to the seed's way: ${(seeds / perScrape).toFixed(2)}x less CPU per scrape, differences and rates included`,
  );
} finally {
  server.kill("SIGKILL");
  await dispatcher.destroy();
}
