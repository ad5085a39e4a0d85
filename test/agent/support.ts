/** An agent on a fake host with a virtual clock, and what its tests ask about it. */
import assert from "node:assert/strict";
import { type Agent, type AgentOptions, createAgent, type TickReport } from "../../src/agent/agent.js";
import type { DeployRequest, VmView } from "../../src/agent/service.js";
import type { AgentSettings } from "../../src/agent/settings.js";
import { formatCpuSet } from "../../src/core/cpuset.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import type { PolicyName, PoolPolicy } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import type { Refusal, Result } from "../../src/core/result.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import type { Topology } from "../../src/core/topology/model.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { FakeWorld } from "../../src/drivers/fake/world.js";
import type { FakeWorldOptions } from "../../src/drivers/fake/world-core.js";
import { OperationalError } from "../../src/ports/errors.js";
import type { DiskImages, GrowingText } from "../../src/ports/host.js";
import type { Log } from "../../src/ports/log.js";

/** 16 pCPUs: two packages of four cores with two threads, an L3 for each two cores; 64 GiB. */
export const SMALL = buildTopology({
  packages: 2,
  cellsPerPackage: 1,
  coresPerCell: 4,
  threadsPerCore: 2,
  coresPerL3: 2,
  memoryMiB: mib(65_536),
});

const nothing = (): void => undefined;
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export interface MemoryText extends GrowingText {
  text: string | null;
  writes: number;
  /** Thrown by the next writes, one each. */
  readonly failures: Error[];
}

export function memoryText(text: string | null = null): MemoryText {
  return {
    text,
    writes: 0,
    failures: [],
    async read() {
      return this.text;
    },
    async write(next) {
      const failure = this.failures.shift();
      if (failure) throw failure;
      this.text = next;
      this.writes++;
    },
    async append(more) {
      const failure = this.failures.shift();
      if (failure) throw failure;
      this.text = (this.text ?? "") + more;
    },
  };
}

export interface MemoryImages extends DiskImages {
  readonly known: Set<string>;
  readonly overlays: Set<string>;
  readonly failures: Error[];
}

export function memoryImages(...known: string[]): MemoryImages {
  return {
    known: new Set(known),
    overlays: new Set(),
    failures: [],
    async resolve(path) {
      return this.known.has(path) ? { path } : { problem: `there is no image ${path}` };
    },
    async createOverlay(vm) {
      const failure = this.failures.shift();
      if (failure) throw failure;
      const path = `/overlays/${vm}.qcow2`;
      this.overlays.add(path);
      return path;
    },
    async removeOverlay(path) {
      this.overlays.delete(path);
    },
  };
}

export interface RigOptions {
  readonly topology?: Topology;
  readonly policy?: PolicyName;
  readonly template?: readonly number[];
  readonly criticalSize?: number;
  readonly settings?: Partial<AgentSettings>;
  readonly world?: Partial<FakeWorldOptions>;
  readonly agent?: Partial<AgentOptions>;
}

export function policyFor(options: RigOptions): PoolPolicy {
  return createPolicy(options.policy ?? "headroom", {
    topology: indexTopology(options.topology ?? SMALL),
    criticalSize: options.criticalSize ?? 0,
    template: options.template?.map(ratio) ?? null,
    hostPcpus: [],
  });
}

/** One host in memory, the agent on it now, and everything around it. */
export class Rig {
  readonly clock: VirtualClock = virtualClock(1_700_000_000_000);
  readonly world: FakeWorld;
  readonly policy: PoolPolicy;
  readonly journal = memoryText();
  readonly aside = memoryText();
  readonly forecasts = memoryText();
  readonly openWindow = memoryText();
  readonly images = memoryImages("/images/debian.qcow2");
  hypervisor: FakeHypervisor;
  agent: Agent;

  constructor(readonly options: RigOptions = {}) {
    const topology = options.topology ?? SMALL;
    this.policy = policyFor(options);
    this.world = new FakeWorld({ topology, clock: this.clock, hostname: "h1", ...options.world });
    this.hypervisor = new FakeHypervisor(this.world, "fake:///");
    this.agent = this.newAgent();
  }

  newAgent(hypervisor = this.hypervisor): Agent {
    return createAgent({
      policy: this.policy,
      hypervisor,
      clock: this.clock,
      log: silentLog,
      journal: this.journal,
      corruptJournal: this.aside,
      forecasts: this.forecasts,
      openWindow: this.openWindow,
      images: this.images,
      settings: this.options.settings ?? {},
      ...this.options.agent,
    });
  }

  async start(): Promise<this> {
    await this.agent.start();
    return this;
  }

  /** The agent's process is killed, and another one starts on what it left. */
  async restart(): Promise<void> {
    this.hypervisor.die();
    this.hypervisor = this.hypervisor.another();
    this.agent = this.newAgent();
    await this.clock.runUntil(this.agent.start());
  }

  /** A regular tick: the interval passes, then the agent looks. */
  async tick(): Promise<TickReport> {
    await this.clock.advance(5_000);
    return this.clock.runUntil(this.agent.tick());
  }

  async deploy(name: string, vcpus = 2, oversubscribed = 1, more: Partial<DeployRequest> = {}): Promise<VmView> {
    return accepted(await this.tryDeploy(name, vcpus, oversubscribed, more));
  }

  tryDeploy(name: string, vcpus = 2, ofRatio = 1, more: Partial<DeployRequest> = {}): Promise<Result<VmView>> {
    const perVm = this.policy.settings.template === null;
    return this.agent.deploy({
      name,
      vcpus,
      memoryMiB: mib(1024),
      ratio: perVm ? ratio(ofRatio) : null,
      image: null,
      ...more,
    });
  }

  /** What `virsh vcpupin` would show, as text. */
  pins(name: string): readonly string[] {
    return (this.world.pinsOf(name) ?? []).map(formatCpuSet);
  }

  /** Domains that run, by name. */
  running(): readonly string[] {
    return this.world
      .stats()
      .filter((domain) => domain.state === "running" || domain.state === "paused")
      .map((domain) => domain.name);
  }

  kinds(): readonly string[] {
    return this.agent.eventsAfter(0).map((event) => event.kind);
  }

  /** Promises 1 to 3 of the plan, and that the world is pinned as planned. */
  check(): void {
    assert.deepEqual(checkHost(this.policy, this.agent.host()), []);
    for (const vm of this.agent.vms()) {
      if (vm.state !== "running" && vm.state !== "paused") continue;
      assert.deepEqual(this.pins(vm.name), vm.pins, `${vm.name} is pinned as planned`);
    }
  }

  /** Everything of the world and the agent that a refused or failed request must leave as it was. */
  picture(): object {
    return {
      domains: this.world.names().map((name) => ({ name, ...this.world.detail(name), pins: this.pins(name) })),
      host: this.agent.host(),
      vms: this.agent.vms().map(({ usage: _, ...vm }) => vm),
      cordoned: this.agent.status().cordoned,
      overlays: [...this.images.overlays],
    };
  }
}

export function accepted<T>(result: Result<T>): T {
  assert.ok(result.ok, result.ok ? "" : `refused: ${result.refusal.reason}`);
  return result.value;
}

export function refused<T>(result: Result<T>): Refusal {
  assert.ok(!result.ok, "it was accepted");
  return result.refusal;
}

export const failsWith = (code: string) => (error: unknown) => {
  assert.ok(error instanceof OperationalError, String(error));
  assert.equal(error.code, code);
  return true;
};
