/**
 * The hosts of a sizing run: what each has taken, and what still fits. Of its pCPUs a host needs
 *   used = s(1) + min(sum of A(r), A(all)),   A(r) = n(r) < 2 ? s(r) : ceil(s(r) / r),
 * with s(r) vCPUs and n(r) VMs at ratio r: a VM is not oversubscribed with itself, so one alone gets its vCPUs whole; and VMs of
 * different ratios may share a pool at the lowest of them, A(all). A VM fits when `used` with it is at most the host's pCPUs, and
 * its memory fits. What fits is kept per host and ratio, and per block of hosts, so that a look at a host is a comparison.
 * Hosts are opened one after the other as VMs need them, up to a limit: those that were never opened are all alike.
 */
import { assert } from "../assert.js";
import type { Ratio } from "../units.js";
import type { SizedHost, VmColumns } from "./model.js";

/** vCPUs are whole and ratios decimal: their quotient is a whole number when it is that near to one. */
const NEAR = 1e-9;
/** Hosts whose largest rooms are kept together. */
const BLOCK = 32;
/** Hosts that there is room for at first. */
const FIRST_CAPACITY = 64;
/** Changes that are remembered, for those who keep scores of hosts (best-hosts.ts); who falls further behind looks at all hosts. */
export const CHANGES = 8_192;

const pcpusFor = (vcpus: number, vms: number, ratio: number): number =>
  vms < 2 ? vcpus : Math.ceil(vcpus / ratio - NEAR);

