/**
 * The rules of the faithful policies once more, as plainly as they can be written: means in doubles, lists sorted anew for
 * every pCPU, pins worked out from scratch. Slow, and without a line of the code that it checks.
 */
import type { TopologyIndex } from "../../src/core/topology/model.js";

export interface NaiveVm {
  readonly name: string;
  readonly vcpus: number;
  readonly memory: number;
  readonly ratio: number;
}

interface NaivePool {
  readonly ratio: number;
  res: number[];
  /** vCPU indexes by VM, in order of arrival. */
  vms: Map<string, number[]>;
  pins: number[];
}

export class NaiveHost {
  pools: NaivePool[] = [];
  memory = new Map<string, number>();
  memoryPoolExists = false;

  constructor(
    private readonly topology: TopologyIndex,
    private readonly memoryCapacity: number,
    private readonly criticalSize: number,
    private readonly template: readonly number[] | null,
  ) {}

  deploy(vm: NaiveVm): boolean {
    const before = structuredClone(this.pools);
    for (const [ratio, indexes] of this.#requests(vm)) {
      if (this.#place(vm.name, ratio, indexes)) continue;
      this.pools = before;
      return false;
    }
    this.#balance();
    if (this.#allocatedMemory() + vm.memory > this.memoryCapacity) {
      this.#takeOut(vm.name);
      this.#balance();
      return false;
    }
    this.memory.set(vm.name, vm.memory);
    this.memoryPoolExists = true;
    return true;
  }

  remove(vm: NaiveVm): boolean {
    if (this.template === null) {
      const pool = this.pools.find((one) => one.ratio === vm.ratio);
      if (pool === undefined) return false;
      pool.vms.delete(vm.name);
      this.#shrink(pool);
    } else this.#takeOut(vm.name);
    this.#balance();
    if (this.template === null && !this.memoryPoolExists) return false;
    this.memory.delete(vm.name);
    return true;
  }

  drop(seen: (vm: string, pool: number | "memory") => boolean): void {
    const shrinking: NaivePool[] = [];
    for (const pool of this.pools) {
      const list = [...pool.vms.keys()];
      for (let i = 0; i < list.length; i++) {
        const vm = list[i]!;
        if (seen(vm, pool.ratio)) continue;
        pool.vms.delete(vm);
        list.splice(i, 1);
        if (!shrinking.includes(pool)) shrinking.push(pool);
      }
    }
    for (const pool of shrinking) {
      this.#shrink(pool);
      pool.pins = [...pool.res];
    }
    const list = [...this.memory.keys()];
    for (let i = 0; i < list.length; i++) {
      const vm = list[i]!;
      if (seen(vm, "memory")) continue;
      this.memory.delete(vm);
      list.splice(i, 1);
    }
  }

  state() {
    return {
      pools: this.pools.map(({ ratio, res, vms, pins }) => ({
        ratio,
        pcpus: res,
        vms: [...vms].map(([vm, indexes]) => ({ vm, vcpuIndexes: indexes })),
        pinnedTo: [...pins].sort((a, b) => a - b),
      })),
      memory: [...this.memory],
    };
  }

  #requests(vm: NaiveVm): [number, number[]][] {
    const indexes = Array.from({ length: vm.vcpus }, (_, i) => i);
    const { template } = this;
    if (template === null) return [[vm.ratio, indexes]];
    return indexes.map((i) => [template[Math.min(i, template.length - 1)]!, [i]]);
  }

  #free(): number[] {
    const held = new Set(this.pools.flatMap((pool) => pool.res));
    return this.topology.ids.filter((id) => !held.has(id));
  }

  #weight(id: number, list: readonly number[]): number {
    if (list.length === 0) return 0;
    const at = (one: number): number => this.topology.positionOf.get(one)!;
    const sum = list.reduce(
      (total, one) => total + this.topology.distance[at(one) * this.topology.ids.length + at(id)]!,
      0,
    );
    return sum / list.length;
  }

  #allocated(pool: NaivePool): number {
    return [...pool.vms.values()].reduce((sum, indexes) => sum + indexes.length, 0);
  }

  #allocatedMemory(): number {
    return [...this.memory.values()].reduce((sum, size) => sum + size, 0);
  }

  #largest(pool: NaivePool): number {
    return Math.max(0, ...[...pool.vms.values()].map((indexes) => indexes.length));
  }

  #place(vm: string, ratio: number, indexes: number[]): boolean {
    let pool = this.pools.find((one) => one.ratio === ratio);
    if (pool === undefined) {
      const free = this.#free();
      if (free.length < indexes.length) return false;
      const all = this.pools.flatMap((one) => one.res);
      const byDistance = [...free].sort((a, b) => this.#weight(b, all) - this.#weight(a, all));
      const first = byDistance[0]!;
      const near = free
        .filter((id) => id !== first)
        .sort((a, b) => this.#weight(a, [first]) - this.#weight(b, [first]));
      pool = { ratio, res: [first, ...near.slice(0, indexes.length - 1)], vms: new Map(), pins: [] };
      this.pools.push(pool);
    } else {
      const here = (pool.vms.get(vm)?.length ?? 0) + indexes.length;
      const minimum = this.template === null ? indexes.length : Math.max(here, this.#largest(pool));
      const missing = indexes.length - (pool.res.length * ratio - this.#allocated(pool));
      let more = missing > 0 ? Math.ceil(missing / ratio) : 0;
      if (pool.res.length + more < minimum) more += minimum - (pool.res.length + more);
      if (this.#free().length < more) return false;
      for (let i = 0; i < more; i++) pool.res.push(this.#nearest(pool));
      if (pool.res.length * ratio - this.#allocated(pool) < indexes.length) return false;
    }
    pool.vms.set(vm, [...(pool.vms.get(vm) ?? []), ...indexes]);
    return true;
  }

  #nearest(pool: NaivePool): number {
    const free = this.#free();
    const weights = new Map(free.map((id) => [id, this.#weight(id, pool.res)]));
    if (this.template !== null) {
      const penalty = Math.max(...weights.values());
      for (const other of this.pools) {
        if (other === pool) continue;
        for (const id of free)
          if (this.#weight(id, other.res) < weights.get(id)!) weights.set(id, weights.get(id)! + penalty);
      }
    }
    return [...free].sort((a, b) => weights.get(a)! - weights.get(b)!)[0]!;
  }

  #takeOut(vm: string): void {
    for (const pool of this.pools) {
      if (!pool.vms.delete(vm)) continue;
      this.#shrink(pool);
    }
  }

  #shrink(pool: NaivePool): void {
    const { ratio } = pool;
    let unused = Math.floor((pool.res.length * ratio - this.#allocated(pool)) / ratio);
    const largest = this.#largest(pool);
    if (pool.res.length - unused < largest) unused = Math.max(0, pool.res.length - largest);
    pool.res = pool.res.slice(0, pool.res.length - Math.max(0, unused));
  }

  #balance(): void {
    for (const pool of this.pools) pool.pins = [...pool.res];
    const shared = this.pools.filter((pool) => pool.ratio > 1 && (this.template !== null || pool.vms.size > 0));
    if (!shared.some((pool) => pool.vms.size < this.criticalSize)) return;
    const allocated = shared.reduce((sum, pool) => sum + this.#allocated(pool), 0);
    const lowest = Math.min(...shared.map((pool) => pool.ratio));
    const free = this.#free();
    if (free.length + allocated < Math.ceil(allocated / lowest)) return;
    const union = [...shared.flatMap((pool) => pool.res), ...free];
    for (const pool of shared) pool.pins = union;
  }
}
