/** What `headroom doctor` looks at, as plain values: gather.ts reads them from the machine, tests write them down. */
import type { CpuSet } from "../../core/cpuset.js";
import type { HypervisorKind } from "../host/hypervisor-kind.js";

export interface FolderFact {
  readonly path: string;
  readonly exists: boolean;
  readonly readable: boolean;
  /** By this user; for a folder that does not exist: whether this user could make it. */
  readonly writable: boolean;
}

export interface HypervisorFact {
  readonly uri: string;
  readonly kind: HypervisorKind;
  /** Null when connected; otherwise the driver's message. */
  readonly failure: string | null;
  /** Null unless connected. */
  readonly accelerator: string | null;
  readonly version: string | null;
  readonly runningGuests: number;
  /** Running guests whose balloon driver reports nothing. */
  readonly guestsWithoutBalloonStatistics: readonly string[];
  /** Running guests without run delay. */
  readonly guestsWithoutRunDelay: readonly string[];
}

export interface HostFacts {
  readonly packageManager: "apt" | "dnf" | "zypper" | "pacman" | null;
  readonly user: { readonly name: string; readonly isRoot: boolean };
  readonly hypervisor: HypervisorFact;
  /** A libvirt daemon is installed here, running or not. */
  readonly libvirtInstalled: boolean;
  readonly hasSystemd: boolean;
  readonly wantedAccelerator: "auto" | "kvm" | "tcg";
  readonly kvm: { readonly exists: boolean; readonly usable: boolean };
  /** Programs found on the PATH or where libvirt expects them. */
  readonly qemuImg: boolean;
  readonly qemuSystem: boolean;
  readonly imageMode: "overlay" | "direct";
  readonly imageFolders: readonly FolderFact[];
  readonly overlayFolder: FolderFact;
  readonly stateFolder: FolderFact;
  readonly listening: {
    readonly address: string;
    readonly port: number;
    /** Null when free; otherwise the system's message. */
    readonly failure: string | null;
    readonly isLoopback: boolean;
    readonly hasTokens: boolean;
  };
  readonly cgroups: { readonly version: 1 | 2 | null; readonly controllers: readonly string[] };
  readonly clock: { readonly synchronized: boolean | null; readonly source: string | null };
  readonly isolatedPcpus: CpuSet;
  readonly hostPcpus: CpuSet;
  readonly onlinePcpus: CpuSet;
}
