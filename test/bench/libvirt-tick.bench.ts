/**
 * What a tick of the agent costs over libvirt's own protocol: 200 VMs of libvirt's test driver in a real libvirtd, steady state,
 * CPU time of the agent's process (the daemon's is its own). The baseline of reading pins is one call after the other; the
 * promise is a tick under 20 ms. Skipped where the lab of real guests is (it says why).
 */
import { createAgent } from "../../src/agent/agent.js";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { excludePcpus } from "../../src/core/topology/exclude.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import { libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import type { Hypervisor } from "../../src/ports/hypervisor.js";
import { memoryImages, memoryText, silentLog } from "../agent/support.js";
import { openLab } from "../lab/lab.js";
import { printTable } from "./table.js";

const VMS = 200;
const ROUNDS = 60;
const WARM_UP = 30;
const LIMIT_MS = 20;
/** The test driver's host: of its 16 pCPUs three are online, so the pools are sold many times over. */
const SHAPE = { packages: 2, cellsPerPackage: 1, coresPerCell: 8, threadsPerCore: 1, coresPerL3: 8 };
const RATIOS = [ratio(300), ratio(200)];

interface Cost {
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly wallMs: number;
}

async function measure(work: () => Promise<unknown>): Promise<Cost> {
  const [cpu, wall]: [number[], number[]] = [[], []];
  for (let i = 0; i < WARM_UP + ROUNDS; i++) {
    const [before, began] = [process.cpuUsage(), performance.now()];
    await work();
    const spent = process.cpuUsage(before);
    if (i < WARM_UP) continue;
    cpu.push((spent.user + spent.system) / 1_000);
    wall.push(performance.now() - began);
  }
  for (const times of [cpu, wall]) times.sort((a, b) => a - b);
  const at = (times: readonly number[], part: number): number => times[Math.floor(ROUNDS * part)]!;
  return { medianMs: at(cpu, 0.5), p95Ms: at(cpu, 0.95), wallMs: at(wall, 0.5) };
}

async function readOneByOne(hypervisor: Hypervisor, names: readonly string[]): Promise<void> {
  for (const name of names) await hypervisor.pins([name]);
}

async function run(uri: string): Promise<boolean> {
  const hypervisor = libvirtHypervisor({ uri, log: silentLog });
  await hypervisor.connect();
  const { pcpus: online } = await hypervisor.host();
  const whole = buildTopology({ ...SHAPE, memoryMiB: mib(1_048_576) });
  const offline = whole.pcpus.map((pcpu) => pcpu.id).filter((id) => !online.includes(id));
  const topology = excludePcpus(whole, cpuSetOf(offline));
  const agent = createAgent({
    policy: createPolicy("headroom", {
      topology: indexTopology(topology),
      criticalSize: 0,
      template: null,
      hostPcpus: [],
    }),
    hypervisor,
    clock: realClock(),
    log: silentLog,
    journal: memoryText(),
    images: memoryImages(),
  });
  await agent.start();
  for (const vm of agent.vms()) await agent.remove(vm.name);
  for (let i = 0; i < VMS; i++) {
    const vm = { name: `vm-${i}`, vcpus: 1 + (i % 2), memoryMiB: mib(1), ratio: RATIOS[i % 2]!, image: null };
    const result = await agent.deploy(vm);
    if (!result.ok) throw new Error(result.refusal.reason);
  }
  const names = agent.vms().map((vm) => vm.name);
  const tick = await measure(() => agent.tick());
  const stats = await measure(() => hypervisor.stats());
  const pins = await measure(() => hypervisor.pins(names));
  const oneByOne = await measure(() => readOneByOne(hypervisor, names));
  await agent.stop();
  const row = (name: string, cost: Cost) => [
    name,
    cost.medianMs.toFixed(2),
    cost.p95Ms.toFixed(2),
    cost.wallMs.toFixed(2),
  ];
  console.log(`${names.length} VMs of libvirt's test driver, steady state; CPU milliseconds of the agent's process`);
  printTable(
    ["", "median", "95 %", "wall"],
    [
      row("agent's tick (reads the pins of every second VM)", tick),
      row("statistics of all VMs", stats),
      row("pins of all VMs", pins),
      row("pins of all VMs, one call after the other", oneByOne),
    ],
  );
  console.log(`ratio to one call after the other: ${(oneByOne.medianMs / pins.medianMs).toFixed(1)}x less CPU`);
  return tick.medianMs < LIMIT_MS;
}

const lab = await openLab();
if (lab.skip !== false) console.log(`skipped: ${lab.skip}`);
else {
  const host = await lab.startLibvirtd();
  try {
    if (!(await run(host.testUri))) {
      console.error(`promised: a tick under ${LIMIT_MS} ms`);
      process.exitCode = 1;
    }
  } finally {
    await host.stop();
  }
}
