/**
 * A cluster on a virtual clock: real agents on fake hypervisors, one store, a network with faults between, and schedulers that
 * are started, killed, frozen and replaced.
 */
import assert from "node:assert/strict";
import type { PriceSource } from "../../src/core/placement/learning/pricing.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib, ratio } from "../../src/core/units.js";
import { FakeNetwork } from "../../src/drivers/fake/migration.js";
import { type VirtualClock, virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { AgentClient } from "../../src/ports/agent-client.js";
import type { AppendFile } from "../../src/ports/append-file.js";
import type { ClusterStore } from "../../src/ports/cluster-store.js";
import { OperationalError } from "../../src/ports/errors.js";
import { createScheduler, type Scheduler } from "../../src/scheduler/scheduler.js";
import { type ClusterDeploy, NotLeader } from "../../src/scheduler/service.js";
import type { SchedulerSettings } from "../../src/scheduler/settings.js";
import { Machine as SimulatedMachine } from "../../src/simulator/machine.js";
import { silentLog } from "../../src/simulator/memory-ports.js";
import { StoreCore } from "../../src/simulator/memory-store.js";
import { mortalClient, mortalClock, mortalStore, Process } from "../../src/simulator/process.js";

/** 8 pCPUs, 16 GiB: small enough to be full soon. */
const TOPOLOGY = buildTopology({
  packages: 1,
  cellsPerPackage: 1,
  coresPerCell: 4,
  threadsPerCore: 2,
  coresPerL3: 2,
  memoryMiB: mib(16_384),
});

const POLICY = createPolicy("headroom", {
  topology: indexTopology(TOPOLOGY),
  criticalSize: 0,
  template: null,
  hostPcpus: [],
});

/** One machine whose agent starts and ticks when it is told to. */
export class Machine extends SimulatedMachine {
  constructor(
    readonly clock: VirtualClock,
    name: string,
    machineId: string,
    labels: Readonly<Record<string, string>>,
    network: FakeNetwork,
  ) {
    super({ clock, name, machineId, policy: POLICY, labels, network, images: ["/images/debian.qcow2"] });
  }

  async start(): Promise<void> {
    await this.clock.runUntil(this.begin());
  }

  async tick(): Promise<void> {
    const { agent } = this;
    if (agent !== null) await this.clock.runUntil(Promise.race([agent.tick(), this.process.died]));
  }
}

export interface Running {
  readonly name: string;
  readonly process: Process;
  readonly scheduler: Scheduler;
}

export interface ClusterOptions {
  readonly hosts?: number;
  readonly settings?: Partial<SchedulerSettings>;
  /** Hosts are polled at listed addresses; default: they register themselves. */
  readonly listed?: boolean;
  readonly labelsOf?: (host: number) => Readonly<Record<string, string>>;
  readonly eventLog?: AppendFile;
  /** Default: VMs are placed without prices. */
  readonly prices?: PriceSource;
  /** Makes another thing of what schedulers work with: to show that tests notice. */
  readonly breakClient?: (client: AgentClient) => AgentClient;
  readonly breakStore?: (store: ClusterStore) => ClusterStore;
}

export class Cluster {
  readonly clock = virtualClock(1_700_000_000_000);
  readonly core = new StoreCore();
  /** Over which guests move. */
  readonly network = new FakeNetwork();
  readonly machines: Machine[] = [];
  readonly schedulers: Running[] = [];
  private ids = 0;

  constructor(readonly options: ClusterOptions = {}) {
    const { hosts = 3, labelsOf = () => ({}) } = options;
    for (let host = 1; host <= hosts; host++)
      this.machines.push(new Machine(this.clock, `h${host}`, `machine-${host}`, labelsOf(host), this.network));
  }

  async start(schedulers = 1): Promise<this> {
    for (const machine of this.machines) await machine.start();
    for (let one = 0; one < schedulers; one++) this.startScheduler();
    await this.settle();
    return this;
  }

  startScheduler(): Running {
    const name = `s${this.schedulers.length + 1}`;
    const process = new Process();
    const { breakStore = (store) => store, breakClient = (client) => client, settings, listed, prices } = this.options;
    const scheduler = createScheduler({
      store: mortalStore(process, breakStore(this.core.connect())),
      clients: (url) => mortalClient(process, breakClient(this.at(url).link())),
      clock: mortalClock(process, this.clock),
      log: silentLog,
      address: name,
      placement: { weights: WEIGHTS.headroom, prices: prices ?? null },
      settings: { ...(listed ? { listedUrls: this.machines.map(({ url }) => url) } : {}), ...settings },
      ...(this.options.eventLog === undefined ? {} : { eventLog: this.options.eventLog }),
      newId: () => `${name}-${++this.ids}`,
    });
    const running = { name, process, scheduler };
    this.schedulers.push(running);
    // A dead process never ends; one that fails on a bug must be heard.
    scheduler.run(new AbortController().signal).catch((error: unknown) => this.failures.push(error));
    return running;
  }

  readonly failures: unknown[] = [];
  private readonly untold: (() => void)[] = [];
  /** VMs that a test has put on two hosts by hand. */
  readonly allowDoubles = new Set<string>();

  /** What the world does to a request is part of the test; anything else is a bug. */
  readonly report = (error: unknown): void => {
    if (!(error instanceof NotLeader) && !(error instanceof OperationalError)) this.failures.push(error);
  };

  machine(host: number): Machine {
    return this.machines[host - 1]!;
  }

  /** Another machine takes the host's name and address. */
  async replaceMachine(host: number): Promise<Machine> {
    const old = this.machine(host);
    old.kill();
    const machine = new Machine(this.clock, old.name, `${old.machineId}-new`, old.labels, this.network);
    this.machines[host - 1] = machine;
    await machine.start();
    return machine;
  }

  /** The one that decides now, or null. */
  leader(): Running | null {
    const leading = this.schedulers.filter(
      ({ process, scheduler }) => !process.isDead && !process.isFrozen && scheduler.leadership().role === "leader",
    );
    return leading.at(-1) ?? null;
  }

  get scheduler(): Scheduler {
    const leader = this.leader();
    assert.ok(leader !== null, "somebody leads");
    return leader.scheduler;
  }

  kill(running: Running): void {
    running.process.kill();
    this.core.bury(running.name);
  }

  /** Frozen, and given up by the store: another one may lead. It does not know. */
  freeze(running: Running): void {
    running.process.freeze();
    const tenure = this.core.current();
    if (tenure?.candidate !== running.name) return;
    this.core.depose(tenure, "frozen", false);
    this.untold.push(() => tenure.ending.abort(new Error("another one leads by now")));
  }

  /** The frozen go on where they were. A little later, those that led learn that they do not any more. */
  async thaw(): Promise<void> {
    for (const { process } of this.schedulers) process.thaw();
    await this.clock.advance(500);
    for (const tell of this.untold.splice(0)) tell();
  }

  // Time

  /** Time passes; hosts heartbeat and tick every five seconds. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5_000) {
      await this.beat();
      await this.clock.advance(Math.min(left, 5_000));
      for (const machine of this.machines) await machine.tick();
      this.checkNow();
    }
  }

  /** Long enough for everybody to be heard of. */
  settle(): Promise<void> {
    return this.advance(15_000);
  }

  async run<T>(work: Promise<T>): Promise<T> {
    return this.clock.runUntil(work);
  }

  private async beat(): Promise<void> {
    const leader = this.leader();
    if (leader === null || this.options.listed) return;
    const hearts = this.machines.map((machine) => this.heartbeat(leader.scheduler, machine).catch(this.report));
    await Promise.race([Promise.all(hearts), this.clock.advance(1_000)]);
  }

  private async heartbeat(scheduler: Scheduler, machine: Machine): Promise<void> {
    const { agent, machineId, name: host, url } = machine;
    if (agent === null || !machine.reachable) return;
    const at = this.clock.now();
    const answer = await scheduler.heartbeat({ host, machineId, tag: agent.tag(), at });
    if (answer.ok && answer.value.wants === "report") await scheduler.register({ url, report: agent.hostReport(), at });
  }

  // What must be true

  /** At any moment: no VM runs, or is kept, twice, and no host's pools are above what they sell. */
  checkNow(): void {
    if (this.failures.length > 0) throw this.failures[0];
    const where = new Map<string, string>();
    for (const machine of this.machines) {
      for (const name of machine.domains()) {
        const other = where.get(name);
        // While it is handed over, a second host has it without running it.
        if (this.allowDoubles.has(name) || machine.isHandingOver(name)) continue;
        assert.equal(other, undefined, `${name} exists on ${other} and on ${machine.name}`);
        where.set(name, machine.name);
      }
      if (machine.agent !== null) assert.deepEqual(checkHost(machine.policy, machine.agent.host()), []);
    }
  }

  /** Once everything has settled: records and domains are the same VMs, on the same hosts. */
  checkSettled(): void {
    this.checkNow();
    const { scheduler } = this;
    const records = scheduler.vms().map(({ name, host, uuid, state }) => ({ name, host, uuid, state }));
    const domains = this.machines.flatMap((machine) =>
      machine
        .domains()
        .map((name) => ({ name, host: machine.name, uuid: machine.uuidOf(name), state: "running" as const })),
    );
    assert.deepEqual(
      records,
      domains.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }

  // Requests

  deploy(name: string, more: Partial<ClusterDeploy> = {}) {
    return this.run(this.scheduler.deploy(deployRequest(name, more)));
  }

  remove(name: string) {
    return this.run(this.scheduler.remove(name));
  }

  at(url: string): Machine {
    const found = this.machines.find((machine) => machine.url === url);
    assert.ok(found !== undefined, `there is a machine at ${url}`);
    return found;
  }
}

export const deployRequest = (name: string, more: Partial<ClusterDeploy> = {}): ClusterDeploy => ({
  name,
  vcpus: 2,
  memoryMiB: mib(1024),
  ratio: ratio(1),
  image: null,
  ...more,
});
