/** How an agent behaves, apart from its policy. The command line fills it from the operator's settings. */
import type { BalloonSettings } from "../core/balloon/settings.js";
import type { DynamicSettings } from "../core/dynamic/model.js";
import { type MiB, type Milliseconds, mib, milliseconds, type Seconds, seconds } from "../core/units.js";

export interface AgentSettings {
  /** Name of the host in answers; null: as the hypervisor calls it. */
  readonly hostname: string | null;
  /** Kept for the host itself: no VM gets it. */
  readonly reservedMemoryMiB: MiB;
  /** Memory sold for each MiB that there is; above 1 it is admitted against estimates (balloon/host-memory.ts). */
  readonly memoryRatio: number;
  /** Part that is added to what a VM was seen to hold at most, and for how long it must have been seen. */
  readonly memoryMargin: number;
  readonly memoryHistory: Milliseconds;
  /** How memory moves between the VMs of the host; null: it does not. */
  readonly balloon: BalloonSettings | null;
  /** Between two ticks. */
  readonly tickInterval: Milliseconds;
  /** Least time between two ticks, however many events ask for one. */
  readonly earlyTickGap: Milliseconds;
  /** Guests report their memory this often. */
  readonly memoryStatsPeriod: Seconds;
  /** overlay: each VM writes to a copy-on-write disk of its own; direct: to the image as it is. */
  readonly imageMode: "overlay" | "direct";
  /**
   * Live growth that a new VM is defined for, as a multiple of what it starts with. More vCPUs cost a guest nothing until
   * they are plugged. More memory would be usable by a guest without a balloon driver from the start, hence 1.
   */
  readonly liveVcpuFactor: number;
  readonly liveMemoryFactor: number;
  /** Folders that all hosts of the cluster see alike: VMs whose disks are below them can be moved. */
  readonly sharedFolders: readonly string[];
  /** How long a VM may be on its way to another host before the move is given up. */
  readonly migrationPatience: Milliseconds;
  /** How long a guest may take to shut down for a resize with restart before the plug is pulled. */
  readonly shutdownPatience: Milliseconds;
  /** Least time between two attempts to pack the pools again; 0: never. */
  readonly repackInterval: Milliseconds;
  /** How pools follow their usage (core/dynamic); null: they do not. */
  readonly dynamic: DynamicSettings | null;
  /** Between two rounds of the vCPU balancer within each pool; 0: pins are the pools' CPU sets, and the kernel balances. */
  readonly balanceInterval: Milliseconds;
  /** vCPUs that one such attempt may pin anew: each move costs a guest its warm caches. */
  readonly mostRepacked: number;
  /** Requests that may wait in the queue; more are refused `busy`. */
  readonly longestQueue: number;
  /**
   * Up to so many VMs all pins are read in every tick, above that each VM's in every second one (promise 5 asks for two),
   * those not known to be in place always. Reading them is a call per VM: the dearest part of a tick with libvirt.
   */
  readonly mostPinsEachTick: number;
}

export const DEFAULT_AGENT_SETTINGS: AgentSettings = {
  hostname: null,
  reservedMemoryMiB: mib(0),
  memoryRatio: 1,
  memoryMargin: 0.25,
  memoryHistory: milliseconds(3_600_000),
  balloon: null,
  tickInterval: milliseconds(5_000),
  earlyTickGap: milliseconds(200),
  memoryStatsPeriod: seconds(5),
  imageMode: "overlay",
  liveVcpuFactor: 2,
  liveMemoryFactor: 1,
  sharedFolders: [],
  migrationPatience: milliseconds(600_000),
  shutdownPatience: milliseconds(20_000),
  repackInterval: milliseconds(600_000),
  dynamic: null,
  balanceInterval: milliseconds(0),
  mostRepacked: 64,
  longestQueue: 256,
  mostPinsEachTick: 64,
};
