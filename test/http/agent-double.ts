/**
 * A small AgentService in memory: one pool per ratio, no policy. For what a real agent cannot be made to do on command:
 * fail, take long, report at a given moment. Conversations that depend on decisions run on the real agent instead.
 */
import type {
  AgentEvent,
  AgentService,
  AgentStatus,
  DeployRequest,
  PoolView,
  ResizeRequest,
  Revocation,
  RevokeRequest,
  VmView,
} from "../../src/agent/service.js";
import { EMPTY_CPU_SET } from "../../src/core/cpuset.js";
import type { HostState } from "../../src/core/pool/model.js";
import { accept, type Result, refuse } from "../../src/core/result.js";
import type { Topology } from "../../src/core/topology/model.js";
import { mib, pcpus, type Ratio, ratio } from "../../src/core/units.js";
import type { HostReport, HostStatus } from "../../src/ports/agent-client.js";

const PCPUS = 16;
const MEMORY_MIB = 65_536;
const USAGE = { cpuPcpus: pcpus(0.5), waitPcpus: null, memoryMiB: null };

export interface DoubleBehaviour {
  /** Runs before each change; throw to fail, wait to be slow. */
  beforeChange: () => Promise<void>;
  template: readonly Ratio[] | null;
  ready: boolean;
}

export class AgentDouble implements AgentService {
  readonly behaviour: DoubleBehaviour = { beforeChange: async () => undefined, template: null, ready: true };
  deploys = 0;
  private readonly known = new Map<string, VmView>();
  private readonly events: AgentEvent[] = [];
  private readonly listeners = new Set<(event: AgentEvent) => void>();
  private readonly requestIds = new Map<string, string>();
  private generation = 0;
  private cordoned = false;

  async deploy(request: DeployRequest): Promise<Result<VmView>> {
    await this.behaviour.beforeChange();
    this.deploys++;
    const before = request.requestId === undefined ? undefined : this.requestIds.get(request.requestId);
    if (before !== undefined) return accept(this.known.get(before)!);
    if (this.cordoned) return refuse("host-cordoned", "The host is cordoned");
    if (this.known.has(request.name)) return refuse("name-taken", `There is a VM named ${request.name} already`);
    if (request.image?.includes("missing")) return refuse("image-not-found", `There is no image ${request.image}`);
    if (this.allocatedMiB() + request.memoryMiB > MEMORY_MIB)
      return refuse("no-memory-capacity", "Not enough memory", { freeMiB: MEMORY_MIB - this.allocatedMiB() });
    const view = viewOf(request);
    this.known.set(view.name, view);
    if (request.requestId !== undefined) this.requestIds.set(request.requestId, view.name);
    this.report("vm-deployed", view.name);
    return accept(view);
  }

  async remove(name: string): Promise<Result<VmView>> {
    await this.behaviour.beforeChange();
    const view = this.known.get(name);
    if (view === undefined) return refuse("unknown-vm", `There is no VM named ${name}`);
    this.known.delete(name);
    this.report("vm-removed", name);
    return accept(view);
  }

  async resize(request: ResizeRequest): Promise<Result<VmView>> {
    await this.behaviour.beforeChange();
    const view = this.known.get(request.name);
    if (view === undefined) return refuse("unknown-vm", `There is no VM named ${request.name}`);
    if (request.vcpus !== undefined && request.vcpus < view.vcpus && request.restart !== true)
      return refuse("restart-required", "The guest cannot lose vCPUs while it runs");
    const next = { ...view, vcpus: request.vcpus ?? view.vcpus, memoryMiB: request.memoryMiB ?? view.memoryMiB };
    this.known.set(view.name, next);
    this.report("vm-resized", view.name);
    return accept(next);
  }

  async cordon(on: boolean): Promise<void> {
    await this.behaviour.beforeChange();
    this.cordoned = on;
    this.report(on ? "cordoned" : "uncordoned", null);
  }

  /** Not for tests of HTTP alone: what schedulers ask is tested on a real agent. */
  async receive(): Promise<Result<VmView>> {
    return refuse("not-movable", "A double is no host");
  }

  async send(): Promise<Result<VmView>> {
    return refuse("not-movable", "A double is no host");
  }

  /** Nothing is ever revoked: what schedulers ask is tested on a real agent. */
  async revoke({ name }: RevokeRequest): Promise<Result<Revocation>> {
    return accept({ outcome: "done", vm: this.vm(name) });
  }

  async look(name: string): Promise<Result<VmView>> {
    const vm = this.vm(name);
    return vm === null ? refuse("unknown-vm", `There is no VM named ${name}`) : accept(vm);
  }

  tag = (): string => `double/${this.generation}`;
  requestIdOf = (): string | null => null;
  hostReport = (): HostReport => ({ status: this.hostStatus(), vms: [] });

