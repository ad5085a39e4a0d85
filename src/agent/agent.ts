/**
 * The host agent: observes the hypervisor, plans, applies (DESIGN "The shape"). Requests and ticks go through one queue; the
 * decisions are in core (pools, reconcile), the steps in the files beside this one. Stopping it leaves the guests running.
 */
import { randomUUID } from "node:crypto";
import type { HostState, VmSpec } from "../core/pool/model.js";
import { progress } from "../core/pool/progress.js";
import { type SeedStatus, seedStatus } from "../core/pool/status.js";
import type { VmRecord } from "../core/reconcile/model.js";
import { type Result, refuse } from "../core/result.js";
import type { Topology } from "../core/topology/model.js";
import { type MiB, milliseconds } from "../core/units.js";
import { type HostReport, type HostStatus, reportTag } from "../ports/agent-client.js";
import { OperationalError } from "../ports/errors.js";
import type { HypervisorEvent, HypervisorHost } from "../ports/hypervisor.js";
import { joined } from "../ports/signals.js";
import { Alarm } from "./alarm.js";
import { HostMemoryKeeper, promisedMiB } from "./balloon/host-memory.js";
import { checkTopology } from "./check-topology.js";
import type { AgentContext } from "./context.js";
import { type AgentMetrics, Counters, type RequestKind } from "./counters.js";
import { deployVm } from "./deploy.js";
import { EventLog } from "./events.js";
import { guarded } from "./guard.js";
import { journalEncoder } from "./journal.js";
import { lookAt } from "./look.js";
import { Departures } from "./migration/departures.js";
import { receiveVm } from "./migration/receive.js";
import { sendVm } from "./migration/send.js";
import type { Agent, AgentOptions, TickReport } from "./options.js";
import { Pinner } from "./pinner.js";
import { SerialQueue } from "./queue.js";
import { recoverState } from "./recovery.js";
import { removeVm } from "./remove.js";
import { hostStatus, type MachineFacts, ReadinessCount, reportOf, UNKNOWN_MACHINE } from "./report.js";
import { resizeVm } from "./resize.js";
import { revokeRequest } from "./revoke.js";
import type {
  AgentEvent,
  AgentStatus,
  DeployRequest,
  Explanation,
  ReceiveRequest,
  RemoveOptions,
  ResizeRequest,
  Revocation,
  RevokeRequest,
  SendRequest,
  VmView,
} from "./service.js";
import { DEFAULT_AGENT_SETTINGS } from "./settings.js";
import { emptyState, isMoving } from "./state.js";
import { StateStore } from "./store.js";
import { runTick, TickMemory, type TickOutcome } from "./tick.js";
import { explanation, statusView, visibleVms, vmView } from "./views.js";
import { visibleVm } from "./visible.js";

export type { Agent, AgentOptions, TickReport } from "./options.js";

export const createAgent = (options: AgentOptions): Agent => new HostAgent(options);

class HostAgent implements Agent {
  private readonly context: AgentContext;
  private readonly queue = new SerialQueue();
  private readonly alarm: Alarm;
  private readonly memory = new TickMemory();
  private readonly stopping = new AbortController();
  private readonly capacityMiB: MiB;
  private readonly machine: MachineFacts;
  private readonly instance = randomUUID();
  private readonly readiness = new ReadinessCount();
  private facts: HypervisorHost | null = null;
  private lastTick: TickReport | null = null;
  private tickEndedAt = milliseconds(0);
  /** The journal is read, or the state rebuilt. */
  private loaded = false;
  /** A tick has seen all domains, and nothing from before the start is unsettled. */
  private settled = false;
  private unsubscribe: (() => void) | null = null;

  constructor(private readonly options: AgentOptions) {
    const { policy, hypervisor, clock, log, images, journal, forecasts, openWindow } = options;
    const settings = { ...DEFAULT_AGENT_SETTINGS, ...options.settings };
    this.machine = { ...UNKNOWN_MACHINE, ...options.machine };
    this.capacityMiB = promisedMiB(policy, settings);
    this.alarm = new Alarm(clock, settings.tickInterval, settings.earlyTickGap);
    const counters = new Counters();
    const encode = journalEncoder(policy, this.capacityMiB);
    this.context = {
      policy,
      hypervisor,
      clock,
      log,
      images,
      forecasts: forecasts ?? null,
      openWindow: openWindow ?? null,
      settings,
      store: new StateStore(emptyState(policy.initial(this.capacityMiB)), journal, encode, log, counters),
      events: new EventLog(clock, log),
      pinner: new Pinner(hypervisor, counters, (vm) => isMoving(this.context.store.state, vm)),
      departures: new Departures(hypervisor, clock, log, settings.migrationPatience, () => this.alarm.ring()),
      view: this.viewOf,
      memory: new HostMemoryKeeper(policy, settings),
      counters,
      newUuid: options.newUuid ?? randomUUID,
      wake: () => this.alarm.ring(),
    };
  }

