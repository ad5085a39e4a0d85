/**
 * The hosts of a cluster, many in one process: real agents with journals on disk, on simulated hypervisors, each with its own
 * HTTP interface: `hosts-process.ts COUNT FOLDER [unfenced]`. Prints their ports; reads, as a line of JSON, where each is to be
 * reached and the schedulers, joins them, and prints `joined`. To every further line it answers with what its hypervisors
 * have, and which VMs were ever on two of them at once.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createAgent } from "../../src/agent/agent.js";
import { DEFAULT_COURSE_RULES } from "../../src/agent/cluster/course.js";
import { keepInCluster } from "../../src/agent/cluster/heartbeat.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import { type FakeHypervisor, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { durableText } from "../../src/drivers/linux/durable-text.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { agentConnections } from "../../src/http/agent-client/pool.js";
import { createApp } from "../../src/http/app.js";
import { schedulerClients } from "../../src/http/scheduler-client.js";
import { listen } from "../../src/http/server.js";
import { memoryImages } from "../agent/support.js";
import { quietLog } from "../support/quiet-log.js";
import type { FoundHost } from "./checker.js";
import { unfenced } from "./unfenced.js";

/** Small enough that pools and hosts are full now and then. */
const TOPOLOGY = buildTopology({
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 4,
  threadsPerCore: 1,
  coresPerL3: 4,
  memoryMiB: mib(16_384),
});

export interface Joining {
  readonly urls: readonly string[];
  readonly schedulers: readonly string[];
  readonly heartbeatMs: number;
}

export interface Report {
  readonly hosts: readonly FoundHost[];
  readonly doubles: readonly string[];
}

const [count = "1", folder = ".", fencing] = process.argv.slice(2);
const clock = realClock();
const log = quietLog();
const doubles = new Set<string>();
const hypervisors = new Map<string, FakeHypervisor>();

async function startHost(host: string) {
  const hypervisor = fakeHypervisor({ topology: TOPOLOGY, clock, hostname: host });
  hypervisor.world.subscribe((event) => {
    if (event.kind === "started") lookForDoubles(event.name, host);
  });
  const agent = createAgent({
    policy: createPolicy("headroom", {
      topology: indexTopology(TOPOLOGY),
      criticalSize: 0,
      template: null,
      hostPcpus: [],
    }),
    hypervisor,
    clock,
    log,
    journal: durableText(join(folder, host, "journal.json")),
    images: memoryImages(),
    machine: { machineId: `machine-${host}` },
  });
  await agent.start();
  void agent.run(new AbortController().signal);
  const app = createApp({
    agent: fencing === "unfenced" ? unfenced(agent) : agent,
    tokens: null,
    log,
    clock,
    seedCalls: false,
    maximumRatio: ratio(16),
    imageFolders: [],
    version: "test",
  });
  const { port } = await listen(app, { host: "127.0.0.1", port: 0 });
  hypervisors.set(host, hypervisor);
  return { agent, port };
}

function lookForDoubles(name: string, host: string): void {
  for (const [other, { world }] of hypervisors) if (other !== host && world.has(name)) doubles.add(name);
}

const foundOn = ([host, { world }]: [string, FakeHypervisor]): FoundHost => ({
  host,
  pcpus: TOPOLOGY.pcpus.map(({ id }) => id),
  domains: world.names().map((name) => {
    const { uuid, vcpus, metadata } = world.detail(name)!;
    const vcpuRatios = metadata?.vcpuRatios ?? [];
    return { name, uuid, vcpus, ratio: vcpuRatios[0] ?? null, pins: world.pinsOf(name) ?? [] };
  }),
});

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const names = Array.from({ length: Number(count) }, (_, i) => `host-${String(i).padStart(2, "0")}`);
const started = await Promise.all(names.map(startHost));
console.log(JSON.stringify(started.map(({ port }) => port)));

const { urls, schedulers, heartbeatMs } = JSON.parse((await lines.next()).value) as Joining;
const dispatcher = agentConnections();
started.forEach(({ agent }, i) => {
  const rules = {
    ...DEFAULT_COURSE_RULES,
    urls: schedulers,
    secret: false,
    longestInterval: milliseconds(heartbeatMs),
  };
  const clients = schedulerClients({ token: null, deadlineMs: 2_000, dispatcher });
  const random = () => randomInt(2 ** 32) / 2 ** 32;
  void keepInCluster({ agent, url: urls[i]!, clients, rules, clock, log, random }, new AbortController().signal);
});
console.log("joined");
for await (const _ of lines) {
  const report: Report = { hosts: [...hypervisors].map(foundOn), doubles: [...doubles] };
  console.log(JSON.stringify(report));
}
process.exit(0);
