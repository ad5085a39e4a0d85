/**
 * The cluster's two stores: commits per second and their latency, alone and many at once; how soon a watch tells of a
 * commit; the renewal of 10,000 host leases; reading 50,000 records at the start. Baselines of the same run: appending and
 * syncing the same bytes to a bare file, and unfenced puts to the same etcd. etcd's part needs etcd-server installed.
 */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { GrpcConnection } from "../../src/drivers/stores/etcd/grpc.js";
import { TXN } from "../../src/drivers/stores/etcd/messages.js";
import { etcdStore } from "../../src/drivers/stores/etcd/store.js";
import type { ClusterStore, Leadership } from "../../src/ports/cluster-store.js";
import { skipWithoutEtcd, startEtcd } from "../stores/etcd-lab.js";
import { quietLog } from "../support/quiet-log.js";
import { printTable } from "./table.js";

const RUN_MS = 1_500;
const MANY = 64;
const RECORDS = 50_000;
const HOSTS = 10_000;
const WATCHED = 300;
/** As long as the record of a VM. */
const VALUE = JSON.stringify({ name: "web-000001", host: "host-0001", state: "placed", text: "x".repeat(240) });

const [clock, log] = [realClock(), quietLog()];
const milliseconds = (value: number): string => `${value.toFixed(2)} ms`;
const perSecond = (value: number): string => Math.round(value).toLocaleString("en-US");

