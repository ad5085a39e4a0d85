/**
 * The hosts on which a VM misses the least part of the room: those that would take it if they were empty, by what they miss of pCPUs and of
 * memory together, in hosts; then by id. A plain scan; index/missing-room.ts gives the same, only faster.
 */
import { mib } from "../units.js";
import { growthPcpus } from "./arithmetic.js";
import type { HostSummary, VmShape } from "./model.js";

/** `isSuited`: whether it would take the VM if it were empty. At most so many, the nearest first. */
export function nearestHosts(
  hosts: Iterable<HostSummary>,
  shape: VmShape,
  isSuited: (host: HostSummary) => boolean,
  most: number,
): readonly string[] {
  const nearest = new Nearest(most);
  for (const host of hosts) {
    if (!isOpen(host)) continue;
    const missing = missingPcpus(host, shape) / host.usablePcpus + missingMiB(host, shape) / host.memoryCapacityMiB;
    const near = { id: host.id, missing };
    if (nearest.mayHold(near) && isSuited(host)) nearest.add(near);
  }
  return nearest.ids();
}

export const isOpen = ({ state, cordoned }: HostSummary): boolean => state === "up" && !cordoned;

/** Of the pCPUs that the host's pools would take for it, those that are not free. */
export const missingPcpus = (host: HostSummary, shape: VmShape): number =>
  Math.max(0, growthPcpus(host, shape) - host.freePcpus);

export const missingMiB = (host: HostSummary, shape: VmShape): number =>
  Math.max(0, shape.memoryMiB - (host.memoryCapacityMiB - host.memoryAllocatedMiB));

export const emptied = (host: HostSummary): HostSummary => ({
  ...host,
  pools: [],
  freePcpus: host.usablePcpus,
  memoryAllocatedMiB: mib(0),
  antiAffinityGroups: [],
  forecast: null,
});

interface Near {
  readonly id: string;
  readonly missing: number;
}

const isNearer = (a: Near, b: Near): boolean => a.missing < b.missing || (a.missing === b.missing && a.id < b.id);

/** Kept unsorted up to a few times as many as are wanted: sorting at each would take longer than the look. */
const KEPT_TIMES = 4;

/** The nearest of those that were added. */
export class Nearest {
  private kept: Near[] = [];
  /** The furthest of so many as are wanted; null: there are fewer yet. */
  private last: Near | null = null;

  constructor(private readonly most: number) {}

  /** Whoever misses more is not among them. */
  get bound(): number {
    return this.last?.missing ?? Number.POSITIVE_INFINITY;
  }

  /** Hosts of one make often miss the same. */
  mayHold(near: Near): boolean {
    return this.last === null || isNearer(near, this.last);
  }

  add(near: Near): void {
    if (this.kept.push(near) >= KEPT_TIMES * this.most) this.cut();
  }

  ids(): readonly string[] {
    this.cut();
    return this.kept.map(({ id }) => id);
  }

  private cut(): void {
    this.kept.sort((a, b) => (isNearer(a, b) ? -1 : 1));
    this.kept.length = Math.min(this.kept.length, this.most);
    if (this.kept.length === this.most) this.last = this.kept.at(-1)!;
  }
}
