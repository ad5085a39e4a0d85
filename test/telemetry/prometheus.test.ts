/** A real Prometheus scrapes probe and collector, and finds in them what they say. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { printIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { milliseconds } from "../../src/core/units.js";
import { listen } from "../../src/http/server.js";
import { createTelemetryApp } from "../../src/http/telemetry/app.js";
import { collectorMetrics } from "../../src/telemetry/collector/metrics-text.js";
import { realClock } from "../http/support.js";
import { skipWithoutPrometheus, startPrometheus } from "../samples/servers.js";
import { quietLog } from "../support/quiet-log.js";
import { domainReading, reading } from "./readings.js";

async function serve(context: TestContext, program: string, text: () => string): Promise<string> {
  const app = createTelemetryApp({
    names: { program, addressSetting: "A", portSetting: "P", risk: "see much" },
    description: "For a test.",
    problem: () => null,
    metrics: { text: async () => text(), alone: false },
    tokens: null,
    log: quietLog(),
    clock: realClock,
    version: "test",
  });
  const { url, close } = await listen(app, { host: "127.0.0.1", port: 0 });
  context.after(close);
  return url;
}

/** Scrapes `targets` every second; gives its address. */
async function startScraping(context: TestContext, targets: readonly string[]): Promise<string> {
  const job = { job_name: "headroom", static_configs: [{ targets: targets.map((url) => new URL(url).host) }] };
  // JSON is YAML as well.
  const config = JSON.stringify({ global: { scrape_interval: "1s" }, scrape_configs: [job] });
  const server = await startPrometheus({ config });
  context.after(() => server.stop());
  return server.url;
}

interface Answer {
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

/** The values of an expression. */
async function query(base: string, expression: string): Promise<readonly string[]> {
  const answer = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(expression)}`);
  return ((await answer.json()) as Answer).data?.result.map(({ value }) => value[1]) ?? [];
}

const NAME = 'a "quoted" \\ name, münchen';
const vm = domainReading(
  { cpu_cputime: 12_345_678_901, memory_rss: 3_355_444, stat_rsslim: 2 ** 64 },
  { uuid: "u-1", perfTotals: { swpagefaults: 42 } },
);
const probeText = () => printIdiomatic(reading(Date.now(), { cpu_kernel: 5e9, cpu_user: 7e9 }, { [NAME]: vm }));
const collectorText = () =>
  collectorMetrics(
    {
      endpoints: [
        {
          endpoint: { url: "http://a/metrics", host: "node-7", prefix: null },
          up: true,
          problem: null,
          scrapes: 3,
          failures: { timeout: 1 },
          repeated: 0,
          samples: 9,
          duration: milliseconds(250),
          readAt: milliseconds(Date.now() - 2_000),
        },
      ],
      writer: { waiting: 0, written: 9, dropped: 0, failedWrites: 0, problem: null },
      past: { scrapes: 2, failures: 0, samples: 1 },
    },
    milliseconds(Date.now()),
  );

test("a real Prometheus scrapes probe and collector, with the values that they say", {
  skip: skipWithoutPrometheus,
}, async (context) => {
  const [probe, collector] = [
    await serve(context, "probe", probeText),
    await serve(context, "collector", collectorText),
  ];
  for (const url of [probe, collector]) {
    const input = await (await fetch(`${url}/metrics`)).text();
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    assert.deepEqual([status, stdout + stderr], [0, ""]);
  }
  const prometheus = await startScraping(context, [probe, collector]);
  for (let round = 0; (await query(prometheus, "sum(up)"))[0] !== "2"; round++) {
    assert.ok(round < 600, "both are up");
    await pause(100);
  }
  const expected: readonly (readonly [expression: string, value: string])[] = [
    ["headroom_domain_cpu_seconds_total", "12.345678901"],
    [`headroom_domain_memory_resident_bytes{domain=${JSON.stringify(NAME)}}`, String(3_355_444 * 1024)],
    ['headroom_domain_info{uuid="u-1"}', "1"],
    ['headroom_domain_perf_events_total{event="swpagefaults"}', "42"],
    ['headroom_host_cpu_seconds_total{mode="user"}', "7"],
    ['headroom_collector_endpoint_up{host="node-7"}', "1"],
    ["headroom_collector_scrapes_total", "5"],
    ['headroom_collector_endpoint_failures_total{fault="timeout"}', "1"],
  ];
  for (const [expression, value] of expected)
    assert.deepEqual(await query(prometheus, expression), [value], expression);
});
