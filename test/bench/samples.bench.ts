/**
 * The stores of samples: samples per second into each, flushed; the time to read a window of four slices (hours) of a host with
 * 200 VMs; bytes per sample on disk. Twenty-two values a sample, shaped as real ones are. Baseline of the same run: the same samples as
 * lines of JSON, appended and synced as often, and read again by a plain loop. The embedded store has five other hosts beside
 * the one that is read. Servers get a sample a minute instead of every fifteen seconds, and are left out where they are
 * not installed.
 */
import { createReadStream } from "node:fs";
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import { influxSamples } from "../../src/drivers/stores/samples/influxdb/store.js";
import { prometheusSamples } from "../../src/drivers/stores/samples/prometheus/store.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { sampleLine } from "../../src/trace/sample-lines.js";
import {
  flushVictoria,
  skipWithoutInflux,
  skipWithoutPrometheus,
  skipWithoutVictoria,
  startInflux,
  startPrometheus,
  startVictoria,
} from "../samples/servers.js";
import { quietLog } from "../support/quiet-log.js";
import type { RealServer } from "../support/servers.js";
import { printTable } from "./table.js";

const [clock, log] = [realClock(), quietLog()];
const SLICES = 4;
const SLICE_MS = 3_600_000;
const VMS = 200;
const OTHER_HOSTS = 5;
const OTHER_VMS = 20;
const BATCH = 500;
const METRICS = ["cpu_usage", "mem_usage", "mem_rss"];
/** Over before now, and within what Prometheus takes; on a full hour. */
const START = Math.floor(Date.now() / SLICE_MS - SLICES - 1) * SLICE_MS;
const WINDOW = { from: milliseconds(START), to: milliseconds(START + SLICES * SLICE_MS) };
const HOST = "http://10.0.0.1:9100/metrics";

/** Park and Miller's generator: the same samples in every run. */
function dealer(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const round = (value: number): number => Math.round(value * 1000) / 1000;

/** A VM that wanders: its next values, `step` seconds later. */
function wanderer(random: () => number): (step: number) => Record<string, number> {
  let [cpuTime, resident, usage] = [Math.floor(random() * 1e15), 1000 + random() * 3000, random() * 2];
  return (step) => {
    usage = Math.min(3.9, Math.max(0.01, usage + (random() - 0.5) * 0.2));
    resident = Math.max(100, resident + (random() - 0.5) * 2);
    const elapsed = Math.round(usage * step * 1e9);
    cpuTime += elapsed;
    const cycles = Math.round(usage * step * 2.6e9 * (0.95 + random() * 0.1));
    const instructions = Math.round(cycles / (1 + random() * 0.3));
    const [ran, waited] = [elapsed - Math.floor(random() * 1e7), Math.floor(random() * 1e8)];
    return {
      ...{ mem: 4194.304, mem_rss: round(resident), mem_usage: round(resident * 0.8 + random() * 20), cpu: 4 },
      ...{ cpu_time: cpuTime, elapsed_cpu_time: elapsed, cpu_usage: elapsed / (step * 1e9) },
      ...{ cpi: cycles / instructions, hwinstructions: instructions, hwcpucycles: cycles },
      ...{ swpagefaults: Math.floor(random() * 200), stat_rss_pages: Math.floor((resident * 1000) / 4) },
      ...{ stat_rsslim: 18446744073709.55, stat_vsize: 9000, sched_runtime: ran, sched_waittime: waited },
      ...{ sched_timeslices: Math.floor(random() * 5000), sched_busy: waited / ran, stat_cmajflt: 0, stat_cminflt: 0 },
      ...{ stat_majflt: Math.floor(random() * 2), stat_minflt: Math.floor(random() * 300) },
    };
  };
}

/** As a collector makes them: time by time, host by host. */
function* batches(stepSeconds: number, otherHosts: number): Iterable<readonly Sample[]> {
  const random = dealer();
  const hosts = Array.from({ length: otherHosts + 1 }, (_, i) => ({
    host: i === 0 ? HOST : `http://10.0.1.${i}:9100/metrics`,
    vms: Array.from({ length: i === 0 ? VMS : OTHER_VMS }, () => wanderer(random)),
  }));
  for (let at: number = WINDOW.from; at < WINDOW.to; at += stepSeconds * 1000)
    for (const { host, vms } of hosts) {
      const all = vms.map((next, i) => ({
        ...{ host, vm: `vm-${i}`, at: milliseconds(at + Math.floor(random() * 50)), values: next(stepSeconds) },
      }));
      for (let start = 0; start < all.length; start += BATCH) yield all.slice(start, start + BATCH);
    }
}

async function bytesIn(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const parts = await Promise.all((await readdir(path)).map((name) => bytesIn(join(path, name))));
  return parts.reduce((sum, bytes) => sum + bytes, 0);
}

async function timed<T>(call: () => Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const began = performance.now();
  const result = await call();
  return { ms: performance.now() - began, result };
}

interface Figures {
  readonly perSecond: number;
  readonly readMs: number;
  readonly read: number;
  readonly bytes: number;
}

/** Time in writing alone: making the samples is not the store's. */
async function write(made: Iterable<readonly Sample[]>, take: (batch: readonly Sample[]) => Promise<void>) {
  let [count, ms] = [0, 0];
  for (const batch of made) {
    ms += (await timed(() => take(batch))).ms;
    count += batch.length;
  }
  return { count, ms };
}

async function readWindow(store: SampleStore): Promise<number> {
  let count = 0;
  for await (const _ of store.read({ host: HOST, of: "vms", metrics: METRICS, ...WINDOW })) count++;
  return count;
}

async function measure(
  store: SampleStore,
  made: Iterable<readonly Sample[]>,
  settle: () => Promise<void>,
  bytes: () => Promise<number>,
): Promise<Figures> {
  const { count, ms } = await write(made, (batch) => store.write(batch));
  const flushing = await timed(() => store.flush());
  await settle();
  const reading = await timed(() => readWindow(store));
  const perSecond = (count / (ms + flushing.ms)) * 1000;
  return { perSecond, readMs: reading.ms, read: reading.result, bytes: (await bytes()) / count };
}

/** Lines of JSON in a file, synced as often as the embedded store's log. */
async function plainLines(folder: string, made: Iterable<readonly Sample[]>): Promise<Figures> {
  const path = join(folder, "plain.jsonl");
  const file = await open(path, "w");
  let synced = performance.now();
  const { count, ms } = await write(made, async (batch) => {
    await file.appendFile(batch.map(sampleLine).join(""));
    if (performance.now() - synced < 250) return;
    await file.datasync();
    synced = performance.now();
  });
  const last = await timed(() => file.datasync());
  await file.close();
  const reading = await timed(async () => {
    let found = 0;
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const { host, at, values } = JSON.parse(line) as Sample;
      if (host === HOST && at >= WINDOW.from && at < WINDOW.to && values.cpu_usage !== undefined) found++;
    }
    return found;
  });
  const perSecond = (count / (ms + last.ms)) * 1000;
  return { perSecond, readMs: reading.ms, read: reading.result, bytes: (await bytesIn(path)) / count };
}

