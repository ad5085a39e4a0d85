/** The real agent on a fake hypervisor, started: 16 pCPUs, 64 GiB. Called host-a where no other name is given. */
import { type Agent, createAgent } from "../../src/agent/agent.js";
import type { AgentSettings } from "../../src/agent/settings.js";
import type { PolicyName, PolicySettings } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import { type FakeHypervisor, fakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { FakeNetwork } from "../../src/drivers/fake/migration.js";
import type { DiskImages, DurableText } from "../../src/ports/host.js";
import { IMAGES, LogBook, realClock } from "./support.js";

const SHAPE = {
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 8,
  threadsPerCore: 2,
  coresPerL3: 4,
  memoryMiB: mib(65_536),
};

/** Every image below the folder exists, but those that are called missing. */
const images: DiskImages = {
  resolve: async (path) =>
    path.startsWith(`${IMAGES}/`) && !path.includes("missing") ? { path } : { problem: `there is no image ${path}` },
  createOverlay: async (vm) => `${IMAGES}/overlays/${vm}.qcow2`,
  removeOverlay: async () => undefined,
};

export function memoryText(): DurableText {
  let text: string | null = null;
  return {
    read: async () => text,
    write: async (next) => {
      text = next;
    },
  };
}

export interface RealAgentOptions {
  readonly policy?: PolicyName;
  readonly template?: PolicySettings["template"];
  readonly journal?: DurableText;
  readonly hypervisor?: FakeHypervisor;
  readonly hostname?: string;
  /** Hosts to which its VMs can be moved. */
  readonly network?: FakeNetwork;
  readonly settings?: Partial<AgentSettings>;
}

export interface RealAgent {
  readonly agent: Agent;
  readonly hypervisor: FakeHypervisor;
  readonly journal: DurableText;
}

export async function startAgent(options: RealAgentOptions = {}): Promise<RealAgent> {
  const topology = indexTopology(buildTopology(SHAPE));
  const hypervisor =
    options.hypervisor ??
    fakeHypervisor({
      topology: topology.topology,
      clock: realClock,
      hostname: options.hostname ?? "host-a",
      network: options.network ?? null,
    });
  const policy = createPolicy(options.policy ?? "headroom", {
    topology,
    criticalSize: 0,
    template: options.template ?? null,
    hostPcpus: [],
  });
  const journal = options.journal ?? memoryText();
  const agent = createAgent({
    policy,
    hypervisor,
    clock: realClock,
    log: new LogBook(),
    journal,
    images,
    settings: options.settings ?? {},
  });
  await agent.start();
  return { agent, hypervisor, journal };
}
