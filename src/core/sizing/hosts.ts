/**
 * The hosts of a sizing run: what each has taken, and what still fits. Of its pCPUs a host needs
 *   used = s(1) + min(sum of A(r), A(all)),   A(r) = n(r) < 2 ? s(r) : ceil(s(r) / r),
 * with s(r) vCPUs and n(r) VMs at ratio r: a VM is not oversubscribed with itself, so one alone gets its vCPUs whole; and VMs of
 * different ratios may share a pool at the lowest of them, A(all). A VM fits when `used` with it is at most the host's pCPUs, and
 * its memory fits. What fits is kept per host and ratio, so that a look at a host is a comparison; most hosts are full and take no VM of
 * the workload whatever its size: they are passed over, 32 at a time.
 * Hosts are opened one after the other as VMs need them, up to a limit: those that were never opened are all alike.
 */
import { assert } from "../assert.js";
import type { Ratio } from "../units.js";
import type { SizedHost, VmColumns } from "./model.js";

/** vCPUs are whole and ratios decimal: their quotient is a whole number when it is that near to one. */
const NEAR = 1e-9;
/** Hosts whose bits are kept together. */
export const BLOCK = 32;
/** Hosts that there is room for at first. */
const FIRST_CAPACITY = 64;
/** Changes that are remembered, for those who keep scores of many hosts (best-hosts.ts); who falls further behind looks at all hosts. */
export const CHANGES = 8_192;

/** Place of the lowest bit that is set, of 32. */
export const lowestBit = (bits: number): number => BLOCK - 1 - Math.clz32(bits & -bits);

/** What was in `old`, and then `fill`. */
export const grown = <T extends Int32Array | Float64Array>(old: T, longer: T, fill = 0): T => {
  longer.fill(fill as never);
  longer.set(old);
  return longer;
};

export class Hosts {
  readonly levels: number;
  /** So many, from the first, have or had a VM. */
  opened = 0;
  usedPcpus = new Int32Array(0);
  usedMemoryMiB = new Float64Array(0);
  freeMemoryMiB = new Float64Array(0);
  /** By host and level: largest VM that still fits, in vCPUs; 0: none. */
  room = new Int32Array(0);
  /** The last hosts that changed, a ring: the next is written at `changeCount % CHANGES`. */
  readonly changes = new Int32Array(CHANGES);
  changeCount = 0;
  /** By host: `changeCount` after its last change. */
  lastChange = new Int32Array(0);
  /** By block: a bit for each host that takes the smallest VM of some level. Hosts beyond `open` have theirs, too. */
  takers = new Int32Array(0);
  readonly ratios: readonly Ratio[];
  private capacity = 0;
  // By host and level: s(r), n(r), and A(r) where the ratio is above 1.
  private vcpus = new Int32Array(0);
  private vms = new Int32Array(0);
  private apart = new Int32Array(0);
  // By host: s(1), and of all that may share pCPUs the sum of A(r), vCPUs, VMs and the lowest level; `levels`: there are none.
  private alone = new Int32Array(0);
  private separate = new Int32Array(0);
  private merged = new Int32Array(0);
  private members = new Int32Array(0);
  private lowest = new Int32Array(0);
  private readonly tables: Tables;
  // By level: the least that a VM wants there.
  private readonly leastVcpus: Int32Array;
  private readonly leastMemoryMiB: Float64Array;

  /** `limit`: hosts that may be opened; infinity: as many as are needed. */
  constructor(
    readonly limit: number,
    readonly shape: SizedHost,
    private readonly workload: Pick<VmColumns, "ratios" | "needs">,
  ) {
    const { ratios, needs } = workload;
    this.ratios = ratios;
    this.levels = ratios.length;
    this.leastVcpus = new Int32Array(ratios.length).fill(shape.pcpus);
    this.leastMemoryMiB = new Float64Array(ratios.length).fill(shape.memoryMiB);
    for (const [need, level] of needs.level.entries()) {
      this.leastVcpus[level] = Math.min(this.leastVcpus[level]!, needs.vcpus[need]!);
      this.leastMemoryMiB[level] = Math.min(this.leastMemoryMiB[level]!, needs.memoryMiB[need]!);
    }
    this.tables = tablesFor(shape.pcpus, ratios);
    this.reserve(FIRST_CAPACITY);
  }

  /** The same hosts, of which no more than `limit` may be opened: what is done to one leaves the other as it is. */
  copy(limit: number): Hosts {
    assert(limit >= this.opened, "no host is closed");
    const other = new Hosts(limit, this.shape, this.workload);
    other.opened = this.opened;
    other.capacity = this.capacity;
    other.usedPcpus = this.usedPcpus.slice();
    other.usedMemoryMiB = this.usedMemoryMiB.slice();
    other.freeMemoryMiB = this.freeMemoryMiB.slice();
    other.room = this.room.slice();
    other.changeCount = this.changeCount;
    other.lastChange = this.lastChange.slice();
    other.vcpus = this.vcpus.slice();
    other.vms = this.vms.slice();
    other.apart = this.apart.slice();
    other.alone = this.alone.slice();
    other.separate = this.separate.slice();
    other.merged = this.merged.slice();
    other.members = this.members.slice();
    other.lowest = this.lowest.slice();
    other.takers = this.takers.slice();
    return other;
  }

