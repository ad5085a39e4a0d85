/**
 * Which host, per second: decisions of the placement index in-process, hosts of 32 pCPUs and 128 GB (the sizing experiment's,
 * spec 7.2) at 30 % and 80 % fill, VM sizes of OVHcloud 2023 (spec 7.1; vCPUs drawn by their shares, each with two or three
 * of its memory sizes) at the ratios 1, 2 and 3. A decision is: choose, count the VM on the chosen host; then a VM drawn at
 * random leaves (that is part of the throughput, not of the latency), so the fill stays. The baseline is the plain scan over
 * the same hosts in the same run. Aims: 20,000 decisions a second at 10,000 hosts, and at 100,000 not more than twice slower.
 */
import { chooseHost } from "../../src/core/placement/choose.js";
import { withPrices } from "../../src/core/placement/learning/pricing.js";
import { createPlacer, type PlacerSettings } from "../../src/core/placement/placer.js";
import { rulesOf } from "../../src/core/placement/rules.js";
import { worthOfWanted } from "../../src/core/placement/weighers/bid/prices.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { mib } from "../../src/core/units.js";
import { solverOfOwnThread } from "../../src/drivers/highs/own-thread.js";
import { type Cluster, decide, filled, MEMORY_MIB, PCPUS, SHAPES } from "./filled-cluster.js";
import { printTable } from "./table.js";

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

interface Speed {
  readonly perSecond: number;
  readonly best: number;
  /** By the CPU time of the process, its collector's threads included: what a busy machine does to it is left out. */
  readonly perCpuSecond: number;
  readonly refused: number;
}

/** In slices: the median is robust against a neighbour on the machine, the best slice tells what it would do alone. */
function speedOf(cluster: Cluster, fill: number, prices: readonly PlacerSettings[]): Speed {
  const slices: number[] = [];
  let refused = 0;
  let cpuMicros = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const shapes = Array.from({ length: DECISIONS_A_SLICE }, () => cluster.nextShape());
    const cpu = process.cpuUsage();
    const started = performance.now();
    if (prices.length > 0) cluster.placer.reprice(prices[slice % prices.length]!);
    for (const shape of shapes) if (!decide(cluster, shape, fill)) refused++;
    slices.push(DECISIONS_A_SLICE / ((performance.now() - started) / 1000));
    const { user, system } = process.cpuUsage(cpu);
    cpuMicros += user + system;
  }
  const perCpuSecond = (SLICES * DECISIONS_A_SLICE * 1e6) / cpuMicros;
  return { perSecond: median(slices), best: Math.max(...slices), perCpuSecond, refused };
}

/** Microseconds from the request to the counted placement: p50, p99 and the longest. */
function latenciesOf(cluster: Cluster, fill: number): readonly [number, number, number] {
  const latencies = new Float64Array(SLICES * DECISIONS_A_SLICE);
  for (let i = 0; i < latencies.length; i++) {
    const shape = cluster.nextShape();
    const before = performance.now();
    const placed = cluster.deploy(shape);
    latencies[i] = performance.now() - before;
    if (cluster.fill >= fill || !placed) cluster.leave();
  }
  latencies.sort();
  const at = (part: number): number => latencies[Math.floor(part * (latencies.length - 1))]! * 1000;
  return [at(0.5), at(0.99), at(1)];
}

/** Plain scans a second over the same hosts; throws where a scan chooses otherwise than the index. */
function scansPerSecond(cluster: Cluster, { weights, registry }: PlacerSettings): number {
  const rules = rulesOf(weights, registry);
  const summaries = [...cluster.placer.hosts()];
  const scans = Math.max(3, Math.min(1000, Math.floor(5e5 / cluster.hostCount)));
  const shapes = Array.from({ length: scans }, () => cluster.nextShape());
  const started = performance.now();
  const chosen = shapes.map((shape) => chooseHost(rules, summaries, shape));
  const perSecond = scans / ((performance.now() - started) / 1000);
  shapes.forEach((shape, i) => {
    const candidate = cluster.placer.choose(shape);
    if (candidate?.hostId !== chosen[i]?.hostId) throw new Error("the index and the plain scan differ");
  });
  return perSecond;
}

