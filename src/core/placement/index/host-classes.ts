/**
 * Hosts by class: those with the same profile and the same counts are interchangeable for every shape, so a score is worked
 * out once for all of them, and a host that comes back to an earlier state finds it again. A class lives while it has hosts;
 * empty ones are kept for a while (hosts come and go between the same few states), the longest empty given up first.
 */
import type { HostClass, HostSummary } from "../model.js";
import { ClassMap, type ClassParts, hashOf, sameClass } from "./class-map.js";
import { HeapOrder, type Precedes } from "./heap.js";
import { Profiles, sameProfile } from "./profiles.js";

export interface ClassEntry extends ClassParts {
  /** Its own while it lives. */
  readonly id: number;
  /** Its own while it has hosts: a lower number. Null: it has none. */
  slot: number | null;
  /** Any host of the class, as it was. */
  readonly host: HostClass;
  /** Numbers of its hosts, as a heap: the lowest id first. */
  readonly members: number[];
  /** Which emptying of a class the last one of this class was. */
  emptied: number;
  readonly hash: number;
  /** For the map of classes. */
  nextAlike: ClassEntry | null;
}

export interface ClassListener {
  /** A class was made, whatever had its id before. */
  made(entry: ClassEntry): void;
  /** A class that had no hosts has one, and this slot. */
  settled(entry: ClassEntry, slot: number): void;
  /** No class has the slot any more. */
  vacated(slot: number): void;
}

interface Emptied {
  readonly entry: ClassEntry;
  readonly emptied: number;
}

/** Read entries of the list of emptied classes that are cut off at least: cutting copies the rest. */
const SLICED_FROM = 1024;

/** In place of a host's number. */
export const NOBODY = -1;

export class HostClasses {
  readonly #profiles = new Profiles();
  readonly #map = new ClassMap<ClassEntry>();
  /** By id and by slot. */
  readonly #byId: (ClassEntry | null)[] = [];
  readonly #bySlot: (ClassEntry | null)[] = [];
  readonly #freeIds: number[] = [];
  readonly #freeSlots: number[] = [];
  /** By slot: number of the host with the lowest id. */
  #lowest = new Int32Array(16).fill(NOBODY);
  readonly #memberOrder: HeapOrder;
  #count = 0;
  #inUse = 0;
  #emptyings = 0;
  #emptied: Emptied[] = [];
  #emptiedFrom = 0;

  /** `idPrecedes` compares host numbers by their ids. `emptyKept`: classes without hosts that are kept at least. */
  constructor(
    idPrecedes: Precedes,
    private readonly emptyKept: number,
    private readonly listener: ClassListener,
  ) {
    this.#memberOrder = new HeapOrder(idPrecedes);
  }

  /** Classes, with those that have no hosts. */
  get count(): number {
    return this.#count;
  }

