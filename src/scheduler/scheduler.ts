/**
 * A scheduler process: stands for election, leads while it may (reign.ts), stands by otherwise (standby.ts). Stopping it, or
 * killing it, leaves every VM where it is; another scheduler, or this one anew, goes on from the store.
 */
import { randomUUID } from "node:crypto";
import type { ClusterPlacement } from "../core/placement/learning/pricing.js";
import type { SeedStatus } from "../core/pool/status.js";
import { milliseconds } from "../core/units.js";
import type { AgentClients } from "../ports/agent-client.js";
import type { AppendFile } from "../ports/append-file.js";
import type { Clock } from "../ports/clock.js";
import type * as clusterStore from "../ports/cluster-store.js";
import { OperationalError } from "../ports/errors.js";
import type { HostEstimate } from "../ports/estimates.js";
import type { Log } from "../ports/log.js";
import { joined } from "../ports/signals.js";
import { adoptHosts } from "./adopt.js";
import { deployVm } from "./deploy.js";
import type { KeptEstimate, PastEstimate, Published } from "./estimates.js";
import { ClusterEvents } from "./events.js";
import { inspectVm } from "./inspect.js";
import { heartbeat, register } from "./inventory.js";
import { cordonHost, drainHost, drainProgress, forgetHost, uncordonHost } from "./operations.js";
import { publishEstimates } from "./publish.js";
import { EPOCH_RECORDS } from "./record-model.js";
import { Reign, type SchedulerPorts } from "./reign.js";
import { removeVm } from "./remove.js";
import { resizeVm } from "./resize.js";
import { shapeOf } from "./room.js";
import { explainedRoom } from "./room-plan.js";
import {
  type Adoption,
  type ClusterDeploy,
  type ClusterEvent,
  type ClusterExplanation,
  type ClusterHost,
  type ClusterMoves,
  type ClusterResize,
  type ClusterResult,
  type ClusterStatus,
  type ClusterVm,
  type Drain,
  type Heartbeat,
  type HeartbeatAnswer,
  type Leadership,
  NotLeader,
  type Registration,
  type SchedulerService,
} from "./service.js";
import { DEFAULT_SCHEDULER_SETTINGS, type SchedulerSettings } from "./settings.js";
import { shownHost, shownHosts, shownVm, shownVms } from "./shown.js";
import { shownMoves } from "./shown-moves.js";
import { Standby } from "./standby.js";
import { takeOver } from "./takeover.js";
import { Rounds } from "./tick.js";
import { clusterProblems, seedStatusOfHost, totals } from "./views.js";

export interface SchedulerOptions {
  readonly store: clusterStore.ClusterStore;
  readonly clients: AgentClients;
  readonly clock: Clock;
  readonly log: Log;
  /** Where this scheduler's own HTTP interface is reached; what others are told while it leads. */
  readonly address: string;
  readonly placement: ClusterPlacement;
  readonly settings?: Partial<SchedulerSettings>;
  /** Events are appended to it, one JSON object a line; the caller closes it. */
  readonly eventLog?: AppendFile | null;
  /** Fresh ids; replaced in tests. */
  readonly newId?: () => string;
}

export interface Scheduler extends SchedulerService {
  /** Stands for election and leads, again and again, until `signal` aborts or `stop`. Throws what no new election mends. */
  run(signal: AbortSignal): Promise<void>;
  /** Lets the requests under way end (for a moment), then gives the leadership back. Does not close the store. */
  stop(): Promise<void>;
}

export const createScheduler = (options: SchedulerOptions): Scheduler => new ClusterScheduler(options);

/** Between two questions of a standby who leads, and after a leadership that could not even begin. */
const STANDBY_INTERVAL = milliseconds(1_000);
/** Of a scheduler that stops, for the requests under way. */
const STOP_PATIENCE = milliseconds(5_000);

class ClusterScheduler implements Scheduler {
  private readonly settings: SchedulerSettings;
  private readonly ports: SchedulerPorts;
  private readonly events: ClusterEvents;
  private readonly standby: Standby;
  private readonly stopping = new AbortController();
  private readonly underWay = new Set<Promise<unknown>>();
  private running: Promise<void> | null = null;
  /** Set from the election to the end of the leadership. */
  private reign: Reign | null = null;
  /** The take-over is done. */
  private deciding = false;
  private known: clusterStore.Leader | null = null;

  constructor(private readonly options: SchedulerOptions) {
    const { store, clients, clock, log, newId = randomUUID } = options;
    this.settings = { ...DEFAULT_SCHEDULER_SETTINGS, ...options.settings };
    this.ports = { store, clients, clock, log, newId };
    this.events = new ClusterEvents(clock, log, options.eventLog ?? null);
    this.standby = new Standby(store, log);
  }

