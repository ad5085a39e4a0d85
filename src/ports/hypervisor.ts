/**
 * What Headroom asks of a hypervisor. Two drivers implement it (drivers/libvirt, drivers/fake) and one conformance suite
 * holds both to it. Units are Headroom's: libvirt's KiB stop at its driver. Counters are bigint nanoseconds: they pass 2^53.
 * All calls throw `OperationalError` (ports/errors) with a hypervisor code; none blocks longer than the driver's deadline.
 */
import type { CpuSet } from "../core/cpuset.js";
import type { MiB, Seconds } from "../core/units.js";

export type DomainState = "running" | "paused" | "stopped" | "crashed" | "other";

/** Headroom's own mark in the domain's metadata: enough to rebuild a VM's promise without the agent's journal. */
export interface VmMetadata {
  /** Ratio of each vCPU, in index order. All equal for per-VM ratios. */
  readonly vcpuRatios: readonly number[];
  /** Set where each vCPU's ratio came from the host's template. */
  readonly perVcpu: boolean;
  /** Memory that was sold, whatever the balloon has at the moment; absent in marks of before 0.2. */
  readonly memoryMiB?: MiB;
  /** Identifies the request that made the VM; an interrupted deploy is recognised by it. */
  readonly requestId: string;
  /** Disk image that was asked for, and the overlay made for it (removed with the VM); null: none. */
  readonly image: string | null;
  readonly overlay: string | null;
}

export interface DomainSpec {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  /** Balloon size at start. */
  readonly memoryMiB: MiB;
  /** Most vCPUs and memory that a live resize may reach; at least the present ones. */
  readonly maximumVcpus: number;
  readonly maximumMemoryMiB: MiB;
  readonly disk: { readonly path: string; readonly format: "qcow2" | "raw" } | null;
  /** One CPU set per vCPU: the guest is pinned from its first instruction. */
  readonly pins: readonly CpuSet[];
  /** Null: a guest that Headroom does not manage; no mark is written. */
  readonly metadata: VmMetadata | null;
}

export interface VcpuStats {
  readonly index: number;
  readonly online: boolean;
  readonly timeNs: bigint;
  /** Time it was runnable and waited for a pCPU (run delay); null where the hypervisor does not say. */
  readonly delayNs: bigint | null;
}

export interface MemoryStats {
  /** Balloon: what the guest has now, and the most it can have. */
  readonly currentMiB: MiB;
  readonly maximumMiB: MiB;
  /** From the guest's balloon driver; null while it says nothing. */
  readonly unusedMiB: MiB | null;
  readonly availableMiB: MiB | null;
  readonly usableMiB: MiB | null;
  readonly swapInMiB: MiB | null;
  readonly swapOutMiB: MiB | null;
  /** Seconds since the epoch of the guest's last report. */
  readonly lastUpdate: Seconds | null;
  /** Resident size of the hypervisor's process on the host. */
  readonly rssMiB: MiB | null;
  /** From the guest's balloon driver too; absent where it does not say. */
  readonly diskCachesMiB?: MiB;
  readonly majorFaults?: number;
  readonly minorFaults?: number;
  readonly hugetlbAllocations?: number;
  readonly hugetlbFailures?: number;
}

/** One domain in the bulk statistics of a tick. */
export interface DomainStats {
  readonly name: string;
  readonly uuid: string;
  readonly state: DomainState;
  readonly cpuTimeNs: bigint;
  /** Parts of it; absent where the hypervisor does not say. */
  readonly cpuUserNs?: bigint;
  readonly cpuSystemNs?: bigint;
  /** How many vCPUs are online, also while a guest is too busy to be asked for each; absent where the hypervisor does not say. */
  readonly onlineVcpus?: number;
  /** Online and offline vCPUs, by index; empty when stopped. */
  readonly vcpus: readonly VcpuStats[];
  /** Null where the hypervisor gives none (test driver, stopped domains). */
  readonly memory: MemoryStats | null;
}

/** What a definition says, whether running or not. */
export interface DomainDetail {
  readonly name: string;
  readonly uuid: string;
  readonly state: DomainState;
  readonly persistent: boolean;
  readonly vcpus: number;
  readonly maximumVcpus: number;
  readonly memoryMiB: MiB;
  readonly maximumMemoryMiB: MiB;
  /** Null: not ours. Throws `state-corrupt` never: unreadable metadata counts as null and is logged. */
  readonly metadata: VmMetadata | null;
  /** Paths of its disks, in document order. */
  readonly disks: readonly string[];
}

