/** The collector on virtual time: every endpoint at its interval, none in the way of another, nothing lost that need not be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "../../src/core/telemetry/endpoints.js";
import { printIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { milliseconds } from "../../src/core/units.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { OperationalError } from "../../src/ports/errors.js";
import { Collector, type CollectorParts } from "../../src/telemetry/collector/collector.js";
import type { EndpointSource } from "../../src/telemetry/collector/endpoint-sources.js";
import type { FetchedText, FetchText } from "../../src/telemetry/collector/fetch-text.js";
import { collectorMetrics } from "../../src/telemetry/collector/metrics-text.js";
import { DEFAULT_WRITER, SampleWriter } from "../../src/telemetry/collector/sample-writer.js";
import { Turnstile } from "../../src/telemetry/collector/turnstile.js";
import { rememberingLog } from "../support/quiet-log.js";
import { away, MemorySamples } from "./memory-samples.js";
import { domainReading, reading } from "./readings.js";

const INTERVAL = milliseconds(15_000);
const START = 1_800_000_000_000;

const endpoint = (host: string): Endpoint => ({ url: `http://${host}/metrics`, host, prefix: null });

/** A host with one VM that uses half a pCPU. */
function exposition(at: number): string {
  const elapsedNs = (at - START) * 1e6;
  const vm = domainReading({ cpu_alloc: 2, cpu_cputime: 1e9 + elapsedNs / 2 });
  return printIdiomatic(reading(at, { cpu_total: 4, cpu_kernel: elapsedNs, cpu_user: 1e9 }, { web: vm }));
}

interface Set {
  readonly clock: VirtualClock;
  readonly store: MemorySamples;
  readonly collector: Collector;
  readonly log: ReturnType<typeof rememberingLog>;
  readonly asked: Map<string, number[]>;
  readonly ended: Promise<void>;
  /** Ends the collector in order. */
  stop(): Promise<void>;
}

type Behaviour = (host: string, clock: VirtualClock) => FetchedText | Promise<FetchedText>;

function start(
  hosts: readonly string[] | EndpointSource,
  behave: Behaviour,
  change: Partial<CollectorParts> = {},
): Set {
  const clock = virtualClock(START);
  const store = new MemorySamples();
  const log = rememberingLog();
  const asked = new Map<string, number[]>();
  const fetchText: FetchText = async (url) => {
    const host = new URL(url).host;
    asked.set(host, [...(asked.get(host) ?? []), clock.monotonic()]);
    return behave(host, clock);
  };
  const source = Array.isArray(hosts) ? { endpoints: async () => hosts.map(endpoint) } : (hosts as EndpointSource);
  let random = 0;
  const collector = new Collector({
    sources: [source],
    writer: new SampleWriter(store, clock, log),
    refresh: milliseconds(5_000),
    fetchText,
    turnstile: new Turnstile(64),
    clock,
    log,
    random: () => {
      random = (random + 0.381966) % 1;
      return random;
    },
    interval: INTERVAL,
    ...change,
  });
  const stopping = new AbortController();
  const ended = collector.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await clock.advance(milliseconds(60_000));
    await ended;
  };
  return { clock, store, collector, log, asked, ended, stop };
}

const good: Behaviour = (_host, clock) => ({ ok: true, text: exposition(clock.now()) });

test("every endpoint is scraped at its interval, at a moment of its own, and its rates are stored", async () => {
  const hosts = Array.from({ length: 20 }, (_, index) => `h${index}`);
  const { clock, store, asked, stop } = start(hosts, good);
  await clock.advance(milliseconds(60_500));
  await stop();
  assert.equal(asked.size, 20);
  for (const times of asked.values()) {
    assert.ok(times.length >= 4);
    assert.ok(
      times.slice(1).every((time, index) => Math.abs(time - times[index]! - INTERVAL) < 1),
      String(times),
    );
  }
  assert.ok(
    new Set([...asked.values()].map(([first]) => Math.round(first! / 100))).size > 15,
    "spread over the interval",
  );
  for (const host of hosts) {
    const [first, ...later] = store.of(host, "web");
    assert.equal(first?.values.cpu_usage, undefined);
    assert.ok(later.length >= 3);
    for (const { values } of later) assert.ok(Math.abs(values.cpu_usage! - 0.5) < 1e-6);
    assert.ok(Math.abs(store.of(host)[1]!.values.cpu_usage! - 1) < 1e-6);
  }
});

test("endpoints that fail, hang or talk nonsense do no harm to the others, and each is logged once", async () => {
  const behave: Behaviour = async (host, clock) => {
    if (host === "hangs") {
      await clock.sleep(milliseconds(10_000));
      return { ok: false, fault: "timeout", problem: "late" };
    }
    if (host === "gone") return { ok: false, fault: "unreachable", problem: "ECONNREFUSED" };
    if (host === "nonsense") return { ok: true, text: "<html>" };
    if (host === "ahead") return { ok: true, text: exposition(clock.now() + 3_600_000) };
    return good(host, clock);
  };
  const { clock, store, collector, log, stop } = start(["hangs", "gone", "nonsense", "ahead", "well"], behave);
  await clock.advance(milliseconds(120_000));
  const { endpoints } = collector.status();
  assert.deepEqual(Object.fromEntries(endpoints.map(({ endpoint: { host }, up }) => [host, up])), {
    hangs: false,
    gone: false,
    nonsense: false,
    ahead: false,
    well: true,
  });
  await stop();
  assert.ok(store.of("well", "web").length >= 8);
  assert.deepEqual(new Set(store.samples.map(({ host }) => host)), new Set(["well"]));
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 4);
});

