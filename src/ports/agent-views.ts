/**
 * What an agent is asked and how it shows itself: the shapes that both sides of a wire use, the agent that answers
 * (src/agent/service.ts) and whoever asks it (the command line, the scheduler through agent-client.ts). Types only.
 */
import type { CpuSet } from "../core/cpuset.js";
import type { RatioMove } from "../core/dynamic/model.js";
import type { PolicyName } from "../core/pool/policy.js";
import type { MiB, Milliseconds, Pcpus, Ratio } from "../core/units.js";

export interface DeployRequest {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null under a per-vCPU template. */
  readonly ratio: Ratio | null;
  /** Absolute path of a disk image below a configured image folder; null: no disk. */
  readonly image: string | null;
  /** Same id, same VM: a repeated request is answered from the first. Made up when absent. */
  readonly requestId?: string;
  /** Of the scheduler that asks; absent: a person or a script. */
  readonly epoch?: number;
}

export interface RemoveOptions {
  /** Only this VM: another one that meanwhile has the name stays (`unknown-vm`). */
  readonly uuid?: string;
  readonly requestId?: string;
  readonly epoch?: number;
}

export interface ResizeRequest {
  readonly name: string;
  readonly vcpus?: number;
  readonly memoryMiB?: MiB;
  readonly ratio?: Ratio;
  /** Allows a stop and start where the guest cannot take the change live; otherwise `restart-required`. */
  readonly restart?: boolean;
  /** Only this VM, as for a removal. */
  readonly uuid?: string;
  readonly requestId?: string;
  readonly epoch?: number;
}

/** Room for a VM that comes from another host. */
export interface ReceiveRequest {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null under a per-vCPU template. */
  readonly ratio: Ratio | null;
  /** Asked again under the same id, it is answered how the move stands. */
  readonly requestId: string;
  readonly epoch?: number;
}

/** A VM is to be handed to the hypervisor at `address`, which holds room for it. */
export interface SendRequest {
  readonly name: string;
  readonly uuid: string;
  readonly address: string;
  /** One CPU set for each vCPU, there. */
  readonly pins: readonly CpuSet[];
  readonly requestId: string;
  readonly epoch?: number;
}

export interface RevokeRequest {
  /** Of the request that must not be carried out any more. */
  readonly requestId: string;
  /** Of the VM that the request was about. */
  readonly name: string;
  readonly epoch?: number;
}

/** done: it was carried out. revoked: it was not, and never will be. */
export interface Revocation {
  readonly outcome: "done" | "revoked";
  /** What exists under the name now. */
  readonly vm: VmView | null;
}

/**
 * running: pinned as planned. stopped: defined, its room given back; started again, it is adopted. unplaced: it runs, but
 * no pool could take it (adopted on a full host): it is left unpinned and reported until there is room. migrating: it runs,
 * and is on its way to another host.
 */
export type VmState = "running" | "paused" | "stopped" | "unplaced" | "migrating";

export interface VmUsage {
  /** pCPUs in use over the last tick; null before two samples. */
  readonly cpuPcpus: Pcpus | null;
  /** Run delay over wall time, summed over vCPUs, in pCPUs: what it wanted and did not get. */
  readonly waitPcpus: Pcpus | null;
  /** Memory the guest uses (balloon size less unused); null without balloon statistics. */
  readonly memoryMiB: MiB | null;
}

export interface VmView {
  readonly name: string;
  readonly uuid: string;
  readonly state: VmState;
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null under a per-vCPU template. */
  readonly ratio: Ratio | null;
  readonly vcpuRatios: readonly Ratio[];
  /** Planned CPU set of each vCPU, as `0-3,8`; empty unless running. */
  readonly pins: readonly string[];
  readonly image: string | null;
  /** False: found running, not deployed through this agent. */
  readonly deployedHere: boolean;
  readonly usage: VmUsage;
}

/** How a pool that follows its usage stands. */
export interface PoolDynamicsView {
  /** vCPUs per pCPU that it is counted with now. */
  readonly effectiveRatio: Ratio;
  /** Its own pCPUs on which its vCPUs may run now; the others rest, or serve other pools. */
  readonly activePcpus: number;
  /** What it is expected to need at most in the next window, without any margin; null: not known yet. */
  readonly expectedPeakPcpus: Pcpus | null;
  /** Between which its effective ratio may move. */
  readonly leastRatio: Ratio;
  readonly mostRatio: Ratio;
  /** When the ratio that it asks for moved last, and why; null: not since the agent began. */
  readonly lastMove: RatioMove | null;
}

export interface PoolView {
  readonly ratio: Ratio;
  readonly pcpus: string;
  readonly pcpuCount: number;
  readonly allocatedVcpus: number;
  /** capacity less allocated, in vCPUs. */
  readonly freeVcpus: number;
  readonly vms: readonly string[];
  /** What the pool's vCPUs are pinned to; differs from `pcpus` while pools share. */
  readonly pinnedTo: string;
  readonly usagePcpus: Pcpus | null;
  readonly waitPcpus: Pcpus | null;
  /** Absent where pools do not follow their usage, and of pools of ratio 1.0, which never do. */
  readonly dynamics?: PoolDynamicsView | undefined;
}

export interface AgentStatus {
  readonly host: string;
  readonly policy: PolicyName;
  readonly template: readonly Ratio[] | null;
  readonly hypervisor: { readonly uri: string; readonly connected: boolean; readonly accelerator: string };
  /** Counts up with every change of pools or VMs. */
  readonly generation: number;
  readonly cordoned: boolean;
  readonly pcpus: {
    readonly total: number;
    readonly reserved: number;
    readonly free: number;
    readonly inPools: number;
  };
  readonly memory: { readonly capacityMiB: MiB; readonly allocatedMiB: MiB; readonly freeMiB: MiB };
  readonly usage: { readonly cpuPcpus: Pcpus | null; readonly memoryMiB: MiB | null };
  readonly pools: readonly PoolView[];
  readonly vmCount: number;
  readonly lastTick: { readonly at: Milliseconds; readonly durationMs: Milliseconds; readonly actions: number } | null;
  /** Actions that failed and will be tried again, in words. */
  readonly problems: readonly string[];
}
