/**
 * What a scheduler offers to HTTP and to tests: one interface, so that the server knows no internals. Refusals are values.
 * What cannot be decided now is thrown: `NotLeader` (ask the leader), and `OperationalError` with `agent-unreachable` (the
 * host that has, or may have, the VM does not answer) or a store's code. After a throw a change may have happened: repeated
 * with the same request id it is answered, never done twice.
 */
import type { PlacementExplanation } from "../core/placement/explain.js";
import type { ShownPrices } from "../core/placement/learning/pricing.js";
import type { RoomMoves } from "../core/placement/making-room.js";
import type { SeedStatus } from "../core/pool/status.js";
import type { RefusalCode } from "../core/result.js";
import type { MiB, Milliseconds, Ratio } from "../core/units.js";
import type { HostStatus } from "../ports/agent-client.js";
import type { VmState, VmView } from "../ports/agent-views.js";
import type { HostEstimate } from "../ports/estimates.js";
import type { Heartbeat, HeartbeatAnswer, Registration } from "../ports/scheduler-client.js";

import type { KeptEstimate, PastEstimate, Published } from "./estimates.js";

export type { Heartbeat, HeartbeatAnswer, Registration } from "../ports/scheduler-client.js";

/** Refusals that only a cluster has; an agent's own codes pass through. */
export const CLUSTER_REFUSAL_CODES = [
  /** No host takes the VM. `hosts` says why, host by host. */
  "no-host-fits",
  "unknown-host",
  /** The request id belongs to another VM. */
  "request-id-reused",
  /** Two hosts have a VM of this name: neither is touched until an operator removes one. */
  "vm-in-conflict",
  /** A registration under the name of a host that is alive and another machine. */
  "host-taken",
  /** Only a host that is silent can be given up. */
  "host-alive",
] as const;
export type ClusterRefusalCode = (typeof CLUSTER_REFUSAL_CODES)[number] | RefusalCode;

/** Why one host does not take a VM. */
export interface HostReason {
  readonly host: string;
  /** Of the filter, or of the agent's own refusal. */
  readonly code: string;
  readonly reason: string;
}

export interface ClusterRefusal {
  readonly code: ClusterRefusalCode;
  readonly reason: string;
  readonly details?: Readonly<Record<string, number | string | boolean | null>>;
  /** Up to 100 hosts; `details.hosts` counts all. */
  readonly hosts?: readonly HostReason[];
}

export type ClusterResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: ClusterRefusal };

export interface ClusterExplanation extends PlacementExplanation {
  /** By which the weigher `bid` scores; null: none, or none yet. */
  readonly prices: ShownPrices | null;
  /** The live moves after which a host would take the VM that none takes now. Null: one does, or no moves help. */
  readonly makesRoom: ClusterRoom | null;
}

export interface ClusterRoom extends RoomMoves {
  /** Whether a deploy has them made by itself. */
  readonly automatic: boolean;
}

/** A live move that is under way, or to be made. */
export interface ClusterMove {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  readonly memoryMiB: MiB;
  readonly state: "planned" | "moving";
  /** The VM for which it makes room; null: for none. */
  readonly waiting: string | null;
  /** In words. */
  readonly reason: string;
  /** Since it was begun, as far as this leader knows; null: it is not. */
  readonly lasts: Milliseconds | null;
}

/** A VM that waits for room, to be placed or to grow. */
export interface RoomWaiter {
  readonly vm: string;
  /** Where room is made; null: moves are looked for. */
  readonly host: string | null;
  /** That make the room, and those of them that are made. */
  readonly moves: number;
  readonly made: number;
  readonly waits: Milliseconds;
  /** After so long it waits no more. */
  readonly patience: Milliseconds;
}

export interface ClusterMoves {
  /** By VM. */
  readonly items: readonly ClusterMove[];
  readonly waiting: readonly RoomWaiter[];
  readonly budget: {
    /** Moves for each request; 0: no room is made. */
    readonly perRequest: number;
    readonly perHour: number;
    /** Of the last hour, by this leader; and set aside for moves that are planned. */
    readonly begun: number;
    readonly planned: number;
    /** When the oldest of the hour's moves counts no more; null: there is none. */
    readonly nextIn: Milliseconds | null;
  };
}

/** Where a VM may go, beyond what it needs. */
export interface Constraints {
  /** Labels that the host must have. */
  readonly labels?: Readonly<Record<string, string>>;
  /** VMs of the same group are on different hosts. */
  readonly antiAffinity?: string;
  /** Only these hosts. */
  readonly hosts?: readonly string[];
}

