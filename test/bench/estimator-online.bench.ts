/**
 * The online estimator as a process meets it: windows of many hosts out of an embedded store, with what it remembers written down
 * after each. Baseline of the same run: the same samples read and dropped. (estimator.bench.ts has the arithmetic alone.)
 * HEADROOM_BENCH_STORE=prometheus or influxdb takes a real server in its place; a second baseline asks it for each host alone.
 */
import { subscribe } from "node:diagnostics_channel";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STRATEGY_NAMES, type StrategyName } from "../../src/core/estimator/names.js";
import { HOST_METRICS, VM_METRICS } from "../../src/core/estimator/online/readings.js";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEstimatorStates } from "../../src/drivers/stores/estimator-states.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import { influxSamples } from "../../src/drivers/stores/samples/influxdb/store.js";
import { prometheusSamples } from "../../src/drivers/stores/samples/prometheus/store.js";
import { EstimatorWatch } from "../../src/estimator/watch.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { dice, settingsFor } from "../estimator-online/histories.js";
import { startInflux, startPrometheus } from "../samples/servers.js";
import { quietLog } from "../support/quiet-log.js";
import { printTable } from "./table.js";

/** HEADROOM_BENCH_HOSTS=1000 HEADROOM_BENCH_STRATEGY=headroom makes a whole site of it, in ten minutes. */
const HOSTS = Number(process.env.HEADROOM_BENCH_HOSTS ?? 60);
const STRATEGIES = STRATEGY_NAMES.filter((name) => name === (process.env.HEADROOM_BENCH_STRATEGY ?? name));
const KIND = process.env.HEADROOM_BENCH_STORE ?? "embedded";
const VMS = Number(process.env.HEADROOM_BENCH_VMS ?? 50);
/** A server is not asked for history, which would only take its time: what a pass costs is the same. */
const [WINDOWS, PAST] = KIND === "embedded" ? [3, 200] : [2, 0];
const STEP_SECONDS = 60;
const HOUR_MS = 3_600_000;
const END = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const START = END - WINDOWS * HOUR_MS;
const folder = mkdtempSync(join(tmpdir(), "headroom-online-bench-"));
const samples = join(folder, "samples");
const parts = { clock: realClock(), log: quietLog() };

function* hourOf(hour: number, random: () => number): Iterable<readonly Sample[]> {
  for (let at = START + hour * HOUR_MS; at < START + (hour + 1) * HOUR_MS; at += STEP_SECONDS * 1000) {
    const batch: Sample[] = [];
    for (let h = 0; h < HOSTS; h++) {
      const host = `host-${h}`;
      for (let v = 0; v < VMS; v++) {
        const values = { cpu: 4, mem: 8192, cpu_usage: 4 * random(), mem_usage: 4000 * random(), mem_rss: 6000 };
        batch.push({ host, vm: `vm-${v}`, at: milliseconds(at), values });
      }
      const values = { cpu: 128, mem: 524_288, cpu_usage: 60 + 40 * random(), mem_usage: 200_000 };
      batch.push({ host, vm: null, at: milliseconds(at), values });
    }
    yield batch;
  }
}

async function fill(store: SampleStore): Promise<void> {
  const random = dice(1);
  for (let hour = 0; hour < WINDOWS; hour++) for (const batch of hourOf(hour, random)) await store.write(batch);
}

interface Opened {
  readonly store: SampleStore;
  stop(): Promise<void>;
}

async function openEmbedded(): Promise<Opened> {
  const retention = { keptDays: 400, fineDays: 400, coarseSeconds: seconds(300) };
  const writer = await openEmbeddedSamples({ folder: samples, retention, ...parts });
  await fill(writer);
  await writer.tidy();
  await writer.close();
  const store = await openEmbeddedReader(samples);
  return { store, stop: () => store.close() };
}

