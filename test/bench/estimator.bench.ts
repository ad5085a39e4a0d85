/**
 * What estimates cost. Every strategy on the reference traces, as a process of its own from the plain JSON on, next to what the
 * seed took for the same (its timing.csv: user and system seconds, and peak memory; measured on another day of this kind of
 * machine); an assessment by the LSTM (numpy: 350 ms); memory against the length of a trace; and one window of 1,000 hosts with
 * 50 VMs each, as an online estimator would meet it. Baselines of the same run: Node's bare start, and JSON.parse of the file.
 */
import { once } from "node:events";
import { createReadStream, createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { assessByLstm } from "../../src/core/estimator/assessors/lstm.js";
import { EstimatorFrame, type FrameSettings, type Signal } from "../../src/core/estimator/frame.js";
import { STRATEGY_NAMES, type StrategyName } from "../../src/core/estimator/names.js";
import { asksForPeaks, assessorOf, createEstimator } from "../../src/core/estimator/registry.js";
import { type PerResource, perResource, RESOURCES } from "../../src/core/estimator/resource.js";
import { ObservedVmTrack } from "../../src/core/estimator/vm-track.js";
import type { VmWindow } from "../../src/core/estimator/vm-window.js";
import { WindowTotals } from "../../src/report/estimate/totals.js";
import { seeded } from "../estimator/families.js";
import { goldenTraces, tracePath } from "../estimator/golden.js";
import { sharedPath } from "../support/shared.js";
import { buildProgram, type Cost, costOf, costOfCommand } from "./process-cost.js";
import { printTable } from "./table.js";

const RUNS = 3;

const least = (costs: readonly Cost[]): Cost => ({
  cpuSeconds: Math.min(...costs.map(({ cpuSeconds }) => cpuSeconds)),
  peakMiB: Math.max(...costs.map(({ peakMiB }) => peakMiB)),
});

const repeated = (run: () => Cost): Cost => least(Array.from({ length: RUNS }, run));

/** `trace,strategy` to what the seed took. */
function seedTimings(): ReadonlyMap<string, Cost> {
  const path = sharedPath("goldens/scroogevm/timing.csv");
  if (!existsSync(path)) return new Map();
  const rows = readFileSync(path, "utf8").trim().split("\n").slice(1);
  return new Map(
    rows.map((row) => {
      const cells = row.split(",");
      const [trace, , variant] = cells;
      const [user, system, rss] = [cells[9], cells[10], cells[11]].map(Number) as [number, number, number];
      return [`${trace},${variant}`, { cpuSeconds: user + system, peakMiB: rss / 1024 }];
    }),
  );
}

const against = (own: number, seed: number | undefined): string =>
  seed === undefined ? "" : `${seed.toFixed(2)} (${(seed / own).toFixed(1)}x)`;

function strategyRows(trace: string, path: string, out: string, seeds: ReadonlyMap<string, Cost>): readonly string[][] {
  const run = (...more: readonly string[]): Cost =>
    repeated(() => costOfCommand(["estimate", "--load", path, "--out", out, ...more]));
  const row = (name: string, own: Cost, seed: Cost | undefined): string[] => [
    name,
    own.cpuSeconds.toFixed(2),
    against(own.cpuSeconds, seed?.cpuSeconds),
    own.peakMiB.toFixed(0),
    against(own.peakMiB, seed?.peakMiB),
  ];
  const faithful = STRATEGY_NAMES.filter((name) => name !== "headroom").map((name) => {
    // The seed's LSTM was replaced by a stub in its timings.
    const own = run("--faithful", "--strategy", name, "--assessor", "percentile");
    return row(name, own, seeds.get(`${trace},${name === "greedy" ? "scroogevm" : name}`));
  });
  return [
    ...faithful,
    row("greedy, lstm", run("--faithful", "--strategy", "greedy"), undefined),
    row("headroom", run("--strategy", "headroom"), undefined),
  ];
}

const PARSE = `import { readFileSync } from "node:fs"; JSON.parse(readFileSync(process.argv[1], "utf8"));`;

async function strategies(folder: string): Promise<void> {
  const seeds = seedTimings();
  const start = repeated(() => costOf(["--eval", "0"]));
  console.log(`\nNode's bare start: ${start.cpuSeconds.toFixed(2)} CPU s, ${start.peakMiB.toFixed(0)} MiB`);
  for (const trace of goldenTraces) {
    const path = join(folder, `${trace}.json`);
    await pipeline(createReadStream(tracePath(trace)), createGunzip(), createWriteStream(path));
    const parse = repeated(() => costOf(["--input-type=module", "--eval", PARSE, path]));
    const size = (statSync(path).size / 2 ** 20).toFixed(0);
    console.log(
      `\n${trace}, ${size} MiB; JSON.parse of it: ${parse.cpuSeconds.toFixed(2)} CPU s, ${parse.peakMiB.toFixed(0)} MiB`,
    );
    printTable(
      ["strategy", "CPU s", "seed: CPU s", "peak MiB", "seed: MiB"],
      strategyRows(trace, path, folder, seeds) as string[][],
    );
    rmSync(path);
  }
}

/** Usage that looks like a host's: a slow wave, and noise. */
function samplesOf(random: () => number, count: number, level: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => level * (1 + 0.2 * Math.sin(i / 50) + 0.1 * (random() - 0.5)));
}