function liveBytes(): number {
  if (globalThis.gc === undefined) throw new Error("run with --expose-gc: memory is part of the figures");
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Of the placer with its summaries and index; the cluster cannot be used after it. */
function bytesPerHost(cluster: Cluster): number {
  const hosts = cluster.hostCount;
  const before = liveBytes();
  cluster.placer = createPlacer({ weights: {} });
  return (before - liveBytes()) / hosts;
}

const SLICES = 11;
const DECISIONS_A_SLICE = 2000;

const thousands = (value: number): string => Math.round(value).toLocaleString("en-US");

/** `prices`: they change in turn, before each slice. */
function row(
  hosts: number,
  fill: number,
  settings: PlacerSettings,
  prices: readonly PlacerSettings[] = [],
): { cells: string[]; perSecond: number } {
  const { cluster, firstMs } = filled(hosts, fill, settings);
  const { perSecond, best, perCpuSecond, refused } = speedOf(cluster, fill, prices);
  if (prices.length > 0) cluster.placer.reprice(settings);
  const [p50, p99, longest] = latenciesOf(cluster, fill);
  const scans = scansPerSecond(cluster, settings);
  const reached = cluster.fill;
  const cells = [
    thousands(hosts),
    `${(100 * reached).toFixed(0)} %`,
    thousands(perSecond),
    thousands(best),
    thousands(perCpuSecond),
    p50.toFixed(1),
    p99.toFixed(1),
    thousands(longest),
    firstMs.toFixed(1),
    thousands(refused),
    scans.toFixed(scans < 100 ? 1 : 0),
    `${thousands(perSecond / scans)} x`,
    thousands(bytesPerHost(cluster)),
  ];
  return { cells, perSecond };
}

const HEADER = ["hosts", "fill", "decisions/s", "best", "per CPU s", "p50 us", "p99 us", "longest"];
const MORE = ["first ms", "refused", "scans/s", "to scan", "B/host"];

function run(name: string, settings: PlacerSettings, sizes: readonly number[], prices: readonly PlacerSettings[] = []) {
  console.log(`\n${name}, ${SHAPES.length} shapes`);
  const rows: string[][] = [];
  for (const fill of [0.3, 0.8]) {
    const measured = sizes.map((hosts) => ({ hosts, ...row(hosts, fill, settings, prices) }));
    rows.push(...measured.map(({ cells }) => cells));
    const [ten, hundred] = [10_000, 100_000].map((hosts) => measured.find((one) => one.hosts === hosts)?.perSecond);
    if (ten !== undefined && hundred !== undefined)
      console.log(`${100 * fill} % fill: 100,000 hosts are ${(ten / hundred).toFixed(2)} x slower than 10,000`);
  }
  printTable([...HEADER, ...MORE], rows);
}

/** Prices of VMs as they are drawn here; `factor`: large ones come so many times as often. */
async function pricedAt(factor: number): Promise<PlacerSettings> {
  const wanted = SHAPES.map(([weight, shape]) => ({ shape, count: weight * (shape.vcpus > 4 ? factor : 1) }));
  const host = { pcpus: PCPUS, memoryMiB: mib(MEMORY_MIB) };
  return withPrices({ weights: WEIGHTS.headroom }, await worthOfWanted(wanted, host, await solverOfOwnThread()));
}

// The first run warms the code up.
row(1000, 0.5, { weights: WEIGHTS.headroom });
run('weights "headroom"', { weights: WEIGHTS.headroom }, [100, 1000, 10_000, 100_000]);
const [plain, other] = [await pricedAt(1), await pricedAt(2)];
run("headroom by prices", plain, [10_000, 100_000]);
run(`headroom, other prices after each ${DECISIONS_A_SLICE} decisions`, plain, [10_000, 100_000], [other, plain]);
run('weights "slackvm"', { weights: WEIGHTS.slackvm }, [10_000]);
run('weights "spread"', { weights: WEIGHTS.spread }, [10_000]);
run('weights "pack"', { weights: WEIGHTS.pack }, [10_000]);
