/** A pool inside a draft (draft.ts): its tables are shared with the immutable pool until the first write. */
import { assert } from "../assert.js";
import type { CpuSet } from "../cpuset.js";
import type { Ratio } from "../units.js";
import type { Ground } from "./ground.js";
import type { CpuPool, PoolMember } from "./model.js";

export class DraftPool {
  readonly ratio: Ratio;
  pinnedTo: CpuSet;
  #size: number;
  #positions: Int32Array;
  #sums: Int32Array;
  #own: CpuSet | null;
  #members: readonly PoolMember[];
  #allocated: number;
  /** -1: to be counted. */
  #largest = -1;
  #resized = false;

  constructor(
    private readonly ground: Ground,
    private readonly base: CpuPool,
  ) {
    const shape = ground.shapeOf(base.pcpus);
    this.ratio = base.ratio;
    this.pinnedTo = base.pinnedTo;
    this.#positions = shape.positions;
    this.#size = shape.positions.length;
    this.#sums = shape.sums;
    this.#own = shape.own;
    this.#members = base.members;
    this.#allocated = base.allocatedVcpus;
  }

  /** pCPUs that it holds. */
  get size(): number {
    return this.#size;
  }

  /** Positions in order of attribution; only the first `size` entries count. */
  get positions(): Int32Array {
    return this.#positions;
  }

  /** For each position of the host, the sum of the distances from this pool's pCPUs. */
  get sums(): Int32Array {
    return this.#sums;
  }

  get members(): readonly PoolMember[] {
    return this.#members;
  }

  get allocated(): number {
    return this.#allocated;
  }

  /** vCPUs of its largest VM; 0 in an empty pool. */
  get largest(): number {
    if (this.#largest >= 0) return this.#largest;
    let largest = 0;
    for (const { vcpuIndexes } of this.#members) if (vcpuIndexes.length > largest) largest = vcpuIndexes.length;
    this.#largest = largest;
    return largest;
  }

  /** Its own pCPUs. */
  get own(): CpuSet {
    this.#own ??= this.ground.cpuSetOfPositions(this.#positions, this.#size);
    return this.#own;
  }

  memberOf(vm: string): PoolMember | undefined {
    // From the end: a VM that is placed vCPU by vCPU is the last one.
    for (let i = this.#members.length - 1; i >= 0; i--) if (this.#members[i]!.vm === vm) return this.#members[i];
    return undefined;
  }

  /** The VM's vCPUs `indexes` join: beside those that it has here already, or as the last VM. */
  join(vm: string, indexes: readonly number[]): void {
    const present = this.memberOf(vm);
    const vcpuIndexes = present === undefined ? indexes : present.vcpuIndexes.concat(indexes);
    const members = this.#members.slice();
    members[present === undefined ? members.length : members.lastIndexOf(present)] = { vm, vcpuIndexes };
    this.#largest = Math.max(this.largest, vcpuIndexes.length);
    this.#members = members;
    this.#allocated += indexes.length;
  }

  /** The VM's vCPUs leave; the pCPUs stay until the pool shrinks. */
  leave(gone: PoolMember): void {
    this.#members = this.#members.filter((member) => member !== gone);
    this.#largest = -1;
    this.#allocated -= gone.vcpuIndexes.length;
  }

  gain(position: number): void {
    this.#takeShape();
    this.#positions[this.#size] = position;
    this.#size += 1;
    this.ground.addDistances(this.#sums, position);
  }

  /** Gives back the pCPU that was added last; returns its position. */
  giveBack(): number {
    assert(this.#size > 0, "a pool gives back only what it holds");
    this.#takeShape();
    this.#size -= 1;
    const position = this.#positions[this.#size]!;
    this.ground.subtractDistances(this.#sums, position);
    return position;
  }

  finish(): CpuPool {
    const { base } = this;
    if (!this.#resized && this.#members === base.members && this.pinnedTo === base.pinnedTo) return base;
    return {
      ratio: this.ratio,
      pcpus: this.#resized ? this.#finishPcpus() : base.pcpus,
      members: this.#members,
      allocatedVcpus: this.#allocated,
      pinnedTo: this.pinnedTo,
    };
  }

  #finishPcpus(): readonly number[] {
    const positions = this.#positions.slice(0, this.#size);
    const pcpus = new Array<number>(positions.length);
    for (let i = 0; i < pcpus.length; i++) pcpus[i] = this.ground.ids[positions[i]!]!;
    this.ground.remember(pcpus, { positions, sums: this.#sums, own: this.own });
    return pcpus;
  }

  #takeShape(): void {
    this.#own = null;
    if (this.#resized) return;
    const positions = new Int32Array(this.ground.size);
    positions.set(this.#positions);
    this.#positions = positions;
    this.#sums = this.#sums.slice();
    this.#resized = true;
  }
}
