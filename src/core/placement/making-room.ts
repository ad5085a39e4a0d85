/**
 * Which live moves would make room for a VM that no host takes, in the cluster as placement sees it: moves/search.ts over the placer's hosts.
 * Of single moves the one with the least memory is taken, since that is what a migration copies; then by name. A VM goes where it would be
 * placed. Looked at are the hosts that miss least of the room, and so many VMs that a large cluster does not wait for it. Plans, and does
 * nothing.
 */
import { type Ground, type PlannedMove, planRoom } from "../moves/search.js";
import { mib } from "../units.js";
import { afterDeparture, afterPlacement } from "./after.js";
import { demandOf, growthPcpus, poolOf } from "./arithmetic.js";
import { type Constraints, type HostSummary, isSameShape, type VmShape } from "./model.js";
import type { Placer } from "./placer.js";

/** A VM, there or wanted. */
export interface Guest {
  readonly name: string;
  readonly shape: VmShape;
  readonly constraints: Constraints;
  /** Hosts to which it cannot go, beside its own. VMs that share the set are alike in it. */
  readonly exclude: ReadonlySet<string>;
}

/** The VMs of one host. */
export interface Residents {
  /** Of all that count there. */
  readonly shapes: readonly VmShape[];
  /** Those of them that can be moved. */
  readonly movable: readonly Guest[];
}

export interface Move {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
}

export interface RoomMoves {
  /** Takes the VM once the moves are made. */
  readonly host: string;
  /** In the order in which they are to be made. */
  readonly moves: readonly Move[];
}

/** Hosts on which single moves are tried, and those on which pairs are: of those that miss most, several VMs would have to go. */
const [MOST_HOSTS, MOST_HOSTS_FOR_PAIRS] = [256, 32];
/** Exact looks, of some microseconds each. */
const MOST_LOOKS = 1_000;
/** The earlier systems' policies count in doubles, and round a pool up to one pCPU more. */
const ROUNDING_PCPUS = 1;
/** Best hosts for one need: more than a search takes away, so that one more is left. */
const BEST_KEPT = 6;

/** What is asked of the placer, or of one that sees a host otherwise. */
export type PlacementView = Pick<Placer, "hosts" | "host" | "profileOf" | "takes" | "candidates">;

/**
 * `limit`: moves at most, 1 or 2. `residentsOf`: asked of a host once, and only if it may matter. Null: no moves were found that help, or
 * the VM fits nowhere, whatever moved.
 */
export function movesThatMakeRoom(
  placer: PlacementView,
  residentsOf: (host: HostSummary) => Residents,
  wanted: Guest,
  limit: number,
): RoomMoves | null {
  const plan = planRoom(new PlacementGround(placer, residentsOf), wanted, limit, MOST_LOOKS);
  return plan === null ? null : { host: plan.host, moves: plan.moves.map(named) };
}

const named = ({ vm, from, to }: PlannedMove<Guest, string>): Move => ({ vm: vm.name, from, to });

const byCost = (a: Guest, b: Guest): number => a.shape.memoryMiB - b.shape.memoryMiB || (a.name < b.name ? -1 : 1);

/** A host as it would be after some of the moves that are thought of. */
interface Thought {
  readonly summary: HostSummary;
  readonly shapes: readonly VmShape[];
  /** The change that made this of `before`. */
  readonly change: "took" | "put" | null;
  readonly vm: Guest | null;
  readonly before: Thought | null;
}

class PlacementGround implements Ground<Guest, string> {
  private readonly thoughts = new Map<string, Thought>();
  private readonly movable = new Map<string, readonly Guest[]>();
  /** By need. */
  private readonly nearest = new Map<string, readonly string[]>();
  private readonly best = new Map<string, readonly string[]>();
  private readonly needs = new Map<Guest, string>();
  private readonly sets = new Map<ReadonlySet<string>, number>();

  constructor(
    private readonly placer: PlacementView,
    private readonly residentsOf: (host: HostSummary) => Residents,
  ) {}

  *singles(wanted: Guest): Iterable<readonly [Guest, string]> {
    const all = this.near(wanted).flatMap((host) => this.residents(host).map((vm) => [vm, host] as const));
    yield* all.sort(([a], [b]) => byCost(a, b));
  }

  hostsFor(wanted: Guest): readonly string[] {
    return this.near(wanted).slice(0, MOST_HOSTS_FOR_PAIRS);
  }

  residents(host: string): readonly Guest[] {
    this.thoughtOf(host);
    return this.movable.get(host) ?? [];
  }

  needOf(vm: Guest): string {
    let need = this.needs.get(vm);
    if (need === undefined) {
      const set = this.sets.get(vm.exclude) ?? this.sets.size;
      this.sets.set(vm.exclude, set);
      const { vcpus, memoryMiB, ratio } = vm.shape;
      need = JSON.stringify([vcpus, memoryMiB, ratio, set, vm.constraints]);
      this.needs.set(vm, need);
    }
    return need;
  }

  /** A VM that leaves frees all its memory, and no more pCPUs than it has vCPUs. */
  mayFit({ shape }: Guest, host: string, other: Guest): boolean {
    const { summary } = this.thoughtOf(host);
    const { memoryCapacityMiB, memoryAllocatedMiB } = summary;
    if (shape.memoryMiB > memoryCapacityMiB - memoryAllocatedMiB + other.shape.memoryMiB) return false;
    return missingPcpus(summary, shape) <= other.shape.vcpus + ROUNDING_PCPUS;
  }