const grown = <T extends Int32Array | Float64Array>(old: T, longer: T, fill = 0): T => {
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
  private capacity = 0;
  private vcpus = new Int32Array(0);
  private vms = new Int32Array(0);
  private blockRoom = new Int32Array(0);
  private blockMemory = new Float64Array(0);
  /** By level and pCPUs: most vCPUs at that ratio that several VMs may have of so many pCPUs. */
  private readonly mostVcpus: Int32Array;

  /** `limit`: hosts that may be opened; infinity: as many as are needed. */
  constructor(
    readonly limit: number,
    readonly shape: SizedHost,
    readonly ratios: readonly Ratio[],
  ) {
    this.levels = ratios.length;
    this.mostVcpus = mostVcpusOf(shape.pcpus, ratios);
    this.reserve(FIRST_CAPACITY);
  }

  /** The same hosts, of which no more than `limit` may be opened: what is done to one leaves the other as it is. */
  copy(limit: number): Hosts {
    assert(limit >= this.opened, "no host is closed");
    const other = new Hosts(limit, this.shape, this.ratios);
    other.opened = this.opened;
    other.capacity = this.capacity;
    other.usedPcpus = this.usedPcpus.slice();
    other.usedMemoryMiB = this.usedMemoryMiB.slice();
    other.freeMemoryMiB = this.freeMemoryMiB.slice();
    other.room = this.room.slice();
    other.vcpus = this.vcpus.slice();
    other.vms = this.vms.slice();
    other.blockRoom = this.blockRoom.slice();
    other.blockMemory = this.blockMemory.slice();
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
    const { levels, ratios } = this;
    const base = host * levels;
    let alone = 0;
    let separate = 0;
    let merged = 0;
    let members = 0;
    let lowest = 0;
    for (let each = 0; each < levels; each++) {
      const added = each === level;
      const sold = this.vcpus[base + each]! + (added ? vcpus : 0);
      if (sold === 0) continue;
      const ratio = ratios[each]!;
      if (ratio <= 1) {
        alone += sold;
        continue;
      }
      const count = this.vms[base + each]! + (added ? 1 : 0);
      if (lowest === 0) lowest = ratio;
      separate += pcpusFor(sold, count, ratio);
      merged += sold;
      members += count;
    }
    return alone + (members === 0 ? 0 : Math.min(separate, pcpusFor(merged, members, lowest)));
  }

  /** The first host from `from` on that takes the VM; -1: none. */
  firstFit(from: number, level: number, vcpus: number, memoryMiB: number): number {
    const { levels, room, freeMemoryMiB, blockRoom, blockMemory, open } = this;
    for (let block = Math.floor(from / BLOCK); block * BLOCK < open; block++) {
      if (vcpus > blockRoom[block * levels + level]! || memoryMiB > blockMemory[block]!) continue;
      const end = Math.min(open, (block + 1) * BLOCK);
      for (let host = Math.max(from, block * BLOCK); host < end; host++)
        if (vcpus <= room[host * levels + level]! && memoryMiB <= freeMemoryMiB[host]!) return host;
      this.measureBlock(block);
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
    const block = Math.floor(host / BLOCK);
    if (this.freeMemoryMiB[host]! > this.blockMemory[block]!) this.blockMemory[block] = this.freeMemoryMiB[host]!;
    for (let level = 0; level < this.levels; level++) {
      const room = this.room[host * this.levels + level]!;
      if (room > this.blockRoom[block * this.levels + level]!) this.blockRoom[block * this.levels + level] = room;
    }
  }

  private note(host: number): void {
    this.changes[this.changeCount % CHANGES] = host;
    this.changeCount++;
  }

  private change(host: number, level: number, vcpus: number, vms: number, memoryMiB: number): void {
    const at = host * this.levels + level;
    this.vcpus[at] = this.vcpus[at]! + vcpus;
    this.vms[at] = this.vms[at]! + vms;
    this.usedMemoryMiB[host] = this.usedMemoryMiB[host]! + memoryMiB;
    this.freeMemoryMiB[host] = this.shape.memoryMiB - this.usedMemoryMiB[host]!;
    this.measure(host);
    this.note(host);
  }

  /**
   * What the host needs, and what still fits at each level. With one VM more the need only grows with its size. With none it may be
   * larger: of two VMs that shared pCPUs, the one that stays gets its own. A host may so need more than it has, until another VM
   * comes to share them.
   */
  private measure(host: number): void {
    const { levels, ratios, room } = this;
    const { pcpus } = this.shape;
    const base = host * levels;
    let alone = 0;
    let separate = 0;
    let merged = 0;
    let members = 0;
    let lowest = -1;
    for (let level = 0; level < levels; level++) {
      const sold = this.vcpus[base + level]!;
      if (sold === 0) continue;
      if (ratios[level]! <= 1) {
        alone += sold;
        continue;
      }
      if (lowest < 0) lowest = level;
      separate += pcpusFor(sold, this.vms[base + level]!, ratios[level]!);
      merged += sold;
      members += this.vms[base + level]!;
    }
    const used = alone + (members === 0 ? 0 : Math.min(separate, pcpusFor(merged, members, ratios[lowest]!)));
    this.usedPcpus[host] = used;
    const left = pcpus - alone;
    for (let level = 0; level < levels; level++) {
      const at = base + level;
      if (ratios[level]! <= 1) {
        room[at] = used < pcpus ? pcpus - used : 0;
        continue;
      }
      const sold = this.vcpus[at]!;
      const count = this.vms[at]!;
      const others = sold === 0 ? separate : separate - pcpusFor(sold, count, ratios[level]!);
      const apart = this.mostAt(level, left - others, sold, count);
      const together = this.mostAt(lowest < 0 || level < lowest ? level : lowest, left, merged, members);
      room[at] = Math.min(pcpus, Math.max(0, apart, together));
    }
  }

  /** vCPUs of the largest VM that joins `count` others, which have `sold`, within so many pCPUs. */
  private mostAt(level: number, pcpus: number, sold: number, count: number): number {
    if (pcpus <= 0) return 0;
    return count === 0 ? pcpus : this.mostVcpus[level * (this.shape.pcpus + 1) + pcpus]! - sold;
  }

  private measureBlock(block: number): void {
    const { levels, room, blockRoom } = this;
    const end = Math.min(this.capacity, (block + 1) * BLOCK);
    const base = block * levels;
    let memory = 0;
    blockRoom.fill(0, base, base + levels);
    for (let host = block * BLOCK; host < end; host++) {
      if (this.freeMemoryMiB[host]! > memory) memory = this.freeMemoryMiB[host]!;
      for (let level = 0; level < levels; level++)
        if (room[host * levels + level]! > blockRoom[base + level]!)
          blockRoom[base + level] = room[host * levels + level]!;
    }
    this.blockMemory[block] = memory;
  }

  /** There is always one host more than is open, as the next. */
  private reserve(capacity: number): void {
    const { levels, shape } = this;
    const blocks = Math.ceil(capacity / BLOCK);
    this.usedPcpus = grown(this.usedPcpus, new Int32Array(capacity));
    this.usedMemoryMiB = grown(this.usedMemoryMiB, new Float64Array(capacity));
    this.freeMemoryMiB = grown(this.freeMemoryMiB, new Float64Array(capacity), shape.memoryMiB);
    this.vcpus = grown(this.vcpus, new Int32Array(capacity * levels));
    this.vms = grown(this.vms, new Int32Array(capacity * levels));
    this.room = grown(this.room, new Int32Array(capacity * levels), shape.pcpus);
    this.blockRoom = grown(this.blockRoom, new Int32Array(blocks * levels), shape.pcpus);
    this.blockMemory = grown(this.blockMemory, new Float64Array(blocks), shape.memoryMiB);
    this.capacity = capacity;
  }
}

function mostVcpusOf(pcpus: number, ratios: readonly Ratio[]): Int32Array {
  const most = new Int32Array(ratios.length * (pcpus + 1));
  for (const [level, ratio] of ratios.entries()) {
    let vcpus = 0;
    for (let each = 0; each <= pcpus; each++) {
      vcpus = Math.max(vcpus, Math.floor(each * ratio));
      while (Math.ceil((vcpus + 1) / ratio - NEAR) <= each) vcpus++;
      most[level * (pcpus + 1) + each] = vcpus;
    }
  }
  return most;
}