function lstm(): void {
  const random = seeded(7);
  const [old, fresh] = [samplesOf(random, 4 * 360, 20), samplesOf(random, 360, 21)];
  for (let i = 0; i < 50; i++) assessByLstm(old, fresh, 64);
  const times = Array.from({ length: 200 }, () => {
    const started = performance.now();
    assessByLstm(old, fresh, 64);
    return performance.now() - started;
  }).sort((a, b) => a - b);
  const [fastest, median] = [times[0]!, times[100]!];
  console.log(
    `\nLSTM assessment (4 windows of 360 samples, 3 epochs): ${median.toFixed(2)} ms, at best ${fastest.toFixed(2)} ms;`,
  );
  console.log(`numpy 350 ms (${(350 / median).toFixed(0)}x)`);
}

/** A trace of so many windows with ten VMs, written as it is made: of a few dozen lists of samples, as making them takes longest. */
async function writeLongTrace(path: string, windows: number): Promise<void> {
  const file = createWriteStream(path);
  const write = async (text: string): Promise<void> => {
    if (!file.write(text)) await once(file, "drain");
  };
  const random = seeded(windows);
  const config = { node_name: "long", node_scope: 86400, slice_scope: 3600, historical_occurences: 3 };
  const epochs = Array.from({ length: windows }, (_, i) => 3600 * (i + 1));
  const made = (level: number): string =>
    `[${Array.from({ length: 240 }, () => (level * random()).toFixed(4)).join(",")}]`;
  const lists = new Map([4, 64, 8192, 262_144].map((level) => [level, Array.from({ length: 48 }, () => made(level))]));
  const list = (level: number): string => lists.get(level)![Math.floor(48 * random())]!;
  const machine = async (cpu: number, memory: number): Promise<void> => {
    await write('{"raw_data":[');
    for (let i = 0; i < windows; i++)
      await write(
        `${i === 0 ? "" : ","}{"cpu":[${cpu}.0],"mem":[${memory}.0],"cpu_usage":${list(cpu)},"mem_usage":${list(memory)}}`,
      );
    await write("]}");
  };
  await write(`{"config":${JSON.stringify(config)},"epoch":${JSON.stringify(epochs)},"node":`);
  await machine(64, 262144);
  await write(',"vm":{');
  for (let vm = 0; vm < 10; vm++) {
    await write(`${vm === 0 ? "" : ","}"vm${vm}":`);
    await machine(4, 8192);
  }
  await write("}}\n");
  file.end();
  await once(file, "close");
}

async function memory(folder: string): Promise<void> {
  const path = join(folder, "long.json");
  const rows: string[][] = [];
  for (const windows of [500, 2000, 8000, 32_000]) {
    await writeLongTrace(path, windows);
    const costs = (["headroom", "greedy", "maxpeak"] as const).map((strategy) => {
      const assessor = ["--assessor", "percentile"];
      return costOfCommand(["estimate", "--load", path, "--out", folder, "--strategy", strategy, ...assessor]);
    });
    const size = (statSync(path).size / 2 ** 20).toFixed(0);
    rows.push([
      String(windows),
      size,
      ...costs.map(({ peakMiB, cpuSeconds }) => `${peakMiB.toFixed(0)} MiB, ${cpuSeconds.toFixed(1)} s`),
    ]);
  }
  console.log("\nPeak memory and CPU seconds against the length of a trace:");
  printTable(["windows", "MiB", "headroom", "greedy", "maxpeak"], rows);
}