  async start(): Promise<void> {
    const { hypervisor } = this.context;
    this.unsubscribe = hypervisor.subscribe((event) => this.heard(event));
    await hypervisor.connect();
    this.facts = await hypervisor.host();
    checkTopology(this.context.policy, this.facts);
    await this.tick();
  }

  async tick(): Promise<TickReport> {
    return this.queue.run(() => this.tickNow());
  }

  async run(signal: AbortSignal): Promise<void> {
    const { signal: either, release } = joined(signal, this.stopping.signal);
    for (;;) {
      await this.alarm.wait(this.tickEndedAt, either);
      if (either.aborted) return release();
      try {
        await this.tick();
      } catch (error) {
        // A bug: nothing was applied, and the process says so. The next tick may well find another picture.
        if (!either.aborted) this.context.log.error({ err: error }, "a tick failed on a bug; nothing was applied");
      }
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.context.departures.stopAll();
    await this.queue.close();
    await this.context.store.flush();
    this.unsubscribe?.();
    await this.options.recorder?.close();
    await this.context.hypervisor.close();
  }

  // Changes

  deploy(request: DeployRequest): Promise<Result<VmView>> {
    return this.change("deploy", request, () => deployVm(this.context, request, this.viewOf));
  }

  remove(name: string, options: RemoveOptions = {}): Promise<Result<VmView>> {
    return this.change("remove", options, () => removeVm(this.context, name, options, this.viewOf));
  }

  resize(request: ResizeRequest): Promise<Result<VmView>> {
    return this.change("resize", request, () => resizeVm(this.context, request, this.viewOf));
  }

  receive(request: ReceiveRequest): Promise<Result<VmView>> {
    return this.change("receive", request, () => receiveVm(this.context, request, this.viewOf));
  }

  send(request: SendRequest): Promise<Result<VmView>> {
    return this.change("send", request, () => sendVm(this.context, request, this.viewOf));
  }

  revoke(request: RevokeRequest): Promise<Result<Revocation>> {
    return this.enqueue(() => revokeRequest(this.context, request, this.viewOf));
  }

  look(name: string, epoch: number): Promise<Result<VmView>> {
    return this.enqueue(() => lookAt(this.context, name, epoch, this.viewOf));
  }

  cordon(on: boolean): Promise<void> {
    return this.queue.run(async () => {
      this.mustBeReady();
      const { store, events } = this.context;
      if (store.state.cordoned === on) return;
      await store.save({ ...store.state, cordoned: on, generation: store.state.generation + 1 });
      events.emit(on ? "cordoned" : "uncordoned", null, `the host takes ${on ? "no new VMs" : "new VMs again"}`);
    });
  }

  // Views

  vm(name: string): VmView | null {
    const { state } = this.context.store;
    const vm = visibleVm(state, name);
    return vm === null ? null : this.viewOf(vm, state.host);
  }

  vms(): readonly VmView[] {
    const { state } = this.context.store;
    return visibleVms(state).map((vm) => this.viewOf(vm, state.host));
  }

  status(): AgentStatus {
    const { policy, store, hypervisor, settings } = this.context;
    const tick = this.lastTick;
    return statusView(policy, store.state, this.memory.usage?.report ?? null, {
      hostname: settings.hostname ?? this.facts?.hostname ?? "",
      hypervisor: {
        uri: hypervisor.uri,
        connected: hypervisor.isConnected(),
        accelerator: this.facts?.accelerator ?? "unknown",
      },
      lastTick: tick === null ? null : { at: tick.at, durationMs: tick.durationMs, actions: tick.actions },
      problems: tick === null ? [] : tick.failure === null ? tick.problems : [tick.failure, ...tick.problems],
      generation: this.generation(),
      roomMiB: this.context.memory.roomMiB(store.state),
      outlooks: this.memory.pools?.outlooks(this.host()) ?? null,
    });
  }

  hostStatus(): HostStatus {
    const { policy, store } = this.context;
    const standing = {
      machineId: this.machineId(),
      instance: this.instance,
      ready: this.ready(),
      migrationAddress: this.context.hypervisor.migrationAddress,
    };
    return hostStatus(this.status(), policy, store.state.host, this.machine, standing);
  }

  hostReport(): HostReport {
    return reportOf(this.hostStatus(), this.context.store.state);
  }

  tag(): string {
    return reportTag({ instance: this.instance, generation: this.generation() });
  }

  requestIdOf(name: string): string | null {
    return visibleVm(this.context.store.state, name)?.requestId ?? null;
  }

  seedStatus(): SeedStatus {
    return seedStatus(this.host(), this.context.policy);
  }

  progress(vm: VmSpec): number {
    return progress(this.host(), this.context.policy, vm);
  }

  explain(vm: VmSpec): Explanation {
    const outlooks = this.memory.pools?.outlooks(this.host()) ?? null;
    return explanation(this.context, vm, this.memory.usage?.report ?? null, outlooks);
  }

  host(): HostState {
    return this.context.store.state.host;
  }

  topology(): Topology {
    return this.context.policy.settings.topology.topology;
  }

  ready(): boolean {
    return this.settled && this.context.hypervisor.isConnected() && !this.stopping.signal.aborted;
  }

  eventsAfter(id: number): readonly AgentEvent[] {
    return this.context.events.after(id);
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    return this.context.events.subscribe(listener);
  }

  metrics(): AgentMetrics {
    return this.context.counters.snapshot();
  }

  // Inside

  private readonly viewOf = (vm: VmRecord, host: HostState): VmView => {
    const shown = vmView(this.context.policy, host, vm, this.memory.usage?.report ?? null);
    return isMoving(this.context.store.state, vm.name) ? { ...shown, state: "migrating" } : shown;
  };

  /** Of pools and VMs, and of whether requests are taken at all. */
  private generation(): number {
    const { memory, store } = this.context;
    return store.state.generation + this.readiness.look(this.ready()) + memory.changes(store.state);
  }

  private machineId(): string {
    return this.machine.machineId ?? this.facts?.machineId ?? this.context.hypervisor.uri;
  }

  private async change(
    kind: RequestKind,
    from: RemoveOptions,
    job: () => Promise<Result<VmView>>,
  ): Promise<Result<VmView>> {
    const { counters } = this.context;
    try {
      const result = await this.enqueue(() =>
        guarded(this.context, kind, from, this.viewOf, async () => {
          this.mustBeReady();
          const done = await job();
          if (done.ok) this.record();
          return done;
        }),
      );
      counters.request(kind, result.ok ? "accepted" : "refused");
      return result;
    } catch (error) {
      counters.request(kind, "failed");
      throw error;
    }
  }

  private async enqueue<T>(job: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.queue.length >= this.context.settings.longestQueue) {
      return refuse("busy", `${this.queue.length} requests wait already; ask again`, { waiting: this.queue.length });
    }
    return this.queue.run(async () => {
      // What the journal says is not known yet.
      if (!this.loaded) this.mustBeReady();
      return job();
    });
  }