  fits(vm: Guest, host: string): boolean {
    return this.placer.takes(this.thoughtOf(host).summary, vm.shape, vm.constraints);
  }

  /** Where it would be placed; a host that the moves before have changed comes last. */
  targetOf(vm: Guest, besides: readonly string[]): string | null {
    const changed = (host: string): boolean => (this.thoughts.get(host)?.change ?? null) !== null;
    const target = this.bestFor(vm).find((host) => !besides.includes(host) && !changed(host));
    if (target !== undefined) return target;
    for (const host of this.thoughts.keys())
      if (changed(host) && !besides.includes(host) && !vm.exclude.has(host) && this.fits(vm, host)) return host;
    return null;
  }

  take(vm: Guest, host: string): void {
    this.change("took", vm, host);
  }

  put(vm: Guest, host: string): void {
    this.change("put", vm, host);
  }

  // Inside

  /** A change that takes the last one back gives what was before, exactly. */
  private change(change: "took" | "put", vm: Guest, host: string): void {
    const now = this.thoughtOf(host);
    const isUndone = now.change !== null && now.change !== change && now.vm === vm;
    const after =
      isUndone && now.before !== null ? now.before : change === "took" ? without(now, vm) : withOne(now, vm);
    this.thoughts.set(host, after);
  }

  private thoughtOf(host: string): Thought {
    let thought = this.thoughts.get(host);
    if (thought === undefined) {
      const summary = this.placer.host(host)!;
      const { shapes, movable } = this.residentsOf(summary);
      thought = { summary, shapes, change: null, vm: null, before: null };
      this.thoughts.set(host, thought);
      this.movable.set(host, movable.filter(({ shape }) => isCounted(summary, shape)).sort(byCost));
    }
    return thought;
  }

  private bestFor(vm: Guest): readonly string[] {
    const need = this.needOf(vm);
    let best = this.best.get(need);
    if (best === undefined) {
      const found: string[] = [];
      for (const { hostId } of this.placer.candidates(vm.shape, vm.constraints, vm.exclude))
        if (found.push(hostId) === BEST_KEPT) break;
      best = found;
      this.best.set(need, best);
    }
    return best;
  }

  private near(wanted: Guest): readonly string[] {
    const need = this.needOf(wanted);
    const near = this.nearest.get(need) ?? nearestHosts(this.placer, wanted, MOST_HOSTS);
    this.nearest.set(need, near);
    return near;
  }
}

/** Its pools hold a VM of that kind: what counts tell otherwise than VMs is not planned with. */
export const isCounted = ({ template, pools }: HostSummary, shape: VmShape): boolean =>
  demandOf(template, shape).every(({ ratio }) => (poolOf(pools, ratio)?.vmCount ?? 0) > 0);

function without(thought: Thought, vm: Guest): Thought {
  const at = thought.shapes.findIndex((shape) => isSameShape(shape, vm.shape));
  const shapes = thought.shapes.toSpliced(at, at === -1 ? 0 : 1);
  // Counts that know of fewer VMs than there are: nothing is known of the host without it.
  const summary = isCounted(thought.summary, vm.shape)
    ? afterDeparture(thought.summary, vm.shape, vm.constraints.antiAffinityGroup, shapes)
    : thought.summary;
  return { summary, shapes, change: "took", vm, before: thought };
}

const withOne = (thought: Thought, vm: Guest): Thought => ({
  summary: afterPlacement(thought.summary, vm.shape, vm.constraints.antiAffinityGroup),
  shapes: [...thought.shapes, vm.shape],
  change: "put",
  vm,
  before: thought,
});

/** Hosts that would take it if they were empty, those first that miss the smallest part of the room. */
function nearestHosts(placer: PlacementView, { shape, constraints, exclude }: Guest, most: number): readonly string[] {
  const suited = new Map<object | undefined, boolean>();
  const found: { readonly id: string; readonly missing: number }[] = [];
  for (const host of placer.hosts()) {
    if (host.state !== "up" || host.cordoned || exclude.has(host.id)) continue;
    const profile = placer.profileOf(host.id);
    const isSuited = suited.get(profile) ?? placer.takes(emptied(host), shape, constraints);
    suited.set(profile, isSuited);
    if (isSuited) found.push({ id: host.id, missing: missingOf(host, shape) });
  }
  // Sorting all of them would take longer than the search.
  const bound = Float64Array.from(found, ({ missing }) => missing).sort()[most - 1] ?? Number.POSITIVE_INFINITY;
  return found
    .filter(({ missing }) => missing <= bound)
    .sort((a, b) => a.missing - b.missing || (a.id < b.id ? -1 : 1))
    .slice(0, most)
    .map(({ id }) => id);
}

const missingPcpus = (host: HostSummary, shape: VmShape): number =>
  Math.max(0, growthPcpus(host, shape) - host.freePcpus);

/** Of the room for the VM, in hosts. */
const missingOf = (host: HostSummary, shape: VmShape): number =>
  missingPcpus(host, shape) / host.usablePcpus +
  Math.max(0, shape.memoryMiB - (host.memoryCapacityMiB - host.memoryAllocatedMiB)) / host.memoryCapacityMiB;

const emptied = (host: HostSummary): HostSummary => ({
  ...host,
  pools: [],
  freePcpus: host.usablePcpus,
  memoryAllocatedMiB: mib(0),
  antiAffinityGroups: [],
  forecast: null,
});
