/**
 * Which caches each pCPU has and with whom it shares them. A cache's domain is the kernel's `id` where every pCPU has one
 * and the ids agree with `shared_cpu_list`; else (older kernels, ARM, POWER, some guests) the smallest pCPU that shares it.
 */
import type { HostFacts } from "./host-facts.js";
import type { CacheIndex } from "./model.js";

/** One cache of one pCPU as sysfs has it. */
interface Found {
  readonly pcpu: number;
  readonly index: number;
  readonly level: number;
  readonly id: number | null;
  /** The smallest online pCPU of `shared_cpu_list`; null without one. */
  readonly first: number | null;
}

function readOne(facts: HostFacts, pcpu: number, index: number, online: ReadonlySet<number>): Found {
  const folder = `/sys/devices/system/cpu/cpu${pcpu}/cache/index${index}`;
  const shared = facts.cpuSet(`${folder}/shared_cpu_list`)?.filter((id) => online.has(id));
  return {
    pcpu,
    index,
    level: facts.number(`${folder}/level`) ?? Math.max(1, index),
    id: facts.number(`${folder}/id`),
    first: shared === undefined ? null : Math.min(pcpu, ...shared),
  };
}

/** The domain of each pCPU, for caches of one kind (say all L2). */
function domainsOf(facts: HostFacts, caches: readonly Found[], coreOf: (pcpu: number) => number): Map<number, number> {
  const smallestWithId = new Map<number, number>();
  for (const { id, pcpu } of caches) {
    if (id !== null) smallestWithId.set(id, Math.min(pcpu, smallestWithId.get(id) ?? pcpu));
  }
  const firsts = caches.map(({ pcpu, id, first }) => {
    if (first !== null) return first;
    if (id !== null) return smallestWithId.get(id)!;
    facts.note("a cache with neither shared_cpu_list nor id: taken for the core's own", pcpu);
    return coreOf(pcpu);
  });
  const known = caches.every((cache) => cache.id !== null);
  const firstOfId = new Map<number | null, number>();
  let agree = true;
  for (const [i, { id }] of caches.entries()) {
    if ((firstOfId.get(id) ?? firsts[i]) !== firsts[i]) agree = false;
    firstOfId.set(id, firsts[i]!);
  }
  agree &&= new Set(firsts).size === firstOfId.size;
  const named = known && agree;
  if (known && !agree) {
    facts.note(`the ids of the level ${caches[0]!.level} caches contradict shared_cpu_list: the lists are used`);
  }
  return new Map(caches.map(({ pcpu, id }, i) => [pcpu, named ? id! : firsts[i]!]));
}

/** The caches of each of `pcpuIds`, ascending by index. `coreOf` gives the smallest pCPU of a pCPU's core. */
export function readCaches(
  facts: HostFacts,
  pcpuIds: readonly number[],
  coreOf: (pcpu: number) => number,
): Map<number, readonly CacheIndex[]> {
  const online = new Set(pcpuIds);
  const kinds = new Map<string, Found[]>();
  const found = pcpuIds.map((pcpu) => {
    const indexes = facts.numbered(`/sys/devices/system/cpu/cpu${pcpu}/cache`, "index");
    if (indexes.length === 0) facts.note("no caches in sysfs: distances know NUMA cells only", pcpu);
    const ordinals = new Map<number, number>();
    return indexes.map((index) => {
      const cache = readOne(facts, pcpu, index, online);
      const ordinal = ordinals.get(cache.level) ?? 0;
      ordinals.set(cache.level, ordinal + 1);
      // L1d and L1i have ids of their own: a kind is a level and a place among those of the level.
      const kind = `${cache.level} ${ordinal}`;
      const alike = kinds.get(kind);
      if (alike === undefined) kinds.set(kind, [cache]);
      else alike.push(cache);
      return { cache, kind };
    });
  });
  const domains = new Map([...kinds].map(([kind, caches]) => [kind, domainsOf(facts, caches, coreOf)]));
  return new Map(
    pcpuIds.map((pcpu, i) => [
      pcpu,
      found[i]!.map(({ cache, kind }) => ({
        index: cache.index,
        level: cache.level,
        domain: domains.get(kind)!.get(pcpu)!,
      })),
    ]),
  );
}