test("a textfile that nobody renews is seen as old, and stored once", async () => {
  const { clock, store, collector, stop } = start(["old"], () => ({ ok: true, text: exposition(START) }));
  await clock.advance(milliseconds(60_000));
  const [status] = collector.status().endpoints;
  assert.ok(status!.repeated >= 2);
  assert.match(collectorMetrics(collector.status(), clock.now()), /reading_age_seconds\{host="old"\} 60\n/);
  await stop();
  assert.equal(store.of("old").length, 1);
});

test("endpoints come and go with their sources; one that stays keeps what is known of it", async () => {
  let hosts = ["a", "b"];
  const { clock, store, collector, stop } = start({ endpoints: async () => hosts.map(endpoint) }, good);
  await clock.advance(milliseconds(40_000));
  hosts = ["b", "c"];
  const scrapes = () => Number(/scrapes_total (\d+)/.exec(collectorMetrics(collector.status(), clock.now()))?.[1]);
  const before = scrapes();
  await clock.advance(milliseconds(40_000));
  assert.deepEqual(
    collector.status().endpoints.map((one) => one.endpoint.host),
    ["b", "c"],
  );
  assert.ok(scrapes() > before, "totals do not go back when an endpoint leaves");
  await stop();
  const withRates = (host: string) => store.of(host).filter(({ values }) => values.cpu_usage !== undefined).length;
  assert.equal(withRates("b"), store.of("b").length - 1);
  assert.ok(store.of("c").length >= 2);
  assert.ok(store.of("a").length <= 4);
});

test("without an interval of its own the collector comes as often as the probe reads", async () => {
  const behave: Behaviour = (_host, clock) => ({
    ok: true,
    text: printIdiomatic(reading(clock.now(), { cpu_total: 1, probe_delay: 5_000 })),
  });
  const { clock, store, stop } = start(["a"], behave, { interval: null });
  await clock.advance(milliseconds(60_000));
  await stop();
  const gaps = store
    .of("a")
    .slice(2)
    .map(({ values }) => values.elapsed_time);
  assert.ok(gaps.length >= 8);
  assert.deepEqual(new Set(gaps), new Set([5_000]));
});

test("while the store is away samples wait, and are all there when it is back", async () => {
  const { clock, store, collector, log, stop } = start(["a"], good);
  await clock.advance(milliseconds(20_000));
  store.failure = away();
  await clock.advance(milliseconds(60_000));
  const { waiting, problem } = collector.status().writer;
  assert.ok(waiting >= 6 && problem !== null);
  store.failure = null;
  await clock.advance(milliseconds(60_000));
  assert.equal(collector.status().writer.waiting, 0);
  await stop();
  const times = store.of("a").map(({ at }) => at);
  assert.ok(
    times.slice(1).every((at, index) => Math.abs(at - times[index]! - INTERVAL) <= 1),
    String(times),
  );
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
});

test("a batch that the store refuses for good is dropped and counted; the next ones are taken", async () => {
  const { clock, store, collector, stop } = start(["a"], good);
  store.failure = new OperationalError("store-failed", "a bad token", false);
  await clock.advance(milliseconds(16_000));
  store.failure = null;
  await clock.advance(milliseconds(30_000));
  const { dropped, written } = collector.status().writer;
  assert.ok(dropped >= 2 && written >= 2);
  await stop();
});

test("what waits is bounded: beyond it the oldest go", async () => {
  const clock = virtualClock(START);
  const store = new MemorySamples();
  const writer = new SampleWriter(store, clock, rememberingLog(), { ...DEFAULT_WRITER, most: 100, batch: 10 });
  store.failure = away();
  const stop = new AbortController();
  const ended = writer.run(stop.signal);
  const sample = (at: number) => ({ host: "a", vm: null, at: milliseconds(at), values: { cpu: 1 } });
  for (let at = 0; at < 1_000; at++) {
    writer.put([sample(at)]);
    if (at % 50 === 0) await clock.advance(milliseconds(100));
  }
  assert.ok(writer.counts().waiting <= 100);
  store.failure = null;
  await clock.advance(milliseconds(60_000));
  stop.abort();
  await ended;
  assert.equal(store.samples.length + writer.counts().dropped, 1_000);
  assert.deepEqual(store.samples.at(-1)?.at, 999);
  assert.ok(store.samples.length >= 90);
});

test("no more scrapes are under way at once than are allowed, and all get their turn", async () => {
  let [inside, most] = [0, 0];
  const behave: Behaviour = async (host, clock) => {
    inside++;
    most = Math.max(most, inside);
    await clock.sleep(milliseconds(3_000));
    inside--;
    return good(host, clock);
  };
  const hosts = Array.from({ length: 30 }, (_, index) => `h${index}`);
  const { clock, asked, stop } = start(hosts, behave, { turnstile: new Turnstile(4) });
  await clock.advance(milliseconds(60_000));
  assert.equal(most, 4);
  assert.equal(asked.size, 30);
  await stop();
});

test("what waits at its end is written, and a bug in the store ends the collector instead of hiding", async () => {
  const { clock, store, stop } = start(["a"], good);
  await clock.advance(milliseconds(16_000));
  store.failure = away();
  await clock.advance(milliseconds(16_000));
  store.failure = null;
  await stop();
  assert.equal(store.of("a").length, 2);
  const broken = start(["a"], good, {
    writer: new SampleWriter(
      { write: () => Promise.reject(new TypeError("a bug")) },
      virtualClock(START),
      rememberingLog(),
    ),
  });
  const failed = assert.rejects(broken.ended, /a bug/);
  await broken.clock.advance(milliseconds(20_000));
  await failed;
});
