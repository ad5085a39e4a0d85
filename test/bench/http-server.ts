/**
 * The server side of http.bench.ts, in a process of its own so that its CPU time is its own: `bare` answers a fixed body
 * from node:http, `headroom` is the agent on a fake host of 256 pCPUs with 60 VMs. Prints its port, and its CPU seconds so
 * far for each line on standard input.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { type Agent, createAgent } from "../../src/agent/agent.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import { fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { listen } from "../../src/http/server.js";
import { memoryText } from "../http/real-agent.js";
import { IMAGE, LogBook, realClock, serveAgent } from "../http/support.js";

const RESIDENT_VMS = 60;
const PAIRS = 300;
/** As long as the answer to `/status` with three pools. */
const STATUS_BYTES = 400;

type Pairs = () => Promise<number>;

/** Deploys and removes in this process, without HTTP: pairs per CPU second. */
async function pairsPerCpuSecond(agent: Agent): Promise<number> {
  const began = cpuSeconds();
  for (let pair = 0; pair < PAIRS; pair++) {
    await agent.deploy({ name: "bench", vcpus: 1, memoryMiB: mib(1024), ratio: ratio(2), image: IMAGE });
    await agent.remove("bench");
  }
  return PAIRS / (cpuSeconds() - began);
}

async function startHeadroom(): Promise<{ port: number; pairs: Pairs }> {
  const topology = indexTopology(presetTopology("epyc-7662-2s")!);
  const hypervisor = fakeHypervisor({ topology: topology.topology, clock: realClock, hostname: "bench" });
  const policy = createPolicy("headroom", { topology, criticalSize: 0, template: null, hostPcpus: [] });
  const images = {
    resolve: async (path: string) => ({ path }),
    createOverlay: async () => IMAGE,
    removeOverlay: async () => undefined,
  };
  const agent = createAgent({
    policy,
    hypervisor,
    clock: realClock,
    log: new LogBook(),
    journal: memoryText(),
    images,
  });
  await agent.start();
  for (let index = 0; index < RESIDENT_VMS; index++) {
    const vm = { name: `vm-${index}`, vcpus: 2, memoryMiB: mib(2048), ratio: ratio(1 + (index % 3)), image: IMAGE };
    await agent.deploy(vm);
  }
  const { port } = await listen(serveAgent(agent).app, { host: "127.0.0.1", port: 0 });
  return { port, pairs: () => pairsPerCpuSecond(agent) };
}

function startBare(): Promise<{ port: number; pairs: Pairs }> {
  const body = JSON.stringify({ text: "x".repeat(STATUS_BYTES) });
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json; charset=utf-8");
    response.setHeader("content-length", Buffer.byteLength(body));
    response.end(body);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({ port: (server.address() as AddressInfo).port, pairs: async () => 0 }),
    );
  });
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const { port, pairs } = await (process.argv[2] === "bare" ? startBare() : startHeadroom());
console.log(port);
for await (const line of createInterface({ input: process.stdin }))
  console.log(line === "pairs" ? await pairs() : cpuSeconds());
