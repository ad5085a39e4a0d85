/**
 * An assignment that is being worked on: which vCPU is on which pCPU, what load that makes, and how many vCPUs of one VM
 * share a pCPU. Every step costs constant time. The measure of evenness is the sum of the squared loads: their sum is fixed
 * once every vCPU has a place, so that the lowest sum of squares is the lowest standard deviation.
 */
import { assert } from "../assert.js";
import type { Arena } from "./model.js";

export const NOWHERE = -1;

/** What does not change while assignments are tried: demands, VMs as numbers, and where each vCPU may be. */
export interface Field {
  readonly pcpuCount: number;
  readonly vcpuCount: number;
  readonly demands: Float64Array;
  readonly background: Float64Array;
  readonly cells: Int32Array;
  /** Where each vCPU is pinned; NOWHERE: it has to be placed. */
  readonly start: Int32Array;
  readonly ranOn: Int32Array;
  /** NOWHERE: it has none. */
  readonly homeCell: Int32Array;
  readonly vmOf: Int32Array;
  /** vCPUs of each VM. */
  readonly vmSizes: Int32Array;
  /** Positions that each vCPU may use, ascending; one and the same array for vCPUs of the same borders. */
  readonly allowed: readonly Int32Array[];
  /** The different ones of them, and which of these is each vCPU's. */
  readonly borders: readonly Int32Array[];
  readonly borderOf: Int32Array;
  /** Most vCPUs of its VM that may share a pCPU with it: 1, unless the VM has more vCPUs than places. */
  readonly shareLimits: Int32Array;
}

/** Every vCPU must have a pCPU that it may use. */
export function fieldOf(arena: Arena): Field {
  const { pcpus, vcpus } = arena;
  assert(
    vcpus.every(({ allowed }) => (allowed ?? pcpus).length > 0),
    "a vCPU of an arena may use one of its pCPUs",
  );
  const everywhere = Int32Array.from(pcpus, (_, position) => position);
  const known = new Map<readonly number[], Int32Array>();
  const allowed = vcpus.map((vcpu) => {
    if (vcpu.allowed === null) return everywhere;
    const made = known.get(vcpu.allowed) ?? Int32Array.from(vcpu.allowed).sort();
    known.set(vcpu.allowed, made);
    return made;
  });
  const numbers = new Map<string, number>();
  const vmOf = Int32Array.from(vcpus, ({ vm }) => {
    const number = numbers.get(vm) ?? numbers.size;
    numbers.set(vm, number);
    return number;
  });
  const vmSizes = new Int32Array(numbers.size);
  for (const vm of vmOf) vmSizes[vm]!++;
  const field = {
    pcpuCount: pcpus.length,
    vcpuCount: vcpus.length,
    demands: Float64Array.from(vcpus, ({ demandPcpus }) => demandPcpus),
    background: Float64Array.from(pcpus, ({ backgroundPcpus }) => backgroundPcpus),
    cells: Int32Array.from(pcpus, ({ cell }) => cell),
    // Who is where it must not be has no place.
    start: Int32Array.from(vcpus, ({ at }, index) => (at !== null && allowed[index]!.includes(at) ? at : NOWHERE)),
    ranOn: Int32Array.from(vcpus, ({ ranOn }) => ranOn ?? NOWHERE),
    homeCell: Int32Array.from(vcpus, ({ homeCell }) => homeCell ?? NOWHERE),
    vmOf,
    vmSizes,
    shareLimits: Int32Array.from(allowed, (places, index) => Math.ceil(vmSizes[vmOf[index]!]! / places.length)),
  };
  return withAllowed(field, allowed);
}

/** The same vCPUs with other borders. */
export function withAllowed(
  field: Omit<Field, "allowed" | "borders" | "borderOf">,
  allowed: readonly Int32Array[],
): Field {
  const borders = [...new Set(allowed)];
  const numbers = new Map(borders.map((places, number) => [places, number]));
  return { ...field, allowed, borders, borderOf: Int32Array.from(allowed, (places) => numbers.get(places)!) };
}

export class Board {
  readonly at: Int32Array;
  readonly loads: Float64Array;
  /** vCPUs on each pCPU, unordered. */
  readonly members: number[][];
  /** Where each vCPU stands in its pCPU's list. */
  private readonly seats: Int32Array;
  private readonly together = new Map<number, number>();

  constructor(readonly field: Field) {
    this.at = new Int32Array(field.vcpuCount).fill(NOWHERE);
    this.seats = new Int32Array(field.vcpuCount);
    this.loads = Float64Array.from(field.background);
    this.members = Array.from({ length: field.pcpuCount }, () => []);
  }

  /** Every vCPU that has a place is there; the others are nowhere yet. */
  static fromStart(field: Field): Board {
    const board = new Board(field);
    for (let index = 0; index < field.vcpuCount; index++) {
      const start = field.start[index]!;
      if (start !== NOWHERE) board.put(index, start);
    }
    return board;
  }

  /** Moves a vCPU to a pCPU, or to NOWHERE. */
  put(index: number, to: number): void {
    const from = this.at[index]!;
    if (from === to) return;
    const demand = this.field.demands[index]!;
    if (from !== NOWHERE) {
      this.loads[from]! -= demand;
      const members = this.members[from]!;
      const last = members.pop()!;
      const seat = this.seats[index]!;
      if (last !== index) {
        members[seat] = last;
        this.seats[last] = seat;
      }
      this.count(index, from, -1);
    }
    if (to !== NOWHERE) {
      this.loads[to]! += demand;
      this.seats[index] = this.members[to]!.push(index) - 1;
      this.count(index, to, 1);
    }
    this.at[index] = to;
  }

  /** vCPUs of the same VM on a pCPU, the given one not counted. */
  siblings(index: number, pcpu: number): number {
    const own = this.at[index] === pcpu ? 1 : 0;
    return (this.together.get(this.key(index, pcpu)) ?? 0) - own;
  }

  /** No VM over itself, as far as it has places enough. */
  fits(index: number, pcpu: number): boolean {
    const { vmSizes, vmOf, shareLimits } = this.field;
    return vmSizes[vmOf[index]!] === 1 || this.siblings(index, pcpu) < shareLimits[index]!;
  }

  sumOfSquares(): number {
    let sum = 0;
    for (const load of this.loads) sum += load * load;
    return sum;
  }

  /** Population standard deviation of the loads. */
  deviation(): number {
    return deviationOf(this.loads);
  }

  private key(index: number, pcpu: number): number {
    return this.field.vmOf[index]! * this.field.pcpuCount + pcpu;
  }

  private count(index: number, pcpu: number, step: number): void {
    if (this.field.vmSizes[this.field.vmOf[index]!]! === 1) return;
    const key = this.key(index, pcpu);
    this.together.set(key, (this.together.get(key) ?? 0) + step);
  }
}

export function deviationOf(loads: ArrayLike<number>): number {
  const n = loads.length;
  if (n === 0) return 0;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += loads[i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (loads[i]! - mean) ** 2;
  return Math.sqrt(squares / n);
}

/** The sum of squares of `count` loads that sum to `total` and deviate by `deviation`. */
export const squaresFor = (deviation: number, total: number, count: number): number =>
  count * deviation * deviation + (total * total) / count;