const rows: string[][] = [];
const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

function report(name: string, figures: Figures, baseline: Figures): void {
  const ratio = (value: number): string => `${value.toFixed(2)}x`;
  rows.push([
    name,
    whole(figures.perSecond),
    ratio(figures.perSecond / baseline.perSecond),
    `${whole(figures.readMs)} ms`,
    whole(figures.read),
    ratio(figures.readMs / baseline.readMs),
    figures.bytes.toFixed(0),
    ratio(figures.bytes / baseline.bytes),
  ]);
}

const retention = { keptDays: 400, fineDays: 30, coarseSeconds: seconds(300) };
const folder = await mkdtemp(join(tmpdir(), "headroom-bench-"));
const fine = (): Iterable<readonly Sample[]> => batches(15, OTHER_HOSTS);
const coarse = (): Iterable<readonly Sample[]> => batches(60, 0);
const nothing = async (): Promise<void> => undefined;

const lines = await plainLines(folder, fine());
report("lines of JSON, every 15 s", lines, lines);
const samples = join(folder, "samples");
const embedded = await openEmbeddedSamples({ folder: samples, retention, clock, log });
const merged = await measure(
  embedded,
  fine(),
  () => embedded.tidy(),
  () => bytesIn(samples),
);
report("embedded, every 15 s", merged, lines);
await embedded.close();

const fewLines = await plainLines(folder, coarse());
report("lines of JSON, every 60 s", fewLines, fewLines);

async function withServer(
  name: string,
  skip: string | false,
  start: () => Promise<RealServer>,
  storeOf: (url: string) => SampleStore,
  settle: (url: string) => Promise<void>,
): Promise<void> {
  if (skip !== false) {
    console.log(`${name}: left out, ${skip}`);
    return;
  }
  const server = await start();
  try {
    const store = storeOf(server.url);
    report(
      name,
      await measure(
        store,
        coarse(),
        () => settle(server.url),
        () => bytesIn(server.folder),
      ),
      fewLines,
    );
    await store.close();
  } finally {
    await server.stop();
  }
}

const remote = (url: string): SampleStore => prometheusSamples({ url, writeUrl: null, token: null, clock, log });
await withServer("Prometheus, every 60 s", skipWithoutPrometheus, startPrometheus, remote, nothing);
await withServer("VictoriaMetrics, every 60 s", skipWithoutVictoria, startVictoria, remote, flushVictoria);
const influx = (url: string): SampleStore =>
  influxSamples({ url, token: null, org: "", bucket: "samples", dialect: "influxql", clock, log });
await withServer("InfluxDB 1.x, every 60 s", skipWithoutInflux, startInflux, influx, nothing);

await rm(folder, { recursive: true });
console.log(`A window: ${SLICES} slices of an hour, ${VMS} VMs of one host, ${METRICS.length} of 22 values.`);
console.log(
  "Prometheus' bytes are its write-ahead log and head: its blocks come after two hours, and are far smaller.",
);
printTable(["", "samples/s", "to lines", "window", "samples", "to lines", "bytes/sample", "to lines"], rows);
