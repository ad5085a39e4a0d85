/**
 * A SchedulerService in memory, of one host: for what a real one cannot be made to do on command (stand by, lose its
 * leadership half-way, fail). Conversations that depend on decisions run on a real cluster instead (cluster.ts).
 */
import { NO_CONSTRAINTS } from "../../src/core/placement/model.js";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import type { App } from "../../src/http/app-type.js";
import { createSchedulerApp } from "../../src/http/scheduler/app.js";
import type { SchedulerAppOptions } from "../../src/http/scheduler/options.js";
import type { HostEstimate } from "../../src/ports/estimates.js";
import type { KeptEstimate, PastEstimate } from "../../src/scheduler/estimates.js";
import {
  type Adoption,
  type ClusterDeploy,
  type ClusterEvent,
  type ClusterEventKind,
  type ClusterExplanation,
  type ClusterHost,
  type ClusterMoves,
  type ClusterRefusal,
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
} from "../../src/scheduler/service.js";
import { IMAGES, LogBook, realClock } from "../http/support.js";

export interface ServedScheduler {
  readonly app: App;
  readonly log: LogBook;
}

export function schedulerApp(scheduler: SchedulerService, options: Partial<SchedulerAppOptions> = {}): ServedScheduler {
  const log = new LogBook();
  const app = createSchedulerApp({
    tokens: null,
    log,
    clock: realClock,
    seedCalls: true,
    maximumRatio: ratio(16),
    imageFolders: [IMAGES],
    clusterToken: null,
    version: "test",
    ...options,
    scheduler,
  });
  return { app, log };
}

const refuse = (refusal: ClusterRefusal): { readonly ok: false; readonly refusal: ClusterRefusal } => ({
  ok: false,
  refusal,
});
const ok = <T>(value: T): ClusterResult<T> => ({ ok: true, value });

export class SchedulerDouble implements SchedulerService {
  /** May be changed by a test at any time. */
  leading: Leadership = { role: "leader", epoch: 7, leader: "http://127.0.0.1:8100" };
  current = true;
  /** Runs before each change; throw to fail, wait to be slow. */
  beforeChange: () => Promise<void> = async () => undefined;
  /** Refuses everything with this, when set. */
  refusal: ClusterRefusal | null = null;
  readonly deploys: ClusterDeploy[] = [];
  readonly registrations: Registration[] = [];
  readonly beats: Heartbeat[] = [];
  published: readonly KeptEstimate[] = [];
  private readonly known = new Map<string, ClusterVm>();
  private readonly cordoned = new Set<string>();
  private readonly events: ClusterEvent[] = [];
  private readonly listeners = new Set<(event: ClusterEvent) => void>();

  leadership = (): Leadership => this.leading;
  ready = (): boolean => this.current;

  async deploy(request: ClusterDeploy): Promise<ClusterResult<ClusterVm>> {
    await this.change();
    this.deploys.push(request);
    if (this.refusal !== null) return refuse(this.refusal);
    if (this.known.has(request.name)) return refuse({ code: "name-taken", reason: `There is a VM ${request.name}` });
    const vm = vmOf(request);
    this.known.set(vm.name, vm);
    this.report("vm-placed", vm.name);
    return ok(vm);
  }

  async publishEstimates(estimates: readonly HostEstimate[]) {
    await this.change();
    this.published = estimates.map((estimate) => ({
      id: estimate.host,
      estimate,
      age: milliseconds(1_500),
      stale: false,
    }));
    return { taken: estimates.length, unknown: ["nobody"] };
  }

  estimates = () => this.published;
  estimateCourse = (host: string): readonly PastEstimate[] =>
    this.published.filter(({ id }) => id === host).map(({ estimate }) => estimate);

  async remove(name: string): Promise<ClusterResult<ClusterVm>> {
    await this.change();
    const vm = this.known.get(name);
    if (vm === undefined) return refuse({ code: "unknown-vm", reason: `There is no VM ${name}` });
    this.known.delete(name);
    return ok(vm);
  }

  async resize(request: ClusterResize): Promise<ClusterResult<ClusterVm>> {
    await this.change();
    const vm = this.known.get(request.name);
    if (vm === undefined) return refuse({ code: "unknown-vm", reason: `There is no VM ${request.name}` });
    const next = { ...vm, vcpus: request.vcpus ?? vm.vcpus };
    this.known.set(vm.name, next);
    return ok(next);
  }

  cordon = (id: string): Promise<ClusterResult<ClusterHost>> => this.operate(id, () => this.cordoned.add(id));
  uncordon = (id: string): Promise<ClusterResult<ClusterHost>> => this.operate(id, () => this.cordoned.delete(id));
  forget = (id: string): Promise<ClusterResult<ClusterHost>> => this.operate(id, () => undefined);

  async drain(id: string): Promise<ClusterResult<Drain>> {
    const host = await this.operate(id, () => this.cordoned.add(id));
    return host.ok ? ok(this.drainOf(host.value)) : host;
  }

  async drainProgress(id: string): Promise<ClusterResult<Drain>> {
    const host = await this.operate(id, () => undefined);
    return host.ok ? ok(this.drainOf(host.value)) : host;
  }