  hostStatus(): HostStatus {
    const status = this.status();
    return {
      ...status,
      machineId: "double",
      bootId: null,
      instance: "double",
      ready: this.behaviour.ready,
      labels: {},
      counts: {
        policy: status.policy,
        template: status.template,
        criticalSize: 0,
        totalPcpus: PCPUS,
        usablePcpus: PCPUS,
        freePcpus: status.pcpus.free,
        memoryCapacityMiB: status.memory.capacityMiB,
        memoryAllocatedMiB: status.memory.allocatedMiB,
        pools: [],
      },
      ratiosOffered: null,
      migrationAddress: null,
      images: null,
    };
  }

  vm = (name: string): VmView | null => this.known.get(name) ?? null;
  vms = (): readonly VmView[] => [...this.known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

  status(): AgentStatus {
    const pools = this.pools();
    const inPools = pools.reduce((sum, pool) => sum + pool.pcpuCount, 0);
    const allocated = this.allocatedMiB();
    return {
      host: "host-a",
      policy: "headroom",
      template: this.behaviour.template,
      hypervisor: { uri: "fake:///double", connected: true, accelerator: "fake" },
      generation: this.generation,
      cordoned: this.cordoned,
      pcpus: { total: PCPUS, reserved: 0, free: PCPUS - inPools, inPools },
      memory: { capacityMiB: mib(MEMORY_MIB), allocatedMiB: mib(allocated), freeMiB: mib(MEMORY_MIB - allocated) },
      usage: { cpuPcpus: pcpus(1.5), memoryMiB: null },
      pools,
      vmCount: this.known.size,
      lastTick: null,
      problems: [],
    };
  }

  seedStatus() {
    const pool = { pcap: 4, palloc: 8, vavail: 0, vpotential: 24 };
    return { cpu: { avail: 12, subset: { "2.0": pool } }, mem: { avail: MEMORY_MIB, subset: { "1": pool } } };
  }

  progress = () => 0.25;
  explain = () => ({
    fits: true,
    room: 3,
    reason: "It fits",
    code: null,
    growth: { pcpus: 1, memoryMiB: mib(1024) },
    progress: 0.25,
    pools: this.pools(),
  });
  host = (): HostState => ({
    pools: [],
    memory: {
      capacityMiB: mib(MEMORY_MIB),
      allocatedMiB: mib(this.allocatedMiB()),
      members: this.vms().map(({ name, vcpus, memoryMiB, ratio }) => ({ name, vcpus, memoryMiB, ratio })),
    },
  });
  topology = (): Topology => TOPOLOGY;
  ready = () => this.behaviour.ready;
  eventsAfter = (id: number) => this.events.filter((event) => event.id > id);

  subscribe(listener: (event: AgentEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  report(kind: AgentEvent["kind"], vm: string | null, message = `${kind} ${vm ?? ""}`): void {
    this.generation++;
    const event: AgentEvent = { id: this.events.length + 1, at: Date.now() as AgentEvent["at"], kind, vm, message };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
  }

  private allocatedMiB = (): number => this.vms().reduce((sum, vm) => sum + vm.memoryMiB, 0);

  private pools(): PoolView[] {
    const ratios = [...new Set(this.vms().map((vm) => vm.ratio ?? ratio(1)))];
    return ratios.map((one, index) => {
      const members = this.vms().filter((vm) => (vm.ratio ?? 1) === one);
      return {
        ratio: one,
        pcpus: String(index),
        pcpuCount: 1,
        allocatedVcpus: members.reduce((sum, vm) => sum + vm.vcpus, 0),
        freeVcpus: 0,
        vms: members.map((vm) => vm.name),
        pinnedTo: String(index),
        usagePcpus: pcpus(0.5),
        waitPcpus: null,
      };
    });
  }
}

const viewOf = (request: DeployRequest): VmView => ({
  name: request.name,
  uuid: "00000000-0000-4000-8000-000000000001",
  state: "running",
  vcpus: request.vcpus,
  memoryMiB: request.memoryMiB,
  ratio: request.ratio,
  vcpuRatios: Array.from({ length: request.vcpus }, () => request.ratio ?? ratio(1)),
  pins: Array.from({ length: request.vcpus }, () => "0-3"),
  image: request.image,
  deployedHere: true,
  usage: USAGE,
});

const TOPOLOGY: Topology = {
  pcpus: Array.from({ length: PCPUS }, (_, id) => ({
    id,
    packageId: 0,
    cellId: 0,
    smtSiblings: [id ^ 1],
    packageSiblings: EMPTY_CPU_SET,
    caches: [{ index: 0, level: 1, domain: id >> 1 }],
    maxFrequencyKHz: null,
  })),
  totalPcpus: PCPUS,
  cells: [{ id: 0, distances: new Map([[0, 10]]), memoryMiB: null }],
  memory: { totalMiB: mib(MEMORY_MIB), allowedMiB: mib(MEMORY_MIB) },
};
