/** What the agent reads and writes on its own machine, apart from the hypervisor. */
import type { MiB } from "../core/units.js";

export interface HostSample {
  /** Sum over all pCPUs since boot, ns: busy is everything but idle and iowait. */
  readonly cpuBusyNs: bigint;
  readonly memoryTotalMiB: MiB;
  readonly memoryAvailableMiB: MiB;
  /** Share of the last ten seconds in which something that wanted to run waited (PSI); absent: the kernel does not tell. */
  readonly cpuPressure?: number;
}

export interface HostProbe {
  /** Null where the host cannot be read (a remote hypervisor). */
  sample(): Promise<HostSample | null>;
}

/** The kernel's merging of equal pages of different processes. */
export interface PageMergingSwitch {
  /** Null where the kernel has none. Throws `host-unreadable`. */
  isOn(): Promise<boolean | null>;
  /** What is merged stays merged. Throws `host-unreadable` where it may not be switched. */
  turn(on: boolean): Promise<void>;
}

/** A small text kept across crashes: the file holds the old text or the new one, never a mixture. */
export interface DurableText {
  /** Null when nothing was ever written. */
  read(): Promise<string | null>;
  /** Resolves when the text would survive a power cut (fsync of file and folder). Throws `state-not-written`. */
  write(text: string): Promise<void>;
}

/** A text that grows until it is replaced: what is added is not kept through a power cut, and after one the text may hold anything. */
export interface GrowingText extends DurableText {
  /** Adds to what was written last; a crash may leave the beginning of it. Throws `state-not-written`. */
  append(text: string): Promise<void>;
}

/** The image behind a path, or a sentence that says why there is none to use. */
export type ImageLookup = { readonly path: string } | { readonly problem: string };

export interface DiskImages {
  /**
   * The qcow2 image behind `path` when it is a regular file below one of the configured image folders after symbolic links
   * are followed. The sentence tells nothing about files that lie elsewhere.
   */
  resolve(path: string): Promise<ImageLookup>;
  /** A copy-on-write overlay for the VM over `base`; gives its path. Replaces a left-over of the same name. */
  createOverlay(vm: string, base: string): Promise<string>;
  /** No error when it is gone already. Refuses paths outside the overlay folder. */
  removeOverlay(path: string): Promise<void>;
}