  private drainOf(host: ClusterHost): Drain {
    const stuck = { state: "stuck", to: null, reason: "A double moves nothing" } as const;
    const moves = this.vms().map(({ name }) => ({ vm: name, ...stuck }));
    return { host, remaining: this.vms(), moves, advice: "Remove them." };
  }

  async adopt(dryRun: boolean): Promise<ClusterResult<Adoption>> {
    await this.change();
    return ok({ dryRun, epoch: dryRun ? 7 : 51, highest: 50, ahead: ["host-a"], silent: [] });
  }

  async register(registration: Registration): Promise<ClusterResult<HeartbeatAnswer>> {
    await this.change();
    this.registrations.push(registration);
    return this.refusal === null ? ok(this.wanting("nothing")) : refuse(this.refusal);
  }

  async heartbeat(beat: Heartbeat): Promise<ClusterResult<HeartbeatAnswer>> {
    await this.change();
    this.beats.push(beat);
    return ok(this.wanting("report"));
  }

  async inspect(name: string): Promise<ClusterVm | null> {
    await this.change();
    return this.vm(name);
  }

  vm = (name: string): ClusterVm | null => this.known.get(name) ?? null;
  vms = (): readonly ClusterVm[] => [...this.known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  hosts = (): readonly ClusterHost[] => ["host-a", "host-b"].map((id) => this.hostOf(id));
  host = (id: string): ClusterHost | null => this.hosts().find((host) => host.id === id) ?? null;

  moves(): ClusterMoves {
    return {
      items: [],
      waiting: [],
      budget: { perRequest: 0, perHour: 60, begun: 0, planned: 0, nextIn: null },
    };
  }

  explain({ vcpus, memoryMiB, ratio: wanted }: ClusterDeploy): ClusterExplanation {
    const verdict = { filter: "memory", veto: "needs more", advisory: false };
    const advice = { filter: "estimated-cpu", veto: "too busy", advisory: true };
    return {
      shape: { vcpus, memoryMiB, ratio: wanted },
      constraints: NO_CONSTRAINTS,
      chosen: "host-a",
      hosts: [
        {
          hostId: "host-a",
          verdicts: [{ ...verdict, veto: null }, advice],
          scores: [{ weigher: "balance", weight: 2, score: 0.25 }],
          score: 0.5,
          room: 3,
          expected: { pcpus: 12.5, memoryMiB: null },
        },
        { hostId: "host-b", verdicts: [verdict], scores: null, score: null, room: 0, expected: null },
      ],
      vetoes: { memory: 1 },
      makesRoom: { host: "host-b", moves: [{ vm: "web", from: "host-b", to: "host-a" }], automatic: true },
      prices: {
        price: 0.125,
        source: "learnt",
        vms: 40,
        others: 3,
        host: { pcpus: 32, memoryMiB: mib(131_072) },
        since: milliseconds(1),
      },
    };
  }

  eventsOf = (vm: string): readonly ClusterEvent[] => this.events.filter((event) => event.vm === vm);

  clusterStatus = (): ClusterStatus => ({
    leadership: this.leading,
    store: { kind: "embedded", where: "/var/lib/headroom/cluster", reachable: true, problem: null },
    hosts: { up: 2, suspect: 0, down: 0, new: 0 },
    vms: { total: this.known.size, placing: 0, removing: 0, migrating: 0, lost: 0 },
    pcpus: { total: 32, free: 24 },
    memory: { capacityMiB: mib(131_072), freeMiB: mib(65_536) },
    problems: [],
  });
  seedStatus = () => ({});
  eventsAfter = (id: number) => this.events.filter((event) => event.id > id);

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  report(kind: ClusterEventKind, vm: string | null): void {
    const event = { id: this.events.length + 1, at: milliseconds(1), kind, vm, host: "host-a", message: kind };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
  }

  private async change(): Promise<void> {
    if (this.leading.role !== "leader") throw new NotLeader(this.leading.leader);
    await this.beforeChange();
  }

  private async operate(id: string, work: () => unknown): Promise<ClusterResult<ClusterHost>> {
    await this.change();
    if (this.host(id) === null) return refuse({ code: "unknown-host", reason: `There is no host ${id}` });
    work();
    return ok(this.hostOf(id));
  }

  private wanting = (wants: HeartbeatAnswer["wants"]): HeartbeatAnswer => ({
    wants,
    epoch: this.leading.epoch ?? 0,
    next: milliseconds(5_000),
  });

  private hostOf(id: string): ClusterHost {
    return {
      id,
      url: `http://${id}:8099`,
      state: "up",
      silence: milliseconds(12),
      cordoned: this.cordoned.has(id),
      agentCordoned: false,
      draining: false,
      machineId: `machine-${id}`,
      labels: {},
      vmCount: id === "host-a" ? this.known.size : 0,
      reserved: 0,
      status: null,
      clockSkew: null,
      problems: [],
    };
  }
}

const vmOf = ({ name, vcpus, memoryMiB, ratio: wanted, image, constraints }: ClusterDeploy): ClusterVm => ({
  name,
  host: "host-a",
  state: "running",
  vcpus,
  memoryMiB,
  ratio: wanted,
  image,
  uuid: "00000000-0000-4000-8000-000000000001",
  deployedHere: true,
  antiAffinity: constraints?.antiAffinity ?? null,
  hosts: ["host-a"],
  view: null,
});