  *all(): IterableIterator<ClassEntry> {
    for (const entry of this.#byId) if (entry !== null) yield entry;
  }

  /** Slots are below this number. */
  get slots(): number {
    return this.#bySlot.length;
  }

  /** Null for a slot that no class has. */
  entry(slot: number): ClassEntry | null {
    return this.#bySlot[slot] ?? null;
  }

  /** Number of the host with the lowest id in the class; `NOBODY` where no class has the slot. */
  lowest(slot: number): number {
    return this.#lowest[slot]!;
  }

  /** The class of a host in this state, made if need be; `before` is the class it was in (null: none). */
  classOf(host: HostSummary, facts: readonly number[], before: ClassEntry | null, was: HostSummary | null): ClassEntry {
    const known = before !== null && was !== null && sameProfile(host, was);
    const profile = known ? before.profile : this.#profiles.of(host);
    const parts: ClassParts = { profile, host, facts };
    const hash = hashOf(parts);
    if (before?.hash === hash && sameClass(before, parts)) return before;
    return this.#map.find(hash, parts) ?? this.#open(parts, hash);
  }

  /** The host leaves one class (null: it is new) for another (null: it is gone). */
  move(hostNumber: number, from: ClassEntry | null, to: ClassEntry | null): void {
    // Out before in: a host has one place in all of these heaps together.
    let spare = from === null ? null : this.#leave(from, hostNumber);
    if (to !== null) {
      this.#memberOrder.reserve(hostNumber + 1);
      this.#memberOrder.push(to.members, hostNumber);
      // A class that empties leaves its slot to the one that fills: one change of the scores instead of two.
      if (to.slot === null) {
        this.#settle(to, spare ?? this.#freeSlots.pop() ?? this.#bySlot.length);
        spare = null;
      }
      this.#lowest[to.slot!] = to.members[0]!;
    }
    if (spare !== null) this.#vacate(spare);
    // Not before: the class that the host goes to may have been empty for long.
    if (from?.slot === null) this.#giveUpSome();
  }

  /** The slot that became free; null: the class has other hosts. */
  #leave(entry: ClassEntry, hostNumber: number): number | null {
    const { slot } = entry;
    this.#memberOrder.remove(entry.members, hostNumber);
    if (entry.members.length > 0) {
      this.#lowest[slot!] = entry.members[0]!;
      return null;
    }
    entry.slot = null;
    this.#inUse -= 1;
    this.#emptyings += 1;
    entry.emptied = this.#emptyings;
    this.#emptied.push({ entry, emptied: this.#emptyings });
    return slot;
  }

  #settle(entry: ClassEntry, slot: number): void {
    entry.slot = slot;
    this.#inUse += 1;
    this.#bySlot[slot] = entry;
    if (slot >= this.#lowest.length) {
      const grown = new Int32Array(this.#lowest.length * 2).fill(NOBODY);
      grown.set(this.#lowest);
      this.#lowest = grown;
    }
    this.listener.settled(entry, slot);
  }

  #vacate(slot: number): void {
    this.#bySlot[slot] = null;
    this.#lowest[slot] = NOBODY;
    this.#freeSlots.push(slot);
    this.listener.vacated(slot);
  }

  #open({ profile, host, facts }: ClassParts, hash: number): ClassEntry {
    const id = this.#freeIds.pop() ?? this.#byId.length;
    const entry: ClassEntry = { id, slot: null, hash, profile, host, facts, members: [], emptied: 0, nextAlike: null };
    this.#byId[id] = entry;
    this.#map.add(entry);
    this.#count += 1;
    this.#profiles.gainUser(profile);
    this.listener.made(entry);
    return entry;
  }

  /** Those without hosts are kept for their scores alone. */
  giveUpEmpty(): void {
    for (const { entry, emptied } of this.#emptied.slice(this.#emptiedFrom))
      if (entry.members.length === 0 && entry.emptied === emptied) this.#giveUp(entry);
    this.#emptied = [];
    this.#emptiedFrom = 0;
  }

  /** Keeps twice as many empty classes as there are others, and those that are kept anyway. */
  #giveUpSome(): void {
    const most = this.emptyKept + 2 * this.#inUse;
    while (this.#count - this.#inUse > most && this.#emptiedFrom < this.#emptied.length) {
      const { entry, emptied } = this.#emptied[this.#emptiedFrom]!;
      this.#emptiedFrom += 1;
      if (entry.members.length === 0 && entry.emptied === emptied) this.#giveUp(entry);
    }
    if (this.#emptiedFrom < SLICED_FROM || this.#emptiedFrom < this.#emptied.length >> 1) return;
    this.#emptied = this.#emptied.slice(this.#emptiedFrom);
    this.#emptiedFrom = 0;
  }

  #giveUp(entry: ClassEntry): void {
    this.#map.remove(entry);
    this.#count -= 1;
    this.#byId[entry.id] = null;
    this.#freeIds.push(entry.id);
    this.#profiles.loseUser(entry.profile);
  }
}