  /** Hosts that a VM may go to: those that are open, and one that is not, where the limit allows one. */
  get open(): number {
    return this.opened < this.limit ? this.opened + 1 : this.opened;
  }

  fits(host: number, level: number, vcpus: number, memoryMiB: number): boolean {
    return vcpus <= this.room[host * this.levels + level]! && memoryMiB <= this.freeMemoryMiB[host]!;
  }

  vcpusAt(host: number, level: number): number {
    return this.vcpus[host * this.levels + level]!;
  }

  /** pCPUs that the host would need with one more VM of `vcpus` at `level`. */
  usedWith(host: number, level: number, vcpus: number): number {
    if (level < this.tables.whole) return this.usedPcpus[host]! + vcpus;
    const at = host * this.levels + level;
    const apart = this.pcpusFor(level, this.vcpus[at]! + vcpus, this.vms[at]! + 1);
    const low = Math.min(level, this.lowest[host]!);
    const together = this.pcpusFor(low, this.merged[host]! + vcpus, this.members[host]! + 1);
    return this.alone[host]! + Math.min(this.separate[host]! - this.apart[at]! + apart, together);
  }

  /** The first host from `from` on that takes the VM, one of the workload; -1: none. */
  firstFit(from: number, level: number, vcpus: number, memoryMiB: number): number {
    const { levels, room, freeMemoryMiB, takers, open } = this;
    for (let first = from - (from % BLOCK); first < open; first += BLOCK) {
      let bits = takers[first / BLOCK]!;
      for (; bits !== 0; bits &= bits - 1) {
        const host = first + lowestBit(bits);
        if (host >= open) return -1;
        if (host >= from && vcpus <= room[host * levels + level]! && memoryMiB <= freeMemoryMiB[host]!) return host;
      }
    }
    return -1;
  }

  add(host: number, vms: VmColumns, vm: number): void {
    this.change(host, vms.level[vm]!, vms.vcpus[vm]!, 1, vms.memoryMiB[vm]!);
    if (host < this.opened) return;
    assert(host === this.opened && host < this.limit, "hosts are opened one after the other, up to the limit");
    this.opened++;
    if (this.opened === this.capacity) this.reserve(this.capacity * 2);
    // The next one may be chosen from now on.
    this.note(this.opened);
  }

  remove(host: number, vms: VmColumns, vm: number): void {
    this.change(host, vms.level[vm]!, -vms.vcpus[vm]!, -1, -vms.memoryMiB[vm]!);
  }

  private note(host: number): void {
    this.changes[this.changeCount % CHANGES] = host;
    this.lastChange[host] = ++this.changeCount;
  }

  private change(host: number, level: number, vcpus: number, vms: number, memoryMiB: number): void {
    const at = host * this.levels + level;
    const sold = this.vcpus[at]! + vcpus;
    const count = this.vms[at]! + vms;
    this.vcpus[at] = sold;
    this.vms[at] = count;
    if (level < this.tables.whole) this.alone[host] = this.alone[host]! + vcpus;
    else {
      const apart = this.pcpusFor(level, sold, count);
      this.separate[host] = this.separate[host]! + apart - this.apart[at]!;
      this.apart[at] = apart;
      this.merged[host] = this.merged[host]! + vcpus;
      this.members[host] = this.members[host]! + vms;
      if (sold === 0 || level < this.lowest[host]!) this.lowest[host] = this.lowestOf(host);
    }
    const used = this.usedMemoryMiB[host]! + memoryMiB;
    this.usedMemoryMiB[host] = used;
    this.freeMemoryMiB[host] = this.shape.memoryMiB - used;
    this.measure(host);
    this.note(host);
  }

  private lowestOf(host: number): number {
    const { levels, vcpus } = this;
    for (let level = this.tables.whole; level < levels; level++) if (vcpus[host * levels + level]! > 0) return level;
    return levels;
  }

  /** A(r) of the level's ratio. */
  private pcpusFor(level: number, vcpus: number, vms: number): number {
    return vms < 2 ? vcpus : this.tables.pcpus[level * this.tables.stride + vcpus]!;
  }

