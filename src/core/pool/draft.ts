/**
 * A host state being changed: the scratch copy on which a faithful policy works out one request, and from which the next
 * immutable state is taken. A refused request drops its draft, so nothing leaks. Untouched pools are shared.
 */
import { EMPTY_CPU_SET } from "../cpuset.js";
import type { Ratio } from "../units.js";
import { DraftPool } from "./draft-pool.js";
import type { Ground } from "./ground.js";
import type { HostState, MemoryPool, PoolMember } from "./model.js";

/** Owner of a position that no pool holds. */
export const FREE = -1;

export class Draft {
  /** In order of creation. */
  readonly pools: DraftPool[];
  /** By position: index of the pool that holds it, or FREE. */
  readonly owner: Int16Array;
  freeCount: number;
  memory: MemoryPool;

  constructor(
    readonly ground: Ground,
    host: HostState,
  ) {
    this.pools = host.pools.map((pool) => new DraftPool(ground, pool));
    this.owner = new Int16Array(ground.size).fill(FREE);
    this.freeCount = ground.size;
    this.memory = host.memory;
    for (let index = 0; index < this.pools.length; index++) {
      const { positions, size } = this.pools[index]!;
      for (let i = 0; i < size; i++) this.owner[positions[i]!] = index;
      this.freeCount -= size;
    }
  }

  /** In topology order. */
  freePositions(): Int32Array {
    const free = new Int32Array(this.freeCount);
    let count = 0;
    for (let position = 0; count < free.length; position++) if (this.owner[position] === FREE) free[count++] = position;
    return free;
  }

  /** Index of the pool of this ratio; -1 when there is none. */
  poolIndex(ratio: Ratio): number {
    for (let index = 0; index < this.pools.length; index++) if (this.pools[index]!.ratio === ratio) return index;
    return -1;
  }

  /** Adds an empty pool; returns its index. */
  create(ratio: Ratio): number {
    const empty = { ratio, pcpus: [], members: [], allocatedVcpus: 0, pinnedTo: EMPTY_CPU_SET };
    return this.pools.push(new DraftPool(this.ground, empty)) - 1;
  }

  /** Moves a free position into a pool. */
  take(index: number, position: number): void {
    this.pools[index]!.gain(position);
    this.owner[position] = index;
    this.freeCount -= 1;
  }

  /** The pool gives back the `count` pCPUs that were added last. */
  shrink(index: number, count: number): void {
    for (let i = 0; i < count; i++) this.owner[this.pools[index]!.giveBack()] = FREE;
    this.freeCount += count;
  }

  leave(index: number, member: PoolMember): void {
    this.pools[index]!.leave(member);
  }

  finish(): HostState {
    return { pools: this.pools.map((pool) => pool.finish()), memory: this.memory };
  }
}
