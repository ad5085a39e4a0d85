/**
 * Hosts by class: those with the same profile and the same counts are interchangeable for every shape, so a score is worked
 * out once for all of them, and a host that comes back to an earlier state finds it again. A class lives while it has hosts;
 * empty ones are kept for a while (hosts come and go between the same few states), the longest empty given up first.
 */
import type { HostClass, HostSummary } from "../model.js";
import { HeapOrder, type Precedes } from "./heap.js";
import { type Profile, Profiles, sameProfile } from "./profiles.js";

export interface ClassEntry {
  readonly slot: number;
  readonly key: string;
  readonly profile: Profile;
  /** Any host of the class, as it was. */
  readonly host: HostClass;
  readonly facts: readonly number[];
  /** Numbers of its hosts, as a heap: the lowest id first. */
  readonly members: number[];
  /** Which emptying of a class the last one of this class was. */
  emptied: number;
  /** Who passed it over while it was empty, and is to hear when it has hosts again. */
  readonly waiting: ClassListener[];
}

export interface ClassListener {
  /** A class was made (whatever its slot held before), or has hosts again. No host is to be changed meanwhile. */
  consider(entry: ClassEntry): void;
}

interface Emptied {
  readonly entry: ClassEntry;
  readonly emptied: number;
}

/**
 * Empty classes that are kept at least. In clusters of up to a thousand hosts states come back; in larger ones those that do
 * are held by some host anyway, and keeping more made no difference.
 */
const KEPT_EMPTY = 1024;

/** In place of a host's number. */
export const NOBODY = -1;

/** Pools in order of ratio; those without anything are as none. */
function poolsKey({ pools, criticalSize }: HostSummary): string {
  let sorted = pools;
  for (let i = 1; i < pools.length; i++)
    if (pools[i - 1]!.ratio > pools[i]!.ratio) {
      sorted = pools.slice().sort((a, b) => a.ratio - b.ratio);
      break;
    }
  let key = "";
  for (const { ratio, pcpus, allocatedVcpus, vmCount, effectiveRatio } of sorted) {
    if (pcpus === 0 && allocatedVcpus === 0) continue;
    key += `/${ratio}:${pcpus}:${allocatedVcpus}`;
    if (effectiveRatio !== undefined) key += `~${effectiveRatio}`;
    if (criticalSize > 0) key += `:${Math.min(vmCount, criticalSize)}`;
  }
  return key;
}

function classKey(profile: Profile, host: HostSummary, facts: readonly number[]): string {
  let key = `${profile.id}${host.cordoned ? "c" : ""}${host.state === "up" ? "" : host.state}`;
  facts.forEach((fact, weigher) => {
    if (fact !== 0) key += `'${weigher}:${fact}`;
  });
  return `${key}/${host.freePcpus}/${host.memoryAllocatedMiB}${poolsKey(host)}`;
}

export class HostClasses {
  readonly #profiles = new Profiles();
  readonly #byKey = new Map<string, ClassEntry>();
  readonly #entries: (ClassEntry | null)[] = [];
  /** By slot: number of the host with the lowest id; `NOBODY` where there is none. */
  #lowest = new Int32Array(16).fill(NOBODY);
  readonly #freeSlots: number[] = [];
  readonly #memberOrder: HeapOrder;
  #inUse = 0;
  #emptyings = 0;
  #emptied: Emptied[] = [];
  #emptiedFrom = 0;

  /** `idPrecedes` compares host numbers by their ids; `onMade` hears of each new class, before a host joins it. */
  constructor(
    idPrecedes: Precedes,
    private readonly onMade: (entry: ClassEntry) => void,
  ) {
    this.#memberOrder = new HeapOrder(idPrecedes);
  }

  /** Slots are below this number. */
  get slots(): number {
    return this.#entries.length;
  }

  /** Null for a slot that no class has. */
  entry(slot: number): ClassEntry | null {
    return this.#entries[slot] ?? null;
  }

  /** Number of the host with the lowest id in the class; `NOBODY` where it is empty, or no class. */
  lowest(slot: number): number {
    return this.#lowest[slot]!;
  }

  /** The class of a host in this state, made if need be; `before` is the class it was in (null: none). */
  classOf(host: HostSummary, facts: readonly number[], before: ClassEntry | null, was: HostSummary | null): ClassEntry {
    const known = before !== null && was !== null && sameProfile(host, was);
    const profile = known ? before.profile : this.#profiles.of(host);
    const key = classKey(profile, host, facts);
    return before?.key === key ? before : (this.#byKey.get(key) ?? this.#open(key, profile, host, facts));
  }

  /** The host leaves one class (null: it is new) for another (null: it is gone). */
  move(hostNumber: number, from: ClassEntry | null, to: ClassEntry | null): void {
    // Out before in: a host has one place in all of these heaps together.
    if (from !== null) {
      this.#memberOrder.remove(from.members, hostNumber);
      this.#lowest[from.slot] = from.members[0] ?? NOBODY;
    }
    if (to !== null) this.#join(to, hostNumber);
    if (from === null || from.members.length > 0) return;
    this.#inUse -= 1;
    this.#emptyings += 1;
    from.emptied = this.#emptyings;
    this.#emptied.push({ entry: from, emptied: this.#emptyings });
    this.#giveUpSome();
  }

  #join(entry: ClassEntry, hostNumber: number): void {
    this.#memberOrder.reserve(hostNumber + 1);
    this.#memberOrder.push(entry.members, hostNumber);
    this.#lowest[entry.slot] = entry.members[0]!;
    if (entry.members.length > 1) return;
    this.#inUse += 1;
    for (const one of entry.waiting) one.consider(entry);
    entry.waiting.length = 0;
  }

  #open(key: string, profile: Profile, host: HostSummary, facts: readonly number[]): ClassEntry {
    const slot = this.#freeSlots.pop() ?? this.#entries.length;
    const entry: ClassEntry = { slot, key, profile, host, facts, members: [], emptied: 0, waiting: [] };
    this.#entries[slot] = entry;
    this.#reserve();
    this.#byKey.set(key, entry);
    this.#profiles.gainUser(profile);
    this.onMade(entry);
    return entry;
  }

  #reserve(): void {
    if (this.#entries.length <= this.#lowest.length) return;
    const grown = new Int32Array(this.#lowest.length * 2).fill(NOBODY);
    grown.set(this.#lowest);
    this.#lowest = grown;
  }

  /** Keeps at most a quarter as many empty classes as there are others, and some. */
  #giveUpSome(): void {
    const most = KEPT_EMPTY + (this.#inUse >> 2);
    while (this.#byKey.size - this.#inUse > most && this.#emptiedFrom < this.#emptied.length) {
      const { entry, emptied } = this.#emptied[this.#emptiedFrom]!;
      this.#emptiedFrom += 1;
      if (entry.members.length === 0 && entry.emptied === emptied) this.#giveUp(entry);
    }
    if (this.#emptiedFrom < KEPT_EMPTY || this.#emptiedFrom < this.#emptied.length >> 1) return;
    this.#emptied = this.#emptied.slice(this.#emptiedFrom);
    this.#emptiedFrom = 0;
  }

  #giveUp(entry: ClassEntry): void {
    this.#byKey.delete(entry.key);
    this.#entries[entry.slot] = null;
    this.#freeSlots.push(entry.slot);
    this.#profiles.loseUser(entry.profile);
  }
}