export interface ClusterDeploy {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null: the hosts' per-vCPU templates decide. */
  readonly ratio: Ratio | null;
  readonly image: string | null;
  readonly constraints?: Constraints;
  /** The caller's Idempotency-Key: same id, same VM. Made up when absent. */
  readonly requestId?: string;
}

export interface ClusterResize {
  readonly name: string;
  readonly vcpus?: number;
  readonly memoryMiB?: MiB;
  readonly ratio?: Ratio;
  readonly restart?: boolean;
  readonly requestId?: string;
}

/**
 * placing: reserved on `host`, not yet confirmed. migrating: it runs, and is being moved from `host` to another of `hosts`. removing: its removal was asked for, not yet confirmed. lost: its host was
 * replaced by another machine, or given up. conflict: several hosts have a VM of this name (`hosts`). Otherwise its state on
 * its host as last heard.
 */
export type ClusterVmState = VmState | "placing" | "removing" | "lost" | "conflict";

export interface ClusterVm {
  readonly name: string;
  readonly host: string;
  readonly state: ClusterVmState;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  readonly ratio: Ratio | null;
  readonly image: string | null;
  /** Null until confirmed. */
  readonly uuid: string | null;
  /** False: found on a host, not deployed through a scheduler. */
  readonly deployedHere: boolean;
  readonly antiAffinity: string | null;
  /** More than one while it is moved, and in a conflict. */
  readonly hosts: readonly string[];
  /** Its host's own view, where the answer came from there just now; else null. */
  readonly view: VmView | null;
}

/** up: heard of in time. suspect: silent; takes no new VM. down: silent for long. new: in the list, never heard of. */
export type HostState = "up" | "suspect" | "down" | "new";

export interface ClusterHost {
  readonly id: string;
  readonly url: string;
  readonly state: HostState;
  /** Since it was last heard of, by this scheduler's monotonic clock; null: never. */
  readonly silence: Milliseconds | null;
  /** Closed here, at the scheduler. */
  readonly cordoned: boolean;
  /** Closed at its own agent. */
  readonly agentCordoned: boolean;
  readonly draining: boolean;
  readonly machineId: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** VMs that records place here, confirmed or not. */
  readonly vmCount: number;
  /** Of those, the ones whose agent has not confirmed them yet. */
  readonly reserved: number;
  /** The last that was heard; null: nothing. */
  readonly status: HostStatus | null;
  /** Host's clock less ours when it was last heard of: a warning for people, no decision rests on it. */
  readonly clockSkew: Milliseconds | null;
  readonly problems: readonly string[];
}

/** Hosts that have seen a later epoch than the cluster's, and what was done about them. */
export interface Adoption {
  /** Nothing was changed. */
  readonly dryRun: boolean;
  /** Of the cluster now. */
  readonly epoch: number;
  /** The highest that any host has seen. */
  readonly highest: number;
  /** Hosts that had seen a later epoch; adopted, unless this was a dry run. */
  readonly ahead: readonly string[];
  /** Hosts that did not answer: to be adopted when they do. */
  readonly silent: readonly string[];
}

/** moving: on its way to `to`. waiting: its turn comes. stuck: it cannot be moved, for now, because of `reason`. */
export interface DrainMove {
  readonly vm: string;
  readonly state: "moving" | "waiting" | "stuck";
  /** Where it goes, or would go; null: nowhere. */
  readonly to: string | null;
  readonly reason: string | null;
}

export interface Drain {
  readonly host: ClusterHost;
  /** VMs that are still there. */
  readonly remaining: readonly ClusterVm[];
  /** What becomes of each. */
  readonly moves: readonly DrainMove[];
  /** What the operator can do about them. */
  readonly advice: string;
}

export type ClusterEventKind =
  | "vm-placed"
  | "vm-removed"
  | "vm-resized"
  | "vm-refused"
  | "vm-adopted"
  | "vm-vanished"
  | "vm-conflict"
  | "vm-lost"
  | "vm-resolved"
  | "vm-moving"
  | "vm-moved"
  | "vm-move-failed"
  | "room-wanted"
  | "room-made"
  | "room-not-made"
  | "host-registered"
  | "host-up"
  | "host-suspect"
  | "host-down"
  | "host-replaced"
  | "host-forgotten"
  | "host-cordoned"
  | "host-uncordoned"
  | "host-draining"
  | "epoch-raised"
  | "host-drained"
  | "leader-elected"
  | "leader-lost";

export interface ClusterEvent {
  /** Counts up from 1 for the life of the process. */
  readonly id: number;
  readonly at: Milliseconds;
  readonly kind: ClusterEventKind;
  readonly vm: string | null;
  readonly host: string | null;
  readonly message: string;
}

