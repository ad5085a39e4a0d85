/**
 * What a host agent offers to HTTP and to tests: one interface, so that the server knows no internals. All changes go
 * through one queue: a request sees the state that the one before left.
 */

import type { HostState, VmSpec } from "../core/pool/model.js";
import type { SeedStatus } from "../core/pool/status.js";
import type { Result } from "../core/result.js";
import type { Topology } from "../core/topology/model.js";
import type { MiB, Milliseconds } from "../core/units.js";
import type { HostReport, HostStatus } from "../ports/agent-client.js";
import type {
  AgentStatus,
  DeployRequest,
  PoolView,
  ReceiveRequest,
  RemoveOptions,
  ResizeRequest,
  Revocation,
  RevokeRequest,
  SendRequest,
  VmView,
} from "../ports/agent-views.js";

export type {
  AgentStatus,
  DeployRequest,
  PoolDynamicsView,
  PoolView,
  ReceiveRequest,
  RemoveOptions,
  ResizeRequest,
  Revocation,
  RevokeRequest,
  SendRequest,
  VmState,
  VmUsage,
  VmView,
} from "../ports/agent-views.js";

export interface AgentEvent {
  /** Counts up from 1 for the life of the process. */
  readonly id: number;
  readonly at: Milliseconds;
  readonly kind:
    | "vm-deployed"
    | "vm-removed"
    | "vm-resized"
    | "vm-refused"
    | "vm-adopted"
    | "vm-vanished"
    | "vm-stopped"
    | "vm-unplaced"
    | "vm-moving"
    | "vm-moved"
    | "vm-move-failed"
    | "vm-expected"
    | "vm-arrived"
    | "vm-not-come"
    | "pin-repaired"
    | "pools-changed"
    | "hypervisor-lost"
    | "hypervisor-back"
    | "action-failed"
    | "cordoned"
    | "uncordoned";
  readonly vm: string | null;
  readonly message: string;
}

export interface Explanation {
  readonly fits: boolean;
  /** How many such VMs the host takes, one after the other, as far as counts tell. */
  readonly room: number;
  /** The refusal's sentence, or what would be done. */
  readonly reason: string;
  readonly code: string | null;
  readonly growth: { readonly pcpus: number; readonly memoryMiB: MiB };
  readonly progress: number;
  /** Pools as they would be; null when it does not fit. */
  readonly pools: readonly PoolView[] | null;
}

export interface AgentService {
  /**
   * Refusals are values; hypervisor failures throw `OperationalError` and leave the state as before. A request that carries
   * an epoch is refused `stale-leader` below the highest one seen; one that was revoked, `request-revoked`.
   */
  deploy(request: DeployRequest): Promise<Result<VmView>>;
  remove(name: string, options?: RemoveOptions): Promise<Result<VmView>>;
  resize(request: ResizeRequest): Promise<Result<VmView>>;
  /** Reserves room for a VM of another host, and gives the pins that it will have; once it has arrived, the VM. */
  receive(request: ReceiveRequest): Promise<Result<VmView>>;
  /**
   * Begins to hand a VM to another host; `migrating` in the answer: it is under way. Asked again under the same id: how it
   * stands. Any other state: it has gone, and is told as it last was. Refuses `migration-failed` when it stays.
   */
  send(request: SendRequest): Promise<Result<VmView>>;
  /** What became of a request; after the answer it is not carried out any more, whenever it comes. */
  revoke(request: RevokeRequest): Promise<Result<Revocation>>;
  /**
   * The VM of that name, or `unknown-vm`, after everything that leaders of earlier epochs have begun: they change nothing
   * any more after this answer.
   */
  look(name: string, epoch: number): Promise<Result<VmView>>;
  cordon(on: boolean): Promise<void>;
  vm(name: string): VmView | null;
  /** By name. */
  vms(): readonly VmView[];
  status(): AgentStatus;
  /** What schedulers know hosts by. */
  hostStatus(): HostStatus;
  hostReport(): HostReport;
  /** `reportTag` of both, at little cost. */
  tag(): string;
  /** Of the request that made the VM; null: it was found, or there is none. */
  requestIdOf(name: string): string | null;
  /** `GET /status` of the seeds (spec 1.4). */
  seedStatus(): SeedStatus;
  progress(vm: VmSpec): number;
  explain(vm: VmSpec): Explanation;
  host(): HostState;
  topology(): Topology;
  /** True once the first tick after start succeeded and while the hypervisor is reachable. */
  ready(): boolean;
  /** Events after `id` still remembered (the last 1,000), oldest first. */
  eventsAfter(id: number): readonly AgentEvent[];
  subscribe(listener: (event: AgentEvent) => void): () => void;
}