  // Life

  run(signal: AbortSignal): Promise<void> {
    this.running ??= this.live(joined(signal, this.stopping.signal).signal);
    return this.running;
  }

  async stop(): Promise<void> {
    const patience = new AbortController();
    this.deciding = false;
    await Promise.race([
      Promise.allSettled([...this.underWay]),
      this.ports.clock.sleep(STOP_PATIENCE, patience.signal),
    ]);
    patience.abort();
    this.stopping.abort(new Error("the scheduler is stopping"));
    await this.running;
  }

  private async live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const leadership = await this.waitForElection(signal);
      if (leadership === null) return;
      try {
        await this.lead(leadership, signal);
      } catch (error) {
        if (!(error instanceof OperationalError) && !(error instanceof NotLeader)) throw error;
        this.ports.log.error({ err: error }, "this leadership could not begin, or go on; standing for election again");
      } finally {
        await leadership.resign();
      }
      await this.ports.clock.sleep(STANDBY_INTERVAL, signal);
    }
  }

  /** Null: `signal` has aborted. */
  private async waitForElection(signal: AbortSignal): Promise<clusterStore.Leadership | null> {
    const won = new AbortController();
    const { signal: meanwhile, release } = joined(signal, won.signal);
    const follows = Promise.all([this.standby.follow(meanwhile), this.followLeader(meanwhile)]);
    // Heard below, when there is something to do about it.
    follows.catch((error: unknown) => this.ports.log.error({ err: error }, "the store cannot be followed any more"));
    try {
      return await this.ports.store.campaign(this.options.address, signal);
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    } finally {
      won.abort();
      await follows;
      release();
    }
  }

  private async followLeader(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.known = await leaderNow(this.ports.store);
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error;
        this.known = null;
      }
      await this.ports.clock.sleep(STANDBY_INTERVAL, signal);
    }
  }

  private async lead(leadership: clusterStore.Leadership, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const { signal: over, release } = joined(leadership.lost, signal, ended.signal);
    const reign = new Reign(this.ports, this.settings, leadership, over, this.events, this.options.placement, (why) =>
      ended.abort(new Error(why)),
    );
    const rounds = new Rounds(reign);
    this.reign = reign;
    this.known = { candidate: this.options.address, epoch: leadership.epoch };
    try {
      this.events.emit("leader-elected", {}, `this scheduler leads (epoch ${leadership.epoch})`);
      await takeOver(reign, rounds);
      this.deciding = true;
      await this.goOn(reign, rounds);
    } finally {
      this.deciding = false;
      this.reign = null;
      this.known = null;
      ended.abort();
      release();
      this.events.emit("leader-lost", {}, reasonOf(over));
    }
  }

  private async goOn(reign: Reign, rounds: Rounds): Promise<void> {
    while (!reign.over) {
      void rounds.round();
      await reign.sleep(this.settings.tickInterval);
    }
  }

  // Changes

  deploy(request: ClusterDeploy): Promise<ClusterResult<ClusterVm>> {
    const id = request.requestId ?? this.ports.newId();
    return this.once(request.requestId, ["deploy", request], (reign) => deployVm(reign, request, id));
  }

  remove(name: string, requestId?: string): Promise<ClusterResult<ClusterVm>> {
    const id = requestId ?? this.ports.newId();
    return this.once(requestId, ["remove", name], (reign) => removeVm(reign, name, id));
  }

  resize(request: ClusterResize): Promise<ClusterResult<ClusterVm>> {
    return this.once(request.requestId, ["resize", request], (reign) => resizeVm(reign, request));
  }

  cordon(host: string): Promise<ClusterResult<ClusterHost>> {
    return this.led((reign) => cordonHost(reign, host));
  }

  uncordon(host: string): Promise<ClusterResult<ClusterHost>> {
    return this.led((reign) => uncordonHost(reign, host));
  }

  drain(host: string): Promise<ClusterResult<Drain>> {
    return this.led((reign) => drainHost(reign, host));
  }

  drainProgress(host: string): Promise<ClusterResult<Drain>> {
    return this.led((reign) => drainProgress(reign, host));
  }

  forget(host: string): Promise<ClusterResult<ClusterHost>> {
    return this.led((reign) => forgetHost(reign, host));
  }

  adopt(dryRun: boolean): Promise<ClusterResult<Adoption>> {
    return this.led((reign) => adoptHosts(reign, dryRun));
  }

  register(registration: Registration): Promise<ClusterResult<HeartbeatAnswer>> {
    return this.led((reign) => register(reign, registration));
  }

  heartbeat(beat: Heartbeat): Promise<ClusterResult<HeartbeatAnswer>> {
    return this.led((reign) => heartbeat(reign, beat));
  }

  publishEstimates(estimates: readonly HostEstimate[]): Promise<Published> {
    return this.led(async (reign) => publishEstimates(reign, estimates));
  }

  inspect(name: string): Promise<ClusterVm | null> {
    return this.led((reign) => inspectVm(reign, name));
  }

  // Reads

  leadership(): Leadership {
    const role = this.reign === null ? "standby" : this.deciding ? "leader" : "taking-over";
    return { role, epoch: this.reign?.epoch ?? this.known?.epoch ?? null, leader: this.known?.candidate ?? null };
  }

  ready(): boolean {
    return this.reign === null ? this.standby.current : this.deciding && !this.reign.over;
  }

  vm(name: string): ClusterVm | null {
    if (this.reign === null) return this.standby.vm(name);
    const record = this.reign.vms.get(name);
    return record === null ? null : shownVm(this.reign, record);
  }

  vms(): readonly ClusterVm[] {
    return this.reign === null ? this.standby.vms() : shownVms(this.reign);
  }

  host(id: string): ClusterHost | null {
    if (this.reign === null) return this.standby.hosts().find((host) => host.id === id) ?? null;
    const entry = this.reign.entries.get(id);
    return entry === undefined ? null : shownHost(this.reign, entry);
  }

  hosts(): readonly ClusterHost[] {
    return this.reign === null ? this.standby.hosts() : shownHosts(this.reign);
  }

  explain(request: ClusterDeploy): ClusterExplanation {
    const reign = this.mustLead();
    const explanation = reign.room.explain(request);
    const prices = reign.prices.shown(shapeOf(request));
    return { ...explanation, prices, makesRoom: explanation.chosen === null ? explainedRoom(reign, request) : null };
  }

  moves(): ClusterMoves {
    return shownMoves(this.mustLead());
  }

  estimateCourse(host: string): readonly PastEstimate[] {
    return this.reign?.estimates.course(host) ?? [];
  }

  estimates(): readonly KeptEstimate[] {
    return this.reign?.estimates.kept() ?? [];
  }

  clusterStatus(): ClusterStatus {
    const [hosts, vms] = [this.hosts(), this.vms()];
    const { kind, where, reachable, problem } = this.ports.store.status();
    return {
      leadership: this.leadership(),
      store: { kind, where, reachable, problem },
      ...totals(hosts, vms),
      problems: clusterProblems(hosts, vms),
    };
  }

  seedStatus(): Readonly<Record<string, SeedStatus>> {
    const status: Record<string, SeedStatus> = {};
    for (const host of this.hosts()) if (host.status !== null) status[host.url] = seedStatusOfHost(host.status);
    return status;
  }

  eventsAfter(id: number): readonly ClusterEvent[] {
    return this.events.after(id);
  }

  eventsOf(vm: string): readonly ClusterEvent[] {
    return this.events.of(vm);
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    return this.events.subscribe(listener);
  }

  // Inside

  private mustLead(): Reign {
    if (this.reign === null || !this.deciding || this.reign.over) throw new NotLeader(this.elsewhere());
    return this.reign;
  }

  /** Where to ask instead; null: nowhere yet. */
  private elsewhere(): string | null {
    const leader = this.known?.candidate ?? null;
    return leader === this.options.address ? null : leader;
  }

  private once(
    requestId: string | undefined,
    about: unknown,
    job: (reign: Reign) => Promise<ClusterResult<ClusterVm>>,
  ): Promise<ClusterResult<ClusterVm>> {
    return this.led((reign) => reign.answers.run(requestId, JSON.stringify(about), () => job(reign)));
  }

  private async led<T>(job: (reign: Reign) => Promise<T>): Promise<T> {
    const work = job(this.mustLead());
    this.underWay.add(work);
    try {
      return await work;
    } catch (error) {
      throw error instanceof NotLeader ? new NotLeader(this.elsewhere()) : error;
    } finally {
      this.underWay.delete(work);
    }
  }
}

async function leaderNow(store: clusterStore.ClusterStore): Promise<clusterStore.Leader | null> {
  const [leader, floor] = await Promise.all([store.leader(), store.get(`${EPOCH_RECORDS.prefix}floor`)]);
  const above = floor === null ? 0 : EPOCH_RECORDS.decode(floor.key, floor.value).above;
  return leader && { ...leader, epoch: leader.epoch + above };
}

const reasonOf = ({ reason }: AbortSignal): string =>
  reason instanceof Error ? reason.message : "this scheduler does not lead any more";