interface Rate {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const quantile = (sorted: readonly number[], part: number): number => sorted[Math.floor(sorted.length * part)]!;

function latencies(times: readonly number[], spentMs: number): Rate {
  const sorted = [...times].sort((a, b) => a - b);
  return { perSecond: (times.length / spentMs) * 1_000, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
}

/** `workers` at once, each one call after the other. */
async function rate(workers: number, call: (number: number) => Promise<unknown>): Promise<Rate> {
  for (let i = 0; i < 20; i++) await call(-i - 1);
  const times: number[] = [];
  const began = performance.now();
  let next = 0;
  const work = async (): Promise<void> => {
    for (let now = performance.now(); now - began < RUN_MS; ) {
      await call(next++);
      const then = performance.now();
      times.push(then - now);
      now = then;
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return latencies(times, performance.now() - began);
}

const rows: string[][] = [];
function report(what: string, measured: Rate, baseline?: Rate): void {
  const ratio = baseline ? `${(measured.perSecond / baseline.perSecond).toFixed(2)} x` : "baseline";
  rows.push([what, perSecond(measured.perSecond), milliseconds(measured.p50), milliseconds(measured.p99), ratio]);
}

async function bareFile(folder: string): Promise<Rate> {
  const file = await open(join(folder, "bare"), "w");
  const line = Buffer.from(`${VALUE}\n`);
  let position = 0;
  const measured = await rate(1, async () => {
    await file.write(line, 0, line.length, position);
    position += line.length;
    await file.datasync();
  });
  await file.close();
  return measured;
}

let series = 0;
async function commits(store: ClusterStore, leader: Leadership, workers: number): Promise<Rate> {
  const own = ++series;
  return rate(workers, async (number) => {
    const outcome = await store.commit([{ kind: "create", key: `c/${own}/${number}`, value: VALUE }], leader);
    if (outcome.kind !== "committed") throw new Error(outcome.kind);
  });
}

/** From the beginning of a commit until its change is read. */
async function watchLatency(store: ClusterStore, leader: Leadership): Promise<Rate> {
  const ended = new AbortController();
  const begun = new Map<string, number>();
  const times: number[] = [];
  let seen: () => void = () => undefined;
  const reading = (async () => {
    for await (const update of store.watch("w/", { signal: ended.signal })) {
      for (const change of update.kind === "changes" ? update.changes : []) {
        if (change.kind === "put") times.push(performance.now() - begun.get(change.record.key)!);
      }
      seen();
    }
  })();
  await new Promise<void>((resolve) => {
    seen = resolve;
  });
  const began = performance.now();
  for (let i = 0; i < WATCHED; i++) {
    const read = new Promise<void>((resolve) => {
      seen = resolve;
    });
    begun.set(`w/${i}`, performance.now());
    await Promise.all([store.commit([{ kind: "create", key: `w/${i}`, value: VALUE }], leader), read]);
  }
  const spent = performance.now() - began;
  ended.abort();
  await reading;
  return latencies(times, spent);
}

async function fill(store: ClusterStore, leader: Leadership): Promise<void> {
  const batch = 100;
  for (let start = 0; start < RECORDS; start += batch * 10) {
    const commit = (from: number) =>
      store.commit(
        Array.from({ length: batch }, (_, i) => ({ kind: "create" as const, key: `vms/${from + i}`, value: VALUE })),
        leader,
      );
    await Promise.all(Array.from({ length: 10 }, (_, j) => commit(start + j * batch)));
  }
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

/** Renews all hosts' leases: opens them first. */
async function renewal(store: ClusterStore, leader: Leadership): Promise<number> {
  const hosts = Array.from({ length: HOSTS }, (_, i) => `host-${i}`);
  for (let start = 0; start < HOSTS; start += 500) {
    await Promise.all(hosts.slice(start, start + 500).map((host) => store.leases.open(host, seconds(120), leader)));
  }
  return timed(async () => {
    const missing = await store.leases.keepAlive(hosts);
    if (missing.length > 0) throw new Error(`${missing.length} leases are missing`);
  });
}

async function measure(name: string, store: ClusterStore, baseline: readonly [Rate, Rate]): Promise<void> {
  const leader = await store.campaign("bench", new AbortController().signal);
  report(`${name}: commits, one at a time`, await commits(store, leader, 1), baseline[0]);
  report(`${name}: commits, ${MANY} at once`, await commits(store, leader, MANY), baseline[1]);
  report(`${name}: commit until a watch has it`, await watchLatency(store, leader), baseline[0]);
  await fill(store, leader);
  const renewalMs = await renewal(store, leader);
  const hydrateMs = await timed(() => store.snapshot("vms/"));
  console.log(
    `${name}: ${perSecond(HOSTS)} leases renewed in ${milliseconds(renewalMs)}, ${perSecond(RECORDS)} records read in ${milliseconds(hydrateMs)}`,
  );
}

const folder = await mkdtemp(join(tmpdir(), "headroom-bench-"));
const bare = await bareFile(folder);
report("bare file: append and fdatasync", bare);
const settings = { folder: join(folder, "store"), clock, log };
const embedded = await openEmbeddedStore(settings);
await measure("embedded", embedded, [bare, bare]);
await embedded.close();
let again: ClusterStore | null = null;
const openMs = await timed(async () => {
  again = await openEmbeddedStore(settings);
});
console.log(`embedded: opened again, with all records, in ${milliseconds(openMs)}`);
await again!.close();
await rm(folder, { recursive: true });

if (skipWithoutEtcd === false) {
  const etcd = await startEtcd();
  try {
    const connection = await GrpcConnection.open(etcd.endpoints[0]!, undefined, 5_000);
    const put = (number: number) => ({
      when: [],
      success: [{ kind: "put" as const, key: `/bare/${number}`, value: VALUE }],
      failure: [],
    });
    const bareOne = await rate(1, (number) => connection.ask(TXN, put(number), 5_000));
    const bareMany = await rate(MANY, (number) => connection.ask(TXN, put(number), 5_000));
    connection.close("done");
    report("etcd, bare puts, one at a time", bareOne);
    report(`etcd, bare puts, ${MANY} at once`, bareMany);
    const store = etcdStore({ endpoints: etcd.endpoints, prefix: "/bench/", clock, log });
    await measure("etcd", store, [bareOne, bareMany]);
    await store.close();
  } finally {
    await etcd.stop();
  }
} else {
  console.log(`etcd: left out, ${skipWithoutEtcd}`);
}
printTable(["", "per second", "p50", "p99", "to baseline"], rows);