/** leader: decides. taking-over: has won, and is reading what its predecessor left. standby: answers reads. */
export type Role = "leader" | "taking-over" | "standby";

export interface Leadership {
  readonly role: Role;
  /** Of the present leader as far as known; null: nobody. */
  readonly epoch: number | null;
  /** Address of the leader's HTTP interface; null: nobody leads, or it is not known. */
  readonly leader: string | null;
}

export interface ClusterStatus {
  readonly leadership: Leadership;
  readonly store: {
    readonly kind: string;
    readonly where: string;
    readonly reachable: boolean;
    readonly problem: string | null;
  };
  readonly hosts: Readonly<Record<HostState, number>>;
  readonly vms: {
    readonly total: number;
    readonly placing: number;
    readonly removing: number;
    readonly migrating: number;
    readonly lost: number;
  };
  readonly pcpus: { readonly total: number; readonly free: number };
  readonly memory: { readonly capacityMiB: MiB; readonly freeMiB: MiB };
  /** VMs and hosts that need a person, in words. */
  readonly problems: readonly string[];
}

export interface SchedulerService {
  leadership(): Leadership;
  /** True when requests can be decided: it leads and has taken over, or it stands by and its reads are current. */
  ready(): boolean;

  // Changes: the leader only (`NotLeader` otherwise)
  deploy(request: ClusterDeploy): Promise<ClusterResult<ClusterVm>>;
  remove(name: string, requestId?: string): Promise<ClusterResult<ClusterVm>>;
  resize(request: ClusterResize): Promise<ClusterResult<ClusterVm>>;
  cordon(host: string): Promise<ClusterResult<ClusterHost>>;
  uncordon(host: string): Promise<ClusterResult<ClusterHost>>;
  /** Closes the host and has it emptied, from now on; tells how far that is. */
  drain(host: string): Promise<ClusterResult<Drain>>;
  /** How far it is; changes nothing. On the leader only, as the changes. */
  drainProgress(host: string): Promise<ClusterResult<Drain>>;
  /** The operator's word that a host will not come back: its VMs are lost, what was being placed there goes elsewhere. */
  forget(host: string): Promise<ClusterResult<ClusterHost>>;
  /** The operator's word that the cluster's hosts are this store's, though they have seen later epochs. */
  adopt(dryRun: boolean): Promise<ClusterResult<Adoption>>;
  register(registration: Registration): Promise<ClusterResult<HeartbeatAnswer>>;
  heartbeat(beat: Heartbeat): Promise<ClusterResult<HeartbeatAnswer>>;
  /** Takes what hosts are expected to need; the newest of each counts until it is stale. */
  publishEstimates(estimates: readonly HostEstimate[]): Promise<Published>;

  /** As `vm`, with its host's own view asked for just now; without one where the host does not answer. The leader only. */
  inspect(name: string): Promise<ClusterVm | null>;

  // Reads: a standby answers from what the store tells it
  vm(name: string): ClusterVm | null;
  /** By name. */
  vms(): readonly ClusterVm[];
  host(id: string): ClusterHost | null;
  /** By id. */
  hosts(): readonly ClusterHost[];
  /** Why a VM would go where; changes nothing. On the leader only: throws `NotLeader`. */
  explain(request: ClusterDeploy): ClusterExplanation;
  /** Live moves, who waits for them, and the budget. On the leader only: throws `NotLeader`. */
  moves(): ClusterMoves;
  /** By host id; none where this scheduler does not lead. */
  estimates(): readonly KeptEstimate[];
  /** The last 24 of a host, the newest last. */
  estimateCourse(host: string): readonly PastEstimate[];
  clusterStatus(): ClusterStatus;
  /** `GET /status` of the seeds' global scheduler: host URL -> that host's own status. */
  seedStatus(): Readonly<Record<string, SeedStatus>>;
  /** Events after `id` still remembered (the last 1,000), oldest first. */
  eventsAfter(id: number): readonly ClusterEvent[];
  /** What happened to one VM, the last 20 events, oldest first; known to the process that decided it. */
  eventsOf(vm: string): readonly ClusterEvent[];
  subscribe(listener: (event: ClusterEvent) => void): () => void;
}

/** Asked for a change, and not the leader (any more). The caller repeats it there, with the same request id. */
export class NotLeader extends Error {
  override readonly name = "NotLeader";
  constructor(readonly leader: string | null) {
    super(leader === null ? "no scheduler leads the cluster now" : `the cluster is led by ${leader}`);
  }
}
