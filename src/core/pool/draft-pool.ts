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
  #sums: Float64Array;
  #own: CpuSet | null;
  #members: readonly PoolMember[];
  #allocated: number;
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
  get sums(): Float64Array {
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
    let largest = 0;
    for (const member of this.#members) if (member.vcpuIndexes.length > largest) largest = member.vcpuIndexes.length;
    return largest;
  }

  /** Its own pCPUs. */
  get own(): CpuSet {
    this.#own ??= this.ground.cpuSetOfPositions(this.#positions, this.#size);
    return this.#own;
  }

  memberOf(vm: string): PoolMember | undefined {
    for (const member of this.#members) if (member.vm === vm) return member;
    return undefined;
  }

  /** The VM's vCPUs `indexes` join: beside those that it has here already, or as the last VM. */
  join(vm: string, indexes: readonly number[]): void {
    const present = this.memberOf(vm);
    if (present === undefined) this.#members = [...this.#members, { vm, vcpuIndexes: indexes }];
    else {
      const joined = { vm, vcpuIndexes: [...present.vcpuIndexes, ...indexes] };
      this.#members = this.#members.map((member) => (member === present ? joined : member));
    }
    this.#allocated += indexes.length;
  }

  /** The VM's vCPUs leave; the pCPUs stay until the pool shrinks. */
  leave(gone: PoolMember): void {
    this.#members = this.#members.filter((member) => member !== gone);
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
    const pcpus = Array.from(positions, (position) => this.ground.ids[position]!);
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