const [HOSTS, VMS, SAMPLES, HISTORY] = [1000, 50, 360, 3];

interface OnlineHost {
  readonly frames: PerResource<EstimatorFrame>;
  readonly vms: readonly ObservedVmTrack[];
}

function onlineHost(strategy: StrategyName): OnlineHost {
  const peaks = asksForPeaks(strategy);
  const track = { history: HISTORY, caution: true, peaks, cpuPeakPercentile: 99, memoryPeakPercentile: 100 };
  const frames = perResource((resource) => {
    const shape = { resource, history: HISTORY, slices: 1, dayWindows: 48, faithful: false, percentile: 90, sigmas: 5 };
    const settings: FrameSettings = { ...shape, assessor: assessorOf("lstm"), aggregation: 1, caution: true };
    return new EstimatorFrame(resource, createEstimator(strategy, settings), settings);
  });
  return { frames, vms: Array.from({ length: VMS }, () => new ObservedVmTrack(track)) };
}

/** One window of one host: 50 VMs and two resources. */
function step({ frames, vms }: OnlineHost, occurrence: number, host: PerResource<Float64Array>, vm: VmWindow): void {
  const totals = perResource(() => new WindowTotals(1));
  for (const track of vms) {
    const parts = track.update(0, vm);
    for (const resource of RESOURCES) totals[resource].add(0, parts[resource], parts.isThere);
  }
  for (const resource of RESOURCES) {
    const samples = host[resource].slice();
    const window = { occurrence, slice: 0, capacity: 100, samples, ownSamples: null, missing: 0 };
    const signal: Signal = frames[resource].update(window);
    frames[resource].predict(signal, totals[resource].at(0));
  }
}

function online(strategy: StrategyName): string[] {
  const random = seeded(11);
  const [before, hosts] = [process.memoryUsage(), Array.from({ length: HOSTS }, () => onlineHost(strategy))];
  const warm = HISTORY + 2;
  let seconds = 0;
  for (let occurrence = 0; occurrence < warm; occurrence++) {
    const host = perResource(() => samplesOf(random, SAMPLES, 30));
    const [cpuUsage, memoryUsage] = [samplesOf(random, SAMPLES, 1), samplesOf(random, SAMPLES, 2000)];
    const times = { first: occurrence, last: occurrence + 1, count: SAMPLES };
    const lists = {
      cpuUsage,
      memoryUsage,
      memoryRss: null,
      schedBusy: new Float64Array(0),
      pageFaults: new Float64Array(0),
    };
    const vm: VmWindow = { vcpus: 4, memory: 8000, times, ...lists };
    const started = performance.now();
    for (const each of hosts) step(each, occurrence, host, vm);
    seconds = (performance.now() - started) / 1000;
  }
  globalThis.gc?.();
  const now = process.memoryUsage();
  const held = (now.heapUsed + now.arrayBuffers - before.heapUsed - before.arrayBuffers) / 2 ** 20;
  return [strategy, seconds.toFixed(2), ((1000 * seconds) / HOSTS).toFixed(2), held.toFixed(0)];
}

buildProgram();
const folder = mkdtempSync(join(tmpdir(), "headroom-estimator-bench-"));
try {
  if (goldenTraces.length === 0)
    console.log("the reference traces are not on this machine: strategies are not measured");
  else await strategies(folder);
  lstm();
  await memory(folder);
  console.log(`\nOne window of ${HOSTS} hosts with ${VMS} VMs each, ${SAMPLES} samples of two resources (one thread):`);
  const rows = (["headroom", "nsigma", "percentile", "maxpeak", "greedy"] as const).map(online);
  printTable(["strategy", "seconds", "ms a host", "MiB kept"], rows);
} finally {
  rmSync(folder, { recursive: true });
}
