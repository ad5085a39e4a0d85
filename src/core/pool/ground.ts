/**
 * What the faithful policies know of a host beside its state: dense tables of the topology, and for each set of pCPUs that a
 * pool holds its positions, its distance sums and its CPU set. Distances are integers, so the sums are exact and order the
 * free pCPUs as the means of spec 1.3 do. Derived data hang on the immutable `pcpus` arrays and die with them.
 */
import { type CpuSet, cpuSetFromAscending } from "../cpuset.js";
import type { TopologyIndex } from "../topology/model.js";

/** Derived data of one `pcpus` array. */
export interface PoolShape {
  /** Positions in order of attribution. */
  readonly positions: Int32Array;
  /** For each position of the host, the sum of the distances from the pool's pCPUs to it. */
  readonly sums: Int32Array;
  readonly own: CpuSet;
}

export class Ground {
  readonly size: number;
  readonly ids: readonly number[];
  readonly #distance: Uint16Array;
  /** Positions by ascending pCPU id: CPU sets are written in that order. */
  readonly #byId: Int32Array;
  readonly #shapes = new WeakMap<readonly number[], PoolShape>();

  constructor(readonly topology: TopologyIndex) {
    this.ids = topology.ids;
    this.size = topology.ids.length;
    this.#distance = topology.distance;
    const order = topology.ids.map((_, position) => position);
    this.#byId = Int32Array.from(order.sort((a, b) => this.ids[a]! - this.ids[b]!));
  }

  shapeOf(pcpus: readonly number[]): PoolShape {
    const known = this.#shapes.get(pcpus);
    if (known !== undefined) return known;
    const positions = Int32Array.from(pcpus, (id) => this.topology.positionOf.get(id)!);
    const sums = new Int32Array(this.size);
    for (const position of positions) this.addDistances(sums, position);
    const shape = { positions, sums, own: this.cpuSetOfPositions(positions, positions.length) };
    this.#shapes.set(pcpus, shape);
    return shape;
  }

  /** Files derived data that the caller kept up to date itself. */
  remember(pcpus: readonly number[], shape: PoolShape): void {
    this.#shapes.set(pcpus, shape);
  }

  addDistances(sums: Int32Array, position: number): void {
    const distance = this.#distance;
    const size = this.size;
    for (let i = 0, cell = position * size; i < size; i++, cell++) sums[i]! += distance[cell]!;
  }

  subtractDistances(sums: Int32Array, position: number): void {
    const distance = this.#distance;
    const size = this.size;
    for (let i = 0, cell = position * size; i < size; i++, cell++) sums[i]! -= distance[cell]!;
  }

  distance(from: number, to: number): number {
    return this.#distance[from * this.size + to]!;
  }

  /** The CPU set of the first `count` entries of `positions`. */
  cpuSetOfPositions(positions: Int32Array, count: number): CpuSet {
    const held = new Uint8Array(this.size);
    for (let i = 0; i < count; i++) held[positions[i]!] = 1;
    return this.cpuSetOfMask(held);
  }

  /** The CPU set of the positions whose mask is not 0. */
  cpuSetOfMask(mask: Uint8Array): CpuSet {
    const out: number[] = [];
    const byId = this.#byId;
    for (let i = 0; i < byId.length; i++) {
      const position = byId[i]!;
      if (mask[position] !== 0) out.push(this.ids[position]!);
    }
    return cpuSetFromAscending(out);
  }
}
