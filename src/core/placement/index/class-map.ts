/**
 * Finds the class of a host by what the class is, without a text for it: a number from all that makes a class leads to the few classes
 * that share the number, and those are compared part by part.
 */
import type { HostClass, PoolCounts } from "../model.js";
import type { Profile } from "./profiles.js";

/** What makes a class. */
export interface ClassParts {
  readonly profile: Profile;
  readonly host: HostClass;
  readonly facts: readonly number[];
}

/** Odd, with bits all over: any such number does. */
const SPREAD = 0x9e3779b1;
const STATES = { up: 0, suspect: 1, down: 2 } as const;

const mixed = (hash: number, value: number): number => {
  // Ratios have decimals, the rest are whole numbers: what `| 0` drops is compared later.
  const next = Math.imul(hash ^ ((value * 64) | 0), SPREAD);
  return next ^ (next >>> 15);
};

const isNothing = ({ pcpus, allocatedVcpus }: PoolCounts): boolean => pcpus === 0 && allocatedVcpus === 0;

export function hashOf({ profile, host, facts }: ClassParts): number {
  let hash = mixed(profile.id, STATES[host.state] * 2 + (host.cordoned ? 1 : 0));
  hash = mixed(mixed(hash, host.freePcpus), host.memoryAllocatedMiB);
  for (let i = 0; i < facts.length; i++) hash = mixed(hash, facts[i]!);
  // A sum, as pools come in any order.
  let pools = 0;
  for (const pool of host.pools) {
    if (isNothing(pool)) continue;
    const counted = mixed(SPREAD, pool.effectiveRatio ?? pool.ratio);
    pools += mixed(mixed(mixed(counted, pool.ratio), pool.pcpus), pool.allocatedVcpus);
  }
  return mixed(hash, pools | 0);
}

/** What lies beyond the critical size makes no difference. */
const samePool = (a: PoolCounts, b: PoolCounts, criticalSize: number): boolean =>
  a.ratio === b.ratio &&
  a.pcpus === b.pcpus &&
  a.allocatedVcpus === b.allocatedVcpus &&
  a.effectiveRatio === b.effectiveRatio &&
  (criticalSize <= 0 || Math.min(a.vmCount, criticalSize) === Math.min(b.vmCount, criticalSize));

const inOrder = (pools: readonly PoolCounts[]): readonly PoolCounts[] =>
  pools.filter((pool) => !isNothing(pool)).sort((a, b) => a.ratio - b.ratio);

function samePools(a: readonly PoolCounts[], b: readonly PoolCounts[], criticalSize: number): boolean {
  let same = a.length === b.length;
  for (let i = 0; same && i < a.length; i++) same = samePool(a[i]!, b[i]!, criticalSize);
  if (same) return true;
  const [left, right] = [inOrder(a), inOrder(b)];
  return left.length === right.length && left.every((pool, i) => samePool(pool, right[i]!, criticalSize));
}

export function sameClass(a: ClassParts, b: ClassParts): boolean {
  const [one, other] = [a.host, b.host];
  return (
    a.profile === b.profile &&
    one.freePcpus === other.freePcpus &&
    one.memoryAllocatedMiB === other.memoryAllocatedMiB &&
    one.state === other.state &&
    one.cordoned === other.cordoned &&
    a.facts.length === b.facts.length &&
    a.facts.every((fact, i) => fact === b.facts[i]) &&
    samePools(one.pools, other.pools, one.criticalSize)
  );
}

/** What the map asks of its entries. */
interface Mapped<Entry> extends ClassParts {
  readonly hash: number;
  /** The map's own. */
  nextAlike: Entry | null;
}

export class ClassMap<Entry extends Mapped<Entry>> {
  /** By `hashOf`; classes of one number are a list, by `nextAlike`. */
  readonly #firsts = new Map<number, Entry>();

  find(hash: number, parts: ClassParts): Entry | null {
    let entry = this.#firsts.get(hash) ?? null;
    while (entry !== null && !sameClass(entry, parts)) entry = entry.nextAlike;
    return entry;
  }

  /** There is no such class yet. */
  add(entry: Entry): void {
    entry.nextAlike = this.#firsts.get(entry.hash) ?? null;
    this.#firsts.set(entry.hash, entry);
  }

  remove(entry: Entry): void {
    const first = this.#firsts.get(entry.hash)!;
    if (first !== entry) {
      let before = first;
      while (before.nextAlike !== entry) before = before.nextAlike!;
      before.nextAlike = entry.nextAlike;
    } else if (entry.nextAlike === null) this.#firsts.delete(entry.hash);
    else this.#firsts.set(entry.hash, entry.nextAlike);
  }
}
