/**
 * What a scheduler asks of one host's agent. Every change carries the id of its request and the epoch of the leader that
 * asks. An agent keeps three promises, through crashes of its own:
 *
 * 1. A request id is carried out at most once. Asked again, it gives the first answer, a refusal too (but for `busy`).
 * 2. Once `revoke` of an id was answered, that id is not carried out any more, however late its request arrives.
 * 3. An epoch below the highest one seen is refused, so that a leader that was replaced can change nothing.
 *
 * Answers are values, also the ones that did not come: a caller has to say what it does about each. A client never repeats
 * a change by itself. Only bugs are thrown.
 */
import type { RatioOffer } from "../core/placement/model.js";
import type { HostCounts } from "../core/placement/summary.js";
import type { Refusal } from "../core/result.js";
import type { MiB, Ratio } from "../core/units.js";
import type { AgentStatus, VmState, VmView } from "./agent-views.js";

/** A host as schedulers hear of it: its status, and what tells it from another machine or an earlier agent. */
export interface HostStatus extends AgentStatus {
  /** Stays with the machine, not with the name: the hypervisor's host uuid or /etc/machine-id. */
  readonly machineId: string;
  /** Made up anew by every boot of the machine; null: not known (the agent runs elsewhere). */
  readonly bootId: string | null;
  /** Made up anew by every start of the agent: generations of different instances do not compare. */
  readonly instance: string;
  /** False until the agent has seen all domains of its host, and while the hypervisor is away. */
  readonly ready: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** What placement counts with: `hostCounts` (core/placement/summary.ts) of the same state. */
  readonly counts: HostCounts;
  readonly ratiosOffered: RatioOffer;
  /** Where its hypervisor takes VMs from other hosts; null: it takes no part in live migration. */
  readonly migrationAddress: string | null;
  /** Absolute paths of images or of folders that hold them; null: not known. */
  readonly images: readonly string[] | null;
}

/** A VM as its host reports it. */
export interface ReportedVm {
  readonly name: string;
  readonly uuid: string;
  /** Null: found on the host, not deployed by a request. */
  readonly requestId: string | null;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null under a per-vCPU template. */
  readonly ratio: Ratio | null;
  readonly vcpuRatios: readonly Ratio[];
  readonly image: string | null;
  readonly state: VmState;
}

/** All that a scheduler needs to know of a host, as of one generation. */
export interface HostReport {
  readonly status: HostStatus;
  /** By name. */
  readonly vms: readonly ReportedVm[];
}

/** `instance/generation` of a report: equal tags, equal pools, VMs and readiness. */
export const reportTag = (status: Pick<HostStatus, "instance" | "generation">): string =>
  `${status.instance}/${status.generation}`;

export interface AgentDeploy {
  readonly requestId: string;
  readonly epoch: number;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  readonly ratio: Ratio | null;
  readonly image: string | null;
}

export interface AgentRemove {
  readonly requestId: string;
  readonly epoch: number;
  readonly name: string;
  /** Only this VM: another one that meanwhile has the name stays (`unknown-vm`). Null: whichever has it. */
  readonly uuid: string | null;
}

export interface AgentResize {
  readonly requestId: string;
  readonly epoch: number;
  readonly name: string;
  readonly uuid: string | null;
  readonly vcpus?: number;
  readonly memoryMiB?: MiB;
  readonly ratio?: Ratio;
  readonly restart?: boolean;
}

export interface AgentReceive {
  readonly requestId: string;
  readonly epoch: number;
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  readonly ratio: Ratio | null;
}

export interface AgentSend {
  readonly requestId: string;
  readonly epoch: number;
  readonly name: string;
  readonly uuid: string;
  /** `migrationAddress` of the host that takes the VM, and the pins that it gave for it. */
  readonly address: string;
  readonly pins: readonly string[];
}

export interface AgentRevoke {
  /** Of the request that must not be carried out any more. */
  readonly requestId: string;
  readonly epoch: number;
  readonly name: string;
}

/** Nobody can say from this answer whether the request was, or will yet be, carried out. */
export interface Unanswered {
  readonly kind: "unanswered";
  readonly reason: string;
  /** Certain that the request did not reach the agent (the connection was refused). */
  readonly notSent: boolean;
}

/** Nothing was done: the agent has seen a later leader's epoch. */
export interface StaleLeader {
  readonly kind: "stale-leader";
  readonly reason: string;
  /** The highest epoch that the agent has seen; null where it does not say. */
  readonly epoch: number | null;
}

/** Nothing was done: the agent does not take this scheduler's token, or the scheduler not the agent's certificate. */
export interface Unauthorised {
  readonly kind: "unauthorised";
  readonly reason: string;
}

/** The agent answered that it could not do it now (its hypervisor is away, its disk is full). It may have left work undone. */
export interface AgentFailed {
  readonly kind: "failed";
  readonly code: string;
  readonly reason: string;
}

export interface Accepted {
  readonly kind: "accepted";
  /** As it is now; for a removal, as it last was. */
  readonly vm: VmView;
  readonly status: HostStatus;
}

export interface Refused {
  readonly kind: "refused";
  readonly refusal: Refusal;
  readonly status: HostStatus;
}

export type NoAnswer = Unanswered | StaleLeader | Unauthorised | AgentFailed;
export type ChangeOutcome = Accepted | Refused | NoAnswer;

/** done: the request was carried out; `vm` is what exists under its name now (null: gone again). revoked: it never will be. */
export type RevokeOutcome =
  | {
      readonly kind: "done";
      readonly vm: ReportedVm | null;
      readonly view: VmView | null;
      readonly status: HostStatus;
    }
  | { readonly kind: "revoked"; readonly vm: ReportedVm | null; readonly status: HostStatus }
  | NoAnswer;

export type VmOutcome =
  | { readonly kind: "vm"; readonly vm: ReportedVm | null; readonly view: VmView | null; readonly status: HostStatus }
  | NoAnswer;

export type ReportOutcome =
  | { readonly kind: "report"; readonly report: HostReport }
  /** The host is as it was under the tag that was given. */
  | { readonly kind: "unchanged" }
  | NoAnswer;

/** Every call ends, at the latest, at its deadline. `signal`: the caller is gone, the answer may be dropped. */
export interface AgentClient {
  deploy(request: AgentDeploy, signal?: AbortSignal): Promise<ChangeOutcome>;
  remove(request: AgentRemove, signal?: AbortSignal): Promise<ChangeOutcome>;
  resize(request: AgentResize, signal?: AbortSignal): Promise<ChangeOutcome>;
  /** Room for a VM that comes from another host: accepted with its pins there. Again under the same id: how it stands. */
  receive(request: AgentReceive, signal?: AbortSignal): Promise<ChangeOutcome>;
  /**
   * Hands a VM to another host. Accepted in the state `migrating`: it is under way, to be asked about under the same id;
   * accepted in another: it has gone. Refused: it stays, whatever the reason, unless that is `unknown-vm`.
   */
  send(request: AgentSend, signal?: AbortSignal): Promise<ChangeOutcome>;
  revoke(request: AgentRevoke, signal?: AbortSignal): Promise<RevokeOutcome>;
  /** The VM of that name; null when the host has none. Tells the agent the epoch, as changes do. */
  vm(name: string, epoch: number, signal?: AbortSignal): Promise<VmOutcome>;
  /** `tag`: what is known already (`reportTag`); null: nothing. */
  report(tag: string | null, signal?: AbortSignal): Promise<ReportOutcome>;
}

/** Makes the client of the agent at an address, such as `http://10.0.0.7:8099`. */
export type AgentClients = (url: string) => AgentClient;
