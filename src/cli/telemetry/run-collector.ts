/** One collector as a process: its store, its endpoints and its own metrics, opened and closed in order, until a signal comes. */
import { randomInt } from "node:crypto";
import { Agent } from "undici";
import { parse as parseYaml } from "yaml";
import { parseEndpointList } from "../../core/telemetry/endpoints.js";
import { milliseconds } from "../../core/units.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { readMatching } from "../../drivers/linux/target-files.js";
import { schedulerClient } from "../../http/scheduler/client.js";
import { listen } from "../../http/server.js";
import { createTelemetryApp } from "../../http/telemetry/app.js";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";
import { Collector } from "../../telemetry/collector/collector.js";
import {
  type EndpointSource,
  FileEndpoints,
  fixedEndpoints,
  InventoryEndpoints,
  type InventoryHost,
} from "../../telemetry/collector/endpoint-sources.js";
import { fetchText } from "../../telemetry/collector/fetch-text.js";
import { collectorMetrics } from "../../telemetry/collector/metrics-text.js";
import { SampleWriter } from "../../telemetry/collector/sample-writer.js";
import { Turnstile } from "../../telemetry/collector/turnstile.js";
import { openSamples } from "../samples/open-samples.js";
import { authorityOf, tlsOf, tokensOf } from "../secret-files.js";
import { type CollectorSettings, sampleStoreOf } from "../settings/program.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";

const DESCRIPTION = `The collector: scrapes hosts and keeps what they and their VMs use. This is what it says of itself.

Errors are RFC 9457 problems with a stable \`code\`. Unknown parameters are refused.`;

/** How often files and schedulers are looked at again. */
const REFRESH_MS = 5_000;
const SCHEDULER_DEADLINE_MS = 5_000;
/** Connections stay open between two scrapes at the usual interval, and not for ever to a host that is gone. */
const IDLE_MS = 20_000;
const MS_PER_SECOND = 1_000;

/** Connections to endpoints: one each is enough, and a connection that does not come must not outlast the scrape. */
function connections(settings: CollectorSettings): Agent {
  const authority = authorityOf(settings);
  return new Agent({
    connections: 1,
    pipelining: 1,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    connect: {
      timeout: settings.scrapeTimeoutSeconds * MS_PER_SECOND,
      ...(authority === null ? {} : { ca: authority }),
    },
  });
}

function sourcesOf(settings: CollectorSettings, dispatcher: Agent, log: Log): readonly EndpointSource[] {
  const { endpoints, endpointFiles, inventoryUrls } = settings;
  const list = parseEndpointList(endpoints);
  const sources: EndpointSource[] = [];
  if (list.ok && list.endpoints.length > 0) sources.push(fixedEndpoints(list.endpoints));
  // JSON is YAML as well.
  if (endpointFiles.length > 0) sources.push(new FileEndpoints(() => readMatching(endpointFiles), parseYaml, log));
  if (inventoryUrls.length > 0) sources.push(new InventoryEndpoints(() => hostsOf(settings, dispatcher), log));
  if (sources.length > 0) return sources;
  throw new OperationalError(
    "bad-settings",
    "There is nothing to collect. Name endpoints (--endpoints or AGGREG_STUB_LIST), files of them (--endpoint-files), or the\n" +
      "schedulers of a cluster (--inventory-urls).",
    false,
  );
}

/** Any scheduler knows the hosts; the first that answers is believed. */
async function hostsOf(
  { inventoryUrls, collectorToken: token }: CollectorSettings,
  dispatcher: Agent,
): Promise<readonly InventoryHost[]> {
  let failure: unknown = null;
  for (const baseUrl of inventoryUrls) {
    try {
      return await schedulerClient({ baseUrl, token, timeoutMs: SCHEDULER_DEADLINE_MS, dispatcher }).hosts();
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Serves until a signal comes. Throws what keeps the collector from starting, or from going on. */
export async function serveCollector(settings: CollectorSettings, log: Log): Promise<void> {
  const clock = realClock();
  const dispatcher = connections(settings);
  const termination = onTermination();
  try {
    const sources = sourcesOf(settings, dispatcher, log);
    const store = await openSamples(settings, clock, log);
    try {
      const collector = new Collector({
        sources,
        writer: new SampleWriter(store, clock, log),
        refresh: milliseconds(REFRESH_MS),
        fetchText: fetchText({
          deadline: milliseconds(settings.scrapeTimeoutSeconds * MS_PER_SECOND),
          maximumBytes: settings.scrapeLimitBytes,
          token: settings.collectorToken,
          dispatcher,
        }),
        turnstile: new Turnstile(settings.scrapesAtOnce),
        clock,
        log,
        random: () => randomInt(2 ** 32) / 2 ** 32,
        interval: settings.scrapeSeconds === 0 ? null : milliseconds(settings.scrapeSeconds * MS_PER_SECOND),
      });
      await serveOpened(settings, log, collector, termination.signal);
    } finally {
      await store.close();
    }
    log.info({}, "stopped");
  } finally {
    await dispatcher.destroy();
    termination.release();
  }
}

async function serveOpened(
  settings: CollectorSettings,
  log: Log,
  collector: Collector,
  signal: AbortSignal,
): Promise<void> {
  const clock = realClock();
  const app = createTelemetryApp({
    names: {
      program: "collector",
      addressSetting: "HEADROOM_COLLECTOR_ADDRESS",
      portSetting: "HEADROOM_COLLECTOR_PORT",
      risk: "see the addresses of all hosts",
    },
    description: DESCRIPTION,
    problem: () => collector.status().writer.problem,
    metrics: { text: async () => collectorMetrics(collector.status(), clock.now()), alone: false },
    tokens: tokensOf(settings),
    limits: { requestMs: settings.requestTimeoutSeconds * MS_PER_SECOND, inFlight: settings.maximumInFlight },
    log,
    clock,
    version: version(),
    tls: tlsOf(settings),
  });
  const { url } = await listen(app, { host: settings.address, port: settings.port });
  try {
    const { sampleFolder, scrapeSeconds } = settings;
    const store = sampleStoreOf(settings);
    log.info(
      { url, store, ...(store === "embedded" ? { sampleFolder } : {}), scrapeSeconds },
      "the collector is ready",
    );
    signal.addEventListener("abort", () => log.info({}, "stopping: what was scraped is written"));
    await collector.run(signal);
  } finally {
    await app.close();
  }
}
