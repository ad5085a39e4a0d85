/**
 * A cluster on a virtual clock: the real scheduler, real agents that tick and report to it as they do elsewhere, fake hypervisors, one
 * store. Everything happens in one order, which the options alone decide. What goes wrong is trouble.ts; who asks for VMs, tenants.ts.
 */

import { DEFAULT_COURSE_RULES } from "../agent/cluster/course.js";
import { keepInCluster } from "../agent/cluster/heartbeat.js";
import type { PriceSource } from "../core/placement/learning/pricing.js";
import { worthOfWanted } from "../core/placement/weighers/bid/prices.js";
import { milliseconds } from "../core/units.js";
import { drawFor, type Random, seededRandom } from "../core/workload/random.js";
import { FakeNetwork } from "../drivers/fake/migration.js";
import type { UsageProfile } from "../drivers/fake/usage-profile.js";
import { type VirtualClock, virtualClock } from "../drivers/fake/virtual-clock.js";
import { solverOfOwnThread } from "../drivers/highs/own-thread.js";
import { OperationalError } from "../ports/errors.js";
import type { SchedulerClient, SchedulerOutcome } from "../ports/scheduler-client.js";
import { createScheduler, type Scheduler } from "../scheduler/scheduler.js";
import { type ClusterResult, type HeartbeatAnswer, NotLeader } from "../scheduler/service.js";
import { DEADLINE_MS } from "./link.js";
import { Machine } from "./machine.js";
import { silentLog } from "./memory-ports.js";
import { StoreCore } from "./memory-store.js";
import type { SimulationOptions } from "./options.js";
import { mortalClient, mortalClock, mortalStore, Process } from "./process.js";
import type { StealMeter } from "./steal.js";

/** Midnight of a day in 2023, UTC: usage of which a day is meant begins with one. */
export const START_MS = 1_700_006_400_000;
/** Under which agents know their scheduler, whichever process it is. */
const SCHEDULER_URL = "http://scheduler:8100";

/** Heartbeats of silence, as by default. */
const [SUSPECT_AFTER, DOWN_AFTER] = [3, 12];
/** The scheduler looks about so often between two heartbeats, as by default, but no more often than a second. */
const LOOKS = 5;

/** Tells draws apart that are made from the one seed. */
const [UUID_SEED, BEAT_SEED] = [0x1b873593, 0x38495ab5];

export interface ClusterHooks {
  /** How a VM uses what it was sold. */
  readonly demandOf: (vm: string) => UsageProfile;
  readonly steal: StealMeter;
  /** Guests of the machine, or its agent's state, may have changed. */
  readonly changed: (machine: Machine) => void;
  /** The scheduler has moved a VM. */
  readonly moved: () => void;
  /** Everything that one event has set off is done. */
  readonly afterEach: () => void;
}

interface Running {
  readonly name: string;
  readonly process: Process;
  readonly scheduler: Scheduler;
}

export class SimulatedCluster {
  readonly clock: VirtualClock;
  readonly core = new StoreCore();
  readonly machines: readonly Machine[];
  /** Bugs of the programs; the first one ends the run. */
  readonly failures: unknown[] = [];
  events = 0;
  private readonly beatRandom: Random;
  private running: Running | null = null;
  private prices: PriceSource | null = null;
  private schedulers = 0;
  private ids = 0;

  constructor(
    private readonly options: SimulationOptions,
    private readonly hooks: ClusterHooks,
  ) {
    this.clock = virtualClock(START_MS, () => {
      this.events++;
      if (this.failures.length > 0) throw this.failures[0];
      hooks.afterEach();
    });
    this.beatRandom = seededRandom(options.seed ^ BEAT_SEED);
    const network = new FakeNetwork();
    const { policy, step, breaks } = options;
    const meter = { stepMs: step * 1000, observe: hooks.steal.observe };
    const width = String(options.hosts - 1).length;
    this.machines = Array.from({ length: options.hosts }, (_, host) => {
      const name = `h${String(host).padStart(width, "0")}`;
      return new Machine({
        clock: this.clock,
        name,
        machineId: `machine-${name}`,
        policy,
        network,
        world: { meter, seed: options.seed, demandOf: (domain) => hooks.demandOf(domain.name) },
        newUuid: () => this.newUuid(),
        changed: hooks.changed,
        ...(breaks?.hypervisor === undefined ? {} : { breakHypervisor: breaks.hypervisor }),
        ...(breaks?.policy === undefined ? {} : { breakPolicy: breaks.policy }),
      });
    });
    for (const machine of this.machines) machine.settings = this.agentSettings();
  }

