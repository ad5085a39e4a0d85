/** A host that only counts: the real pool policy, and nothing that takes time. For measuring what is before it. */

import type { HostSummary } from "../../src/core/placement/model.js";
import { hostCounts } from "../../src/core/placement/summary.js";
import type { HostState } from "../../src/core/pool/model.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, pcpus } from "../../src/core/units.js";
import type {
  AgentClient,
  AgentDeploy,
  ChangeOutcome,
  HostReport,
  HostStatus,
  NoAnswer,
} from "../../src/ports/agent-client.js";
import { reportTag } from "../../src/ports/agent-client.js";

/** 32 pCPUs, 128 GiB: the host of the sizing experiment (spec 7.2). */
const policy = createPolicy("headroom", {
  topology: indexTopology(
    buildTopology({
      packages: 1,
      cellsPerPackage: 1,
      coresPerCell: 16,
      threadsPerCore: 2,
      coresPerL3: 4,
      memoryMiB: mib(131_072),
    }),
  ),
  criticalSize: 0,
  template: null,
  hostPcpus: [],
});

const NOT_COUNTED: NoAnswer = { kind: "failed", code: "unsupported-by-hypervisor", reason: "it only counts deploys" };

export class CountingAgent implements AgentClient {
  readonly url: string;
  readonly machineId: string;
  private host: HostState = policy.initial();
  private generation = 0;

  constructor(readonly name: string) {
    this.url = `http://${name}:8099`;
    this.machineId = `machine of ${name}`;
  }

  get tag(): string {
    return reportTag({ instance: this.name, generation: this.generation });
  }

  summary(): HostSummary {
    return {
      ...hostCounts(policy, this.host),
      id: this.name,
      state: "up",
      cordoned: false,
      ratiosOffered: null,
      labels: {},
      images: null,
      antiAffinityGroups: [],
      forecast: null,
      generation: this.generation,
    };
  }

  hostReport(): HostReport {
    return { status: this.status(), vms: [] };
  }

  async deploy(request: AgentDeploy): Promise<ChangeOutcome> {
    const result = policy.deploy(this.host, request);
    if (!result.ok) return { kind: "refused", refusal: result.refusal, status: this.status() };
    this.host = result.value;
    this.generation++;
    const { name, vcpus, memoryMiB, ratio, image, requestId } = request;
    const usage = { cpuPcpus: null, waitPcpus: null, memoryMiB: null };
    const view = { name, uuid: requestId, state: "running", vcpus, memoryMiB, ratio, vcpuRatios: [] } as const;
    return { kind: "accepted", vm: { ...view, pins: [], image, deployedHere: true, usage }, status: this.status() };
  }

  async remove(): Promise<ChangeOutcome> {
    return NOT_COUNTED;
  }

  async resize(): Promise<ChangeOutcome> {
    return NOT_COUNTED;
  }

  async receive(): Promise<ChangeOutcome> {
    return NOT_COUNTED;
  }

  async send(): Promise<ChangeOutcome> {
    return NOT_COUNTED;
  }

  async revoke(): Promise<NoAnswer> {
    return NOT_COUNTED;
  }

  async vm(): Promise<NoAnswer> {
    return NOT_COUNTED;
  }

  async report(tag: string | null) {
    return tag === this.tag
      ? ({ kind: "unchanged" } as const)
      : ({ kind: "report", report: this.hostReport() } as const);
  }

  private status(): HostStatus {
    const { capacityMiB, allocatedMiB } = this.host.memory;
    const counts = hostCounts(policy, this.host);
    return {
      host: this.name,
      policy: policy.name,
      template: null,
      hypervisor: { uri: "counting:///", connected: true, accelerator: "none" },
      generation: this.generation,
      cordoned: false,
      pcpus: {
        total: counts.totalPcpus,
        reserved: 0,
        free: counts.freePcpus,
        inPools: counts.totalPcpus - counts.freePcpus,
      },
      memory: { capacityMiB, allocatedMiB, freeMiB: mib(capacityMiB - allocatedMiB) },
      usage: { cpuPcpus: pcpus(0), memoryMiB: mib(0) },
      pools: this.host.pools.map((pool) => ({
        ratio: pool.ratio,
        pcpus: "",
        pcpuCount: pool.pcpus.length,
        allocatedVcpus: pool.allocatedVcpus,
        freeVcpus: 0,
        vms: pool.members.map(({ vm }) => vm),
        pinnedTo: "",
        usagePcpus: null,
        waitPcpus: null,
      })),
      vmCount: this.host.memory.members.length,
      lastTick: null,
      problems: [],
      machineId: this.machineId,
      instance: this.name,
      bootId: null,
      ready: true,
      labels: {},
      counts,
      ratiosOffered: null,
      migrationAddress: null,
      images: null,
    };
  }
}