  /**
   * What the host needs, and what still fits at each level. With one VM more the need only grows with its size. With none it may be
   * larger: of two VMs that shared pCPUs, the one that stays gets its own. A host may so need more than it has, until another VM
   * comes to share them.
   */
  private measure(host: number): void {
    const { levels, room, vcpus, vms, apart, leastVcpus, leastMemoryMiB } = this;
    const { whole } = this.tables;
    const { pcpus } = this.shape;
    const base = host * levels;
    const alone = this.alone[host]!;
    const separate = this.separate[host]!;
    const merged = this.merged[host]!;
    const members = this.members[host]!;
    const lowest = this.lowest[host]!;
    const freeMemoryMiB = this.freeMemoryMiB[host]!;
    const used = members === 0 ? alone : alone + Math.min(separate, this.pcpusFor(lowest, merged, members));
    this.usedPcpus[host] = used;
    const left = pcpus - alone;
    let takes = false;
    for (let level = 0; level < levels; level++) {
      const at = base + level;
      let most = pcpus - used;
      if (level >= whole) {
        const apartFrom = this.mostAt(level, left - separate + apart[at]!, vcpus[at]!, vms[at]!);
        const together = this.mostAt(Math.min(level, lowest), left, merged, members);
        most = Math.min(pcpus, Math.max(apartFrom, together));
      }
      most = Math.max(0, most);
      room[at] = most;
      if (most >= leastVcpus[level]! && freeMemoryMiB >= leastMemoryMiB[level]!) takes = true;
    }
    this.markTaker(host, takes);
  }

  /** vCPUs of the largest VM that joins `count` others, which have `sold`, within so many pCPUs. */
  private mostAt(level: number, pcpus: number, sold: number, count: number): number {
    if (pcpus <= 0) return 0;
    return count === 0 ? pcpus : this.tables.vcpus[level * this.tables.stride + pcpus]! - sold;
  }

  private markTaker(host: number, takes: boolean): void {
    const block = Math.floor(host / BLOCK);
    const bit = 1 << (host % BLOCK);
    this.takers[block] = takes ? this.takers[block]! | bit : this.takers[block]! & ~bit;
  }

  /** There is always one host more than is open, as the next. */
  private reserve(capacity: number): void {
    const { levels, shape } = this;
    this.usedPcpus = grown(this.usedPcpus, new Int32Array(capacity));
    this.usedMemoryMiB = grown(this.usedMemoryMiB, new Float64Array(capacity));
    this.freeMemoryMiB = grown(this.freeMemoryMiB, new Float64Array(capacity), shape.memoryMiB);
    this.lastChange = grown(this.lastChange, new Int32Array(capacity));
    this.vcpus = grown(this.vcpus, new Int32Array(capacity * levels));
    this.vms = grown(this.vms, new Int32Array(capacity * levels));
    this.apart = grown(this.apart, new Int32Array(capacity * levels));
    this.alone = grown(this.alone, new Int32Array(capacity));
    this.separate = grown(this.separate, new Int32Array(capacity));
    this.merged = grown(this.merged, new Int32Array(capacity));
    this.members = grown(this.members, new Int32Array(capacity));
    this.lowest = grown(this.lowest, new Int32Array(capacity), levels);
    this.room = grown(this.room, new Int32Array(capacity * levels), shape.pcpus);
    this.takers = grown(this.takers, new Int32Array(Math.ceil(capacity / BLOCK)), -1);
    this.capacity = capacity;
  }
}

/** By level, and then by vCPUs or by pCPUs; `stride` entries for each level. */
interface Tables {
  readonly stride: number;
  /** So many levels, the first ones, have ratios of at most 1: their VMs share nothing. */
  readonly whole: number;
  /**
   * That several VMs with so many vCPUs need. No host ever has more of them than its pCPUs times the highest ratio, or it would need
   * more than it has; and one VM more is asked about, which may be as large as a host.
   */
  readonly pcpus: Int32Array;
  /** The most that several VMs may have of so many pCPUs. */
  readonly vcpus: Int32Array;
}

function tablesFor(pcpus: number, ratios: readonly Ratio[]): Tables {
  const highest = ratios.reduce((most: number, ratio) => Math.max(most, ratio), 1);
  const stride = Math.ceil(pcpus * highest) + pcpus + 1;
  const tables = {
    stride,
    whole: ratios.filter((ratio) => ratio <= 1).length,
    pcpus: new Int32Array(ratios.length * stride),
    vcpus: new Int32Array(ratios.length * stride),
  };
  for (const [level, ratio] of ratios.entries()) {
    for (let vcpus = 0; vcpus < stride; vcpus++) {
      const needed = Math.ceil(vcpus / ratio - NEAR);
      tables.pcpus[level * stride + vcpus] = needed;
    }
    let vcpus = 0;
    for (let each = 0; each <= pcpus; each++) {
      vcpus = Math.max(vcpus, Math.floor(each * ratio));
      while (Math.ceil((vcpus + 1) / ratio - NEAR) <= each) vcpus++;
      tables.vcpus[level * stride + each] = vcpus;
    }
  }
  return tables;
}