export interface HypervisorHost {
  readonly hostname: string;
  /** Stays with the machine, whatever it is called; null where the hypervisor knows none. */
  readonly machineId: string | null;
  /** Domain type that `define` will use: "kvm" where it works, else "qemu" (TCG), "test", "fake". */
  readonly accelerator: string;
  readonly hypervisorVersion: string;
  readonly driverVersion: string;
  /** All pCPU ids of the host that are online. */
  readonly pcpus: CpuSet;
  readonly memoryMiB: MiB;
}

export interface HypervisorMemory {
  readonly totalMiB: MiB;
  /** Free, or held by caches. */
  readonly availableMiB: MiB;
}

export type HypervisorEvent =
  | {
      /** `rebooted`: its guest begins anew, in a domain that runs on with its counters. */
      readonly kind: "started" | "stopped" | "defined" | "undefined" | "paused" | "resumed" | "crashed" | "rebooted";
      readonly name: string;
      readonly uuid: string;
    }
  | { readonly kind: "disconnected"; readonly reason: string }
  | { readonly kind: "reconnected" };

/** A guest's way to another hypervisor. */
export interface MigrationTarget {
  /** The other one's `migrationAddress`. */
  readonly address: string;
  /** One CPU set per vCPU, of pCPUs there: the guest is pinned from its first instruction. */
  readonly pins: readonly CpuSet[];
}

export interface Hypervisor {
  readonly uri: string;
  /** Where other hosts' drivers reach this hypervisor to hand a guest over; null: guests cannot come here. */
  readonly migrationAddress: string | null;
  /** Connects; later losses are mended by the driver itself with back-off. Throws `hypervisor-unreachable` with what to do. */
  connect(): Promise<void>;
  /** Idempotent. Guests go on. */
  close(): Promise<void>;
  isConnected(): boolean;
  host(): Promise<HypervisorHost>;
  /** The host's memory as the hypervisor sees it, which a probe on the host itself knows better; null where it does not say. */
  memory(): Promise<HypervisorMemory | null>;
  /** Every domain, running or not, in one call. Order by name. */
  stats(): Promise<readonly DomainStats[]>;
  /** Null when there is no such domain. */
  detail(name: string): Promise<DomainDetail | null>;
  /** The CPU set of each vCPU, per domain; names that are gone are left out. Pipelined, not one wait per domain. */
  pins(names: readonly string[]): Promise<ReadonlyMap<string, readonly CpuSet[]>>;
  /**
   * The pCPU that each vCPU of a running domain ran on last; null where the hypervisor does not say. Names that are gone, do not run or
   * cannot be asked this are left out.
   */
  lastPcpus(names: readonly string[]): Promise<ReadonlyMap<string, readonly (number | null)[]>>;
  /** Defines persistently, not started. `domain-exists` when name or uuid is taken. */
  define(spec: DomainSpec): Promise<void>;
  /** Replaces the definition of an existing domain; a running guest sees it at its next start. */
  redefine(spec: DomainSpec): Promise<void>;
  start(name: string): Promise<void>;
  /** Asks the guest to shut down; resolves when asked. */
  shutdown(name: string): Promise<void>;
  /** Pulls the plug. No error when already stopped; `domain-not-found` when there is none. */
  destroy(name: string): Promise<void>;
  /** Forgets a stopped domain's definition. `domain-not-found` when there is none. */
  undefine(name: string): Promise<void>;
  pinVcpu(name: string, vcpu: number, cpus: CpuSet): Promise<void>;
  /** Live where the guest runs; up to the domain's maximum. */
  setVcpus(name: string, vcpus: number): Promise<void>;
  /** Balloon target, live. */
  setMemory(name: string, memoryMiB: MiB): Promise<void>;
  /** Replaces Headroom's metadata, in the running and the stored definition. */
  setMetadata(name: string, metadata: VmMetadata): Promise<void>;
  /** Guest statistics every `period` seconds; 0 switches off. */
  setMemoryStatsPeriod(name: string, period: Seconds): Promise<void>;
  /**
   * Moves a running guest, with its memory, while it runs. Resolves when it runs there and is forgotten here. When it throws,
   * or when the process died on the way, `settleMigration` says where the guest is. `signal` ends it: the guest stays.
   */
  migrate(name: string, uuid: string, target: MigrationTarget, signal: AbortSignal): Promise<void>;
  /**
   * Ends a migration that nobody follows any more, and leaves the guest in one place: here (running on), or gone. Throws
   * while that cannot be found out: the guest is then paused here, and nothing is guessed.
   */
  settleMigration(name: string, uuid: string, address: string): Promise<"here" | "gone">;
  /** Returns the function that ends the subscription. Listeners must not throw. */
  subscribe(listener: (event: HypervisorEvent) => void): () => void;
}