async function openServer(): Promise<Opened> {
  const isPrometheus = KIND === "prometheus";
  const server = await (isPrometheus ? startPrometheus() : startInflux());
  const { url } = server;
  const store = isPrometheus
    ? prometheusSamples({ url, writeUrl: null, token: null, ...parts })
    : influxSamples({ url, token: null, org: "", bucket: "samples", dialect: "influxql", ...parts });
  await fill(store);
  await store.flush();
  return {
    store,
    async stop() {
      await store.close();
      await server.stop();
    },
  };
}

/** The store, as if it could not be asked for the samples of several hosts. */
const eachAlone = (store: SampleStore): SampleStore => ({
  hosts: (range) => store.hosts!(range),
  write: (batch) => store.write(batch),
  flush: () => store.flush(),
  sources: (range) => store.sources(range),
  read: (query) => store.read(query),
  status: () => store.status(),
  close: () => store.close(),
});

let requests = 0;
subscribe("undici:request:create", () => {
  requests += 1;
});

async function readAll(store: SampleStore, window: number): Promise<number> {
  const range = { from: milliseconds(START + window * HOUR_MS), to: milliseconds(START + (window + 1) * HOUR_MS) };
  let count = 0;
  for (let h = 0; h < HOSTS; h++)
    for (const of of ["host", "vms"] as const) {
      const metrics = of === "host" ? HOST_METRICS : VM_METRICS;
      for await (const _ of store.read({ host: `host-${h}`, of, metrics, ...range })) count += 1;
    }
  return count;
}

/** Seconds of wall time and of CPU that `work` takes, and what it asks a server. */
async function timed(work: () => Promise<unknown>): Promise<readonly [wall: number, cpu: number, asked: number]> {
  const [began, before, asked] = [performance.now(), process.cpuUsage(), requests];
  await work();
  const { user, system } = process.cpuUsage(before);
  return [(performance.now() - began) / 1000, (user + system) / 1e6, requests - asked];
}

const sizeOf = (path: string): number =>
  readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);

async function row(
  store: SampleStore,
  strategy: StrategyName,
  baseline: number,
  name: string = strategy,
): Promise<readonly string[]> {
  let window = WINDOWS - 1;
  const clock = { ...realClock(), now: () => milliseconds(START + window * HOUR_MS + 61_000) };
  const states = await openEstimatorStates(join(folder, name), realClock());
  const settings = settingsFor(strategy, { history: 1, atOnce: 4, pastWindows: PAST });
  const watch = await EstimatorWatch.open({
    store,
    states,
    publish: () => undefined,
    settings,
    clock,
    log: quietLog(),
  });
  const { signal } = new AbortController();
  await watch.pass(signal);
  window = WINDOWS;
  const [wall, cpu, asked] = await timed(() => watch.pass(signal));
  if (watch.status().problem !== null) throw new Error(watch.status().problem ?? "");
  const kib = sizeOf(join(folder, name)) / 1024 / HOSTS;
  await states.close();
  const perHost = (total: number): string => ((1000 * total) / HOSTS).toFixed(1);
  return [name, perHost(wall), perHost(cpu), `${(cpu / baseline).toFixed(2)}x`, kib.toFixed(0), String(asked)];
}

const { store, stop } = KIND === "embedded" ? await openEmbedded() : await openServer();
await readAll(store, 0);
const [readWall, readCpu, readAsked] = await timed(() => readAll(store, WINDOWS - 1));
console.log(
  `One window of an hour, ${HOSTS} hosts with ${VMS} VMs each, a sample every ${STEP_SECONDS} s; of each host, in the order of a pass:`,
);
const rows: (readonly string[])[] = [
  [
    "(read only)",
    ((1000 * readWall) / HOSTS).toFixed(1),
    ((1000 * readCpu) / HOSTS).toFixed(1),
    "1x",
    "",
    String(readAsked),
  ],
];
if (KIND !== "embedded") rows.push(await row(eachAlone(store), STRATEGIES[0]!, readCpu, "(each host alone)"));
for (const strategy of STRATEGIES) rows.push(await row(store, strategy, readCpu));
printTable(["strategy", "ms", "CPU ms", "of reading", "remembered KiB", "questions"], rows);
console.log(`the process has ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
await stop();
rmSync(folder, { recursive: true });
