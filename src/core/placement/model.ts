/**
 * What placement decides from: hosts as counts (which pCPU is whose is the agents' business), the shape of a VM, and what a
 * request asks beside its shape. The types are nested by who may read what: facts that never change while a host runs
 * (`HostProfile`), those that decide whether a shape fits and how well (`HostClass`: hosts equal in them are one class to
 * the index), and the host itself (`HostSummary`).
 */
import type { PolicyName } from "../pool/policy.js";
import type { MiB, Pcpus, Ratio } from "../units.js";

/** Ratios that a host sells; null: any that its policy can take. Of no account under a per-vCPU template. */
export type RatioOffer = readonly Ratio[] | { readonly least: Ratio; readonly most: Ratio } | null;

export interface HostProfile {
  readonly policy: PolicyName;
  /** Ratio of vCPU 0, 1, 2 ... (spec 1.3); null: each VM carries its ratio. */
  readonly template: readonly Ratio[] | null;
  /** The policy's critical size; below it a pool of `vmstack` is not oversubscribed. */
  readonly criticalSize: number;
  readonly ratiosOffered: RatioOffer;
  /** All pCPUs that the agent knows, and those that pools may take. */
  readonly totalPcpus: number;
  readonly usablePcpus: number;
  readonly memoryCapacityMiB: MiB;
  readonly labels: Readonly<Record<string, string>>;
  /** Absolute paths of images, or of folders that hold them; null: unknown, the agent will say. */
  readonly images: readonly string[] | null;
}

export interface PoolCounts {
  readonly ratio: Ratio;
  readonly pcpus: number;
  readonly allocatedVcpus: number;
  /** VMs with vCPUs in this pool. What lies beyond the critical size makes no difference to a class: read no more from it. */
  readonly vmCount: number;
  /** What the pool is counted with where that is not its ratio; only under `headroom`. */
  readonly effectiveRatio?: Ratio | undefined;
}

export interface PoolSummary extends PoolCounts {
  /**
   * Most vCPUs that one VM has in this pool (0: no VM), or more until the host reports again; null: unknown. Only departures
   * ask: a pool always holds at least so many pCPUs, so it never decides on growth.
   */
  readonly largestVmVcpus: number | null;
}

/** up: it reports. suspect: it missed reports. down: it is taken for lost. Only hosts that are up take new VMs. */
export type HostLiveness = "up" | "suspect" | "down";

/** Everything that filters and weighers of shapes may read: hosts equal in all of it are interchangeable. */
export interface HostClass extends HostProfile {
  readonly state: HostLiveness;
  readonly cordoned: boolean;
  /** Usable pCPUs that no pool holds. */
  readonly freePcpus: number;
  /** In any order; a pool without pCPUs and VMs is the same as no pool. */
  readonly pools: readonly PoolCounts[];
  readonly memoryAllocatedMiB: MiB;
}

/** What a host is expected to need, and what that knows of (forecast.ts). */
export interface HostForecast {
  /** Predicted peaks; null: withheld. */
  readonly pcpus: Pcpus | null;
  readonly memoryMiB: MiB | null;
  /** Of the machine itself, whatever is promised. */
  readonly machineMemoryMiB: MiB;
  /** Allocations that the prediction takes into account; what is allocated beyond counts in full. */
  readonly vcpusThen: number;
  readonly memoryThenMiB: MiB;
}

/** What the scheduler knows of a host; immutable. */
export interface HostSummary extends HostClass {
  readonly id: string;
  readonly pools: readonly PoolSummary[];
  /** One entry for each VM that is in such a group. */
  readonly antiAffinityGroups: readonly string[];
  /** Null: no estimate, or one that does not count. */
  readonly forecast: HostForecast | null;
  /** The host's own version of its state; placement does not read it. */
  readonly generation: number;
}

/** What decides on room, and is often equal between VMs: the index keeps its scores by shape. */
export interface VmShape {
  readonly vcpus: number;
  readonly memoryMiB: MiB;
  /** Null: the host's per-vCPU template decides. */
  readonly ratio: Ratio | null;
}

export const isSameShape = (a: VmShape, b: VmShape): boolean =>
  a.vcpus === b.vcpus && a.memoryMiB === b.memoryMiB && a.ratio === b.ratio;

/** What a request asks beside its shape. */
export interface Constraints {
  /** Absolute path of the disk image; null: none. */
  readonly image: string | null;
  /** Labels that the host must have, with these values. */
  readonly labels: Readonly<Record<string, string>>;
  /** No two VMs of the group on one host; null: no group. */
  readonly antiAffinityGroup: string | null;
}

export const NO_CONSTRAINTS: Constraints = { image: null, labels: {}, antiAffinityGroup: null };

/** Why a host cannot take a VM, in a sentence that is only put together when somebody asks. */
export type Veto = () => string;

export interface Candidate {
  readonly hostId: string;
  readonly score: number;
}

/** A VM on a host, as far as counts tell. */
export interface Prospect {
  readonly host: HostClass;
  readonly shape: VmShape;
  /** pCPUs that the host's pools would take for it, free or not; infinite where the policy takes no such VM. */
  readonly growthPcpus: number;
}

/** Filters of shapes: their verdicts are kept by the index, for as long as a host stays in its class. */
export interface ShapeFilter {
  readonly name: string;
  /** As of a weigher: something of the host that is not part of `HostClass`, and is to be coarse. */
  fact?(host: HostSummary): number;
  /** `fact`: what the filter's own `fact` said of the host; 0 where it has none. */
  veto(prospect: Prospect, fact: number): Veto | null;
}

/** Filters of requests over what a host is: asked once for each profile. */
export interface ProfileFilter {
  readonly name: string;
  veto(profile: HostProfile, constraints: Constraints): Veto | null;
}

/** Filters of requests over everything known of a host: asked of each candidate. */
export interface HostFilter {
  readonly name: string;
  veto(host: HostSummary, constraints: Constraints): Veto | null;
}

export interface Weigher {
  readonly name: string;
  /**
   * Something of the host that is not part of `HostClass`. It becomes part of the class while the weigher has a weight, so
   * keep it coarse: hosts that differ in it share no scores.
   */
  fact?(host: HostSummary): number;
  /**
   * Higher is better; finite. A function of the prospect alone, never of the other candidates: that is what makes a score
   * worth keeping (docs/decisions/0005). `fact`: what the weigher's own `fact` said of the host; 0 where it has none.
   */
  score(prospect: Prospect, fact: number): number;
}
