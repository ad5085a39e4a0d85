/**
 * What a scrape of a host with 200 VMs costs the probe, in CPU time of its process: the hypervisor's answer decoded from the wire (two
 * vCPUs each, as libvirt 9 sends it), /proc of 200 real processes with eight threads each, and the text in either form. The baseline
 * prints the same values with prom-client, a gauge per metric; libvirtd's own work is not in it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { Gauge, Registry } from "prom-client";
import { printFlat } from "../../src/core/telemetry/flat-form.js";
import { printIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { VmProcesses } from "../../src/core/telemetry/linux/vm-processes.js";
import { DOMAIN_METRICS } from "../../src/core/telemetry/metrics.js";
import { readScrape } from "../../src/core/telemetry/read-scrape.js";
import type { Reading } from "../../src/core/telemetry/reading.js";
import type { HostFiles } from "../../src/core/topology/host-files.js";
import { milliseconds } from "../../src/core/units.js";
import { statsOf } from "../../src/drivers/libvirt/stats.js";
import { readDomainStats, uuidBytes } from "../../src/drivers/libvirt/wire-types.js";
import { XdrReader, XdrWriter } from "../../src/drivers/libvirt/xdr.js";
import { linuxHostFiles } from "../../src/drivers/linux/host-files.js";
import { ownHost } from "../../src/telemetry/host-source.js";
import { FRESH_MS, Probe } from "../../src/telemetry/probe.js";
import { printTable } from "./table.js";

const VMS = 200;
const THREADS = 8;
const [WARM_UP, ROUNDS] = [20, 60];
const UNSIGNED = 2;
const LONG = 4;

const vms = Array.from({ length: VMS }, (_, index) => ({ name: `vm-${index}`, uuid: randomUUID() }));

/** A guest's parameters, as libvirt sends them. */
const PARAMETERS: readonly (readonly [field: string, type: number, value: number])[] = [
  ["state.state", UNSIGNED, 1],
  ["state.reason", UNSIGNED, 1],
  ...["time", "user", "system"].map((field) => [`cpu.${field}`, LONG, 123_456_789_012] as const),
  ["vcpu.current", UNSIGNED, 2],
  ["vcpu.maximum", UNSIGNED, 2],
  ...[0, 1].flatMap((vcpu) => [
    [`vcpu.${vcpu}.state`, UNSIGNED, 1] as const,
    ...["time", "wait", "delay"].map((field) => [`vcpu.${vcpu}.${field}`, LONG, 98_765_432_109] as const),
  ]),
  ...[
    "current",
    "maximum",
    "swap_in",
    "swap_out",
    "major_fault",
    "minor_fault",
    "unused",
    "available",
    "usable",
    "last-update",
    "disk_caches",
    "hugetlb_pgalloc",
    "hugetlb_pgfail",
    "rss",
  ].map((field) => [`balloon.${field}`, LONG, 1_048_576] as const),
];

function answer(): Buffer {
  const writer = new XdrWriter().uint(VMS);
  for (const [index, { name, uuid }] of vms.entries()) {
    writer
      .string(name)
      .fixedBytes(uuidBytes(uuid))
      .int(index + 1)
      .uint(PARAMETERS.length);
    for (const [field, type, value] of PARAMETERS) {
      writer.string(field).int(type);
      if (type === LONG) writer.uhyper(BigInt(value));
      else writer.uint(value);
    }
  }
  return writer.finish();
}

/** Processes that a VM's is known by; they sleep. */
function startProcesses(): readonly ChildProcess[] {
  return vms.map(({ uuid }) => spawn("perl", ["-e", "sleep 600", "vm", "-uuid", uuid], { stdio: "ignore" }));
}

/** Each process has one thread, which is read eight times. */
function withThreads(files: HostFiles): HostFiles {
  return {
    readText: (path) => files.readText(path.replace(/#\d+/, "")),
    listFolder: (path) => {
      const names = files.listFolder(path);
      if (!path.endsWith("/task")) return names;
      return names.flatMap((name) => Array.from({ length: THREADS }, (_, index) => `${name}#${index}`));
    },
  };
}

interface Cost {
  readonly medianMs: number;
  readonly p95Ms: number;
}

async function cpuOf(work: () => unknown): Promise<Cost> {
  const times: number[] = [];
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    if (round >= WARM_UP) times.push((user + system) / 1_000);
  }
  times.sort((a, b) => a - b);
  return { medianMs: times[ROUNDS / 2]!, p95Ms: times[Math.floor(ROUNDS * 0.95)]! };
}

/** The same values as gauges of prom-client, kept between scrapes as its users keep them. */
function promClient(): (reading: Reading) => Promise<string> {
  const registry = new Registry();
  const gauges = DOMAIN_METRICS.map(({ key, name, help }) => {
    const gauge = new Gauge({ name, help, labelNames: ["domain"], registers: [registry] });
    return [key, gauge] as const;
  });
  return (reading) => {
    for (const [key, gauge] of gauges) {
      gauge.reset();
      for (const [domain, { values }] of reading.domains)
        if (values[key] !== undefined) gauge.set({ domain }, values[key]);
    }
    return registry.metrics();
  };
}

const processes = startProcesses();
await new Promise((resolve) => setTimeout(resolve, 2_000));
try {
  const bytes = answer();
  const stats = async () => readDomainStats(new XdrReader(bytes)).map(statsOf);
  const files = withThreads(linuxHostFiles());
  let now = 0;
  const clock = {
    now: () => milliseconds(1.8e12 + now),
    monotonic: () => milliseconds(now),
    sleep: async () => undefined,
  };
  const parts = { hypervisor: { stats }, host: ownHost(files), processes: new VmProcesses(files), perf: null, clock };
  const probe = new Probe({ ...parts, interval: milliseconds(5_000) });
  const read = () => {
    now += FRESH_MS;
    return probe.reading();
  };
  const reading = await read();
  if ([...reading.domains.values()].some(({ values }) => values.sched_runtime === undefined))
    throw new Error("a process was not found");
  const text = printIdiomatic(reading);
  const baseline = promClient();
  const costs: readonly (readonly [string, Cost])[] = [
    ["scrape: read and print", await cpuOf(async () => printIdiomatic(await read()))],
    ["  hypervisor's answer decoded", await cpuOf(stats)],
    ["  /proc of all processes and threads", await cpuOf(() => parts.processes.read(vms, milliseconds(now)))],
    ["  printed, idiomatic", await cpuOf(() => printIdiomatic(reading))],
    ["  printed, flat", await cpuOf(() => printFlat(reading, "node7"))],
    ["  printed by prom-client (baseline)", await cpuOf(() => baseline(reading))],
    ["collector's side: text to reading", await cpuOf(() => readScrape(text, null))],
  ];
  console.log(`${VMS} VMs, ${text.split("\n").length} lines, ${(text.length / 1024).toFixed(0)} KiB; CPU milliseconds`);
  printTable(
    ["", "median", "95 %"],
    costs.map(([name, { medianMs, p95Ms }]) => [name, medianMs.toFixed(2), p95Ms.toFixed(2)]),
  );
  const [printed, byPromClient] = [costs[3]![1].medianMs, costs[5]![1].medianMs];
  console.log(`ratio to prom-client: printing takes ${(byPromClient / printed).toFixed(1)}x less CPU`);
} finally {
  for (const child of processes) child.kill("SIGKILL");
}
