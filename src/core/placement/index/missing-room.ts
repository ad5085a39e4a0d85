/**
 * What every host misses of the room for a VM, at a glance: the counts of which that is made, in columns by host. Read from the hosts' own
 * summaries, which lie all over memory, the same takes several times as long. Filled in when it is first asked for, which takes some 50 ms for
 * 10,000 hosts; from then on hosts that have changed are read again, before they are many. Gives what nearest-hosts.ts gives.
 */

import { type ExactRatio, poolSize } from "../../pool/exact-ratio.js";
import type { Ratio } from "../../units.js";
import { exactPoolRatio } from "../arithmetic.js";
import type { HostSummary, PoolCounts, VmShape } from "../model.js";
import { isOpen, missingPcpus, Nearest } from "../nearest-hosts.js";

/** Pools of one ratio, by host. */
interface PoolColumn {
  /** `NO_POOL`: it has none. */
  readonly pcpus: number[];
  readonly allocatedVcpus: number[];
  readonly counted: (ExactRatio | null)[];
}

const NO_POOL = -1;

/** Hosts that are read again at once: a fraction of a millisecond. */
const MOST_TOUCHED = 64;

/** How the host counts: not at all now, by the columns, or by the whole of its summary (other policies, templates). */
const [CLOSED, BY_COLUMNS, BY_SUMMARY] = [0, 1, 2] as const;

export class MissingRoom {
  readonly #touched = new Set<number>();
  /** Where nobody ever asks, nothing is filled in. */
  #isAsked = false;
  readonly #way: (typeof CLOSED | typeof BY_COLUMNS | typeof BY_SUMMARY)[] = [];
  readonly #freePcpus: number[] = [];
  readonly #usablePcpus: number[] = [];
  readonly #freeMiB: number[] = [];
  readonly #capacityMiB: number[] = [];
  readonly #pools = new Map<Ratio, PoolColumn>();
  /** One of each, so that they lie close together. */
  readonly #exact = new Map<Ratio, ExactRatio | null>();

  /** Undefined: there is no such host any more. */
  constructor(private readonly hostOf: (number: number) => HostSummary | undefined) {}

  /** The host is new, another, or gone. */
  touch(number: number): void {
    this.#touched.add(number);
    if (this.#isAsked && this.#touched.size >= MOST_TOUCHED) this.#refresh();
  }

  /** `isSuited`: asked of hosts that may be among the nearest. At most so many, the nearest first. */
  nearest(shape: VmShape, isSuited: (host: HostSummary) => boolean, most: number): readonly string[] {
    this.#isAsked = true;
    this.#refresh();
    const nearest = new Nearest(most);
    const column = shape.ratio === null ? undefined : this.#pools.get(shape.ratio);
    for (let number = 0; number < this.#way.length; number++) {
      if (this.#way[number] === CLOSED) continue;
      const ofMemory = Math.max(0, shape.memoryMiB - this.#freeMiB[number]!) / this.#capacityMiB[number]!;
      if (ofMemory > nearest.bound) continue;
      const missing = this.#missingPcpus(number, shape, column) / this.#usablePcpus[number]! + ofMemory;
      if (missing > nearest.bound) continue;
      const host = this.hostOf(number)!;
      const near = { id: host.id, missing };
      if (nearest.mayHold(near) && isSuited(host)) nearest.add(near);
    }
    return nearest.ids();
  }

  #missingPcpus(number: number, shape: VmShape, column: PoolColumn | undefined): number {
    if (this.#way[number] === BY_SUMMARY || shape.ratio === null) return missingPcpus(this.hostOf(number)!, shape);
    const { vcpus } = shape;
    const pcpus = column?.pcpus[number] ?? NO_POOL;
    if (column === undefined || pcpus === NO_POOL) return Math.max(0, vcpus - this.#freePcpus[number]!);
    const counted = column.counted[number]!;
    if (counted === null) return Number.POSITIVE_INFINITY;
    const growth = Math.max(0, poolSize(column.allocatedVcpus[number]! + vcpus, vcpus, counted) - pcpus);
    return Math.max(0, growth - this.#freePcpus[number]!);
  }

  #refresh(): void {
    for (const number of this.#touched) this.#read(number, this.hostOf(number));
    this.#touched.clear();
  }

  #read(number: number, host: HostSummary | undefined): void {
    if (host === undefined || !isOpen(host)) {
      this.#way[number] = CLOSED;
      return;
    }
    this.#way[number] = host.policy === "headroom" && host.template === null ? BY_COLUMNS : BY_SUMMARY;
    this.#freePcpus[number] = host.freePcpus;
    this.#usablePcpus[number] = host.usablePcpus;
    this.#freeMiB[number] = host.memoryCapacityMiB - host.memoryAllocatedMiB;
    this.#capacityMiB[number] = host.memoryCapacityMiB;
    for (const column of this.#pools.values()) column.pcpus[number] = NO_POOL;
    for (const pool of host.pools.toReversed()) this.#readPool(number, pool);
  }

  #readPool(number: number, pool: PoolCounts): void {
    let column = this.#pools.get(pool.ratio);
    if (column === undefined) {
      column = { pcpus: [], allocatedVcpus: [], counted: [] };
      this.#pools.set(pool.ratio, column);
    }
    column.pcpus[number] = pool.pcpus;
    column.allocatedVcpus[number] = pool.allocatedVcpus;
    column.counted[number] = this.#exactRatio(pool);
  }

  #exactRatio(pool: PoolCounts): ExactRatio | null {
    const ratio = pool.effectiveRatio ?? pool.ratio;
    const known = this.#exact.get(ratio) ?? exactPoolRatio(pool);
    this.#exact.set(ratio, known);
    return known;
  }
}