  /** Everybody is there, and known to the scheduler. */
  async start(): Promise<void> {
    if (this.options.learnPrices === true) {
      const solve = await solverOfOwnThread();
      this.prices = { kind: "learnt", solve: (wanted, host) => worthOfWanted(wanted, host, solve) };
    }
    this.startScheduler();
    for (const machine of this.machines) this.startAgent(machine);
    await this.clock.advance(2 * this.options.tick * 1000);
  }

  /** Its agent starts, ticks, and keeps the host in the cluster, until it is killed. No error while it runs. */
  startAgent(machine: Machine): void {
    this.live(machine).catch((error: unknown) => this.failures.push(error));
  }

  private async live(machine: Machine): Promise<void> {
    const agent = await machine.begin();
    if (agent === null) return;
    const { process, url } = machine;
    const { signal } = new AbortController();
    const cluster = {
      agent,
      url,
      clients: () => this.wayToScheduler(machine, process),
      rules: {
        ...DEFAULT_COURSE_RULES,
        urls: [SCHEDULER_URL],
        secret: false,
        longestInterval: milliseconds(Math.max(DEFAULT_COURSE_RULES.longestInterval, this.options.tick * 1000)),
      },
      clock: mortalClock(process, this.clock),
      log: silentLog,
      random: this.beatRandom,
    };
    await Promise.all([agent.run(signal), keepInCluster(cluster, signal)]);
  }

  // The scheduler

  startScheduler(): void {
    const name = `scheduler-${++this.schedulers}`;
    const process = new Process();
    const { breaks, placement } = this.options;
    const clientOf = breaks?.client ?? ((client) => client);
    const byUrl = new Map(this.machines.map((machine) => [machine.url, machine]));
    const scheduler = createScheduler({
      store: mortalStore(process, this.core.connect()),
      clients: (url) => mortalClient(process, clientOf(byUrl.get(url)!.link())),
      clock: mortalClock(process, this.clock),
      log: silentLog,
      address: name,
      placement: { weights: placement, prices: this.prices },
      settings: this.schedulerSettings(),
      newId: () => `${name}-${++this.ids}`,
    });
    scheduler.subscribe(({ kind }) => kind === "vm-moved" && this.hooks.moved());
    this.running = { name, process, scheduler };
    scheduler.run(new AbortController().signal).catch((error: unknown) => this.failures.push(error));
  }

  /** No error while none runs. */
  killScheduler(): void {
    if (this.running === null) return;
    this.running.process.kill();
    this.core.bury(this.running.name);
    this.running = null;
  }

  /** The one that decides now; null: none. */
  leader(): Scheduler | null {
    const scheduler = this.running?.scheduler ?? null;
    return scheduler?.leadership().role === "leader" ? scheduler : null;
  }

  get schedulerRuns(): boolean {
    return this.running !== null;
  }

  /** From an agent's process to whoever leads. */
  private wayToScheduler(machine: Machine, process: Process): SchedulerClient {
    const tell = (what: (scheduler: Scheduler) => Promise<ClusterResult<HeartbeatAnswer>>): Promise<SchedulerOutcome> =>
      process.call(async () => {
        const leader = this.leader();
        if (machine.reachable && leader !== null) return told(what(leader));
        if (!machine.reachable) await this.clock.sleep(milliseconds(DEADLINE_MS));
        return { kind: "unanswered", reason: "no scheduler answers" };
      });
    return {
      register: (registration) => tell((scheduler) => scheduler.register(registration)),
      heartbeat: (beat) => tell((scheduler) => scheduler.heartbeat(beat)),
    };
  }

  // Inside

  private agentSettings() {
    const { tick, agent } = this.options;
    return { tickInterval: milliseconds(tick * 1000), ...agent };
  }

  private schedulerSettings() {
    const beatMs = this.options.tick * 1000;
    return {
      heartbeatInterval: milliseconds(beatMs),
      suspectAfter: milliseconds(SUSPECT_AFTER * beatMs),
      downAfter: milliseconds(DOWN_AFTER * beatMs),
      tickInterval: milliseconds(Math.max(1_000, beatMs / LOOKS)),
      migrationBudget: this.options.migrations ?? 0,
    };
  }

  /** In the form of a random one. */
  private newUuid(): string {
    const count = ++this.ids;
    const words = [0, 1, 2, 3].map((word) => Math.floor(drawFor(this.options.seed ^ UUID_SEED, count, word) * 2 ** 32));
    const hex = words.map((word) => word.toString(16).padStart(8, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}

async function told(answer: Promise<ClusterResult<HeartbeatAnswer>>): Promise<SchedulerOutcome> {
  try {
    const result = await answer;
    if (result.ok) return { kind: "answered", answer: result.value };
    return { kind: "refused", code: result.refusal.code, reason: result.refusal.reason };
  } catch (error) {
    if (error instanceof NotLeader) return { kind: "elsewhere", leader: null };
    if (error instanceof OperationalError) return { kind: "unanswered", reason: error.message };
    throw error;
  }
}