  private mustBeReady(): void {
    const { hypervisor } = this.context;
    if (!hypervisor.isConnected()) {
      throw new OperationalError(
        "hypervisor-unreachable",
        `the hypervisor at ${hypervisor.uri} is not reachable now`,
        true,
      );
    }
    if (!this.settled) {
      throw new OperationalError("hypervisor-unreachable", "the agent has not yet seen all domains of its host", true);
    }
  }

  private async tickNow(): Promise<TickReport> {
    const { clock, counters, log } = this.context;
    const [at, began] = [clock.now(), clock.monotonic()];
    let outcome: TickOutcome = { actions: 0, problems: this.lastTick?.problems ?? [] };
    let failure: string | null = null;
    try {
      if (!this.loaded) await this.load();
      outcome = await runTick(this.context, this.memory, this.options.hostProbe ?? null);
      const { state } = this.context.store;
      this.settled ||= [...state.tasks.keys()].every((name) => isMoving(state, name));
      this.record();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      failure = `the last tick failed: ${error.message}`;
      log.warn({ err: error }, "the tick failed; the next one tries again");
    } finally {
      counters.tick(milliseconds(clock.monotonic() - began), failure !== null);
    }
    this.tickEndedAt = clock.monotonic();
    this.lastTick = { at, durationMs: milliseconds(clock.monotonic() - began), failure, ...outcome };
    return this.lastTick;
  }

  private async load(): Promise<void> {
    const { journal, corruptJournal } = this.options;
    const journals = { journal, aside: corruptJournal ?? null };
    this.context.store.set(await recoverState(this.context, journals, this.capacityMiB));
    this.loaded = true;
  }

  /** A recording that cannot be written costs no guest anything: it is logged, and the agent goes on. */
  private record(): void {
    const { recorder } = this.options;
    if (!recorder) return;
    const { policy, store, clock, log } = this.context;
    try {
      recorder.record(policy, store.state, this.memory.usage?.report ?? null, clock.now());
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      log.warn({ err: error }, "the recording could not be written");
    }
  }

  private heard(event: HypervisorEvent): void {
    const { events, pinner, hypervisor } = this.context;
    if (event.kind === "disconnected") {
      events.emit("hypervisor-lost", null, `the connection to ${hypervisor.uri} is lost: ${event.reason}`);
      return;
    }
    if (event.kind === "reconnected")
      events.emit("hypervisor-back", null, `the connection to ${hypervisor.uri} is back`);
    if (event.kind === "started") pinner.forget(event.name);
    this.memory.heard(event);
    this.alarm.ring();
  }
}
