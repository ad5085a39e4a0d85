/**
 * Which live moves would make room for a VM that no host takes, in the cluster as placement sees it: moves/search.ts over the placer's hosts.
 * Of single moves the one with the least memory is taken, since that is what a migration copies; then by name. A VM goes where it would be
 * placed. Looked at are the hosts that miss least of the room, and so many VMs that a large cluster does not wait for it. Plans, and does
 * nothing.
 */
import { type Ground, type PlannedMove, planRoom, type RoomPlan, roomSearch } from "../moves/search.js";
import { afterDeparture, afterPlacement } from "./after.js";
import { demandOf, poolOf } from "./arithmetic.js";
import { type Constraints, type HostSummary, isSameShape, type VmShape } from "./model.js";
import { missingMiB, missingPcpus } from "./nearest-hosts.js";
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
/** Of them, between two pauses. */
const LOOKS_AT_ONCE = 100;
/** Of which VMs are taken in, between two pauses. */
const HOSTS_AT_ONCE = 64;
/** Searches with pauses that may have been in vain because hosts changed meanwhile. */
const MOST_ANEW = 3;
/** The earlier systems' policies count in doubles, and round a pool up to one pCPU more. */
const ROUNDING_PCPUS = 1;
/** Best hosts for one need: more than a search takes away, so that one more is left. */
const BEST_KEPT = 6;

type ResidentsOf = (host: HostSummary) => Residents;

/** What is asked of the placer, or of one that sees a host otherwise. */
export type PlacementView = Pick<Placer, "host" | "nearest" | "takes" | "candidates">;

/**
 * `limit`: moves at most, 1 or 2. `residentsOf`: asked of a host once, and only if it may matter. Null: no moves were found that help, or
 * the VM fits nowhere, whatever moved.
 */
export const movesThatMakeRoom = (
  placer: PlacementView,
  residentsOf: ResidentsOf,
  wanted: Guest,
  limit: number,
): RoomMoves | null => named(planRoom(new PlacementGround(placer, residentsOf), wanted, limit, MOST_LOOKS));

/**
 * The same in pieces of some milliseconds in a cluster of 10,000 hosts: `pause` is waited for between them, while hosts and VMs may change. A
 * plan that does not hold any more is looked for anew, in the end without pauses: what is given holds in the turn in which it is given.
 */
export async function movesFoundInPieces(
  placer: PlacementView,
  residentsOf: ResidentsOf,
  wanted: Guest,
  limit: number,
  pause: () => Promise<void>,
  looksAtOnce = LOOKS_AT_ONCE,
): Promise<RoomMoves | null> {
  for (let times = 0; times < MOST_ANEW; times++) {
    const ground = new PlacementGround(placer, residentsOf);
    const gathering = ground.gather(wanted);
    while (!gathering.next().done) await pause();
    const search = roomSearch(ground, wanted, limit, MOST_LOOKS, looksAtOnce);
    let step = search.next();
    while (!step.done) {
      await pause();
      step = search.next();
    }
    const moves = named(step.value);
    if (moves === null || holds(placer, residentsOf, wanted, moves)) return moves;
  }
  return movesThatMakeRoom(placer, residentsOf, wanted, limit);
}

/** Whether the moves can be made as things are now, one after the other, and the host then takes the VM. */
function holds(placer: PlacementView, residentsOf: ResidentsOf, wanted: Guest, { host, moves }: RoomMoves): boolean {
  const ground = new PlacementGround(placer, residentsOf);
  if ([host, ...moves.map(({ to }) => to)].some((id) => placer.host(id) === undefined)) return false;
  for (const { vm: name, from, to } of moves) {
    const vm = ground.residents(from).find((guest) => guest.name === name);
    if (vm === undefined || vm.exclude.has(to) || !ground.fits(vm, to)) return false;
    ground.take(vm, from);
    ground.put(vm, to);
  }
  return ground.fits(wanted, host);
}

const named = (plan: RoomPlan<Guest, string> | null): RoomMoves | null =>
  plan === null ? null : { host: plan.host, moves: plan.moves.map(moveOf) };

const moveOf = ({ vm, from, to }: PlannedMove<Guest, string>): Move => ({ vm: vm.name, from, to });

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
    private readonly residentsOf: ResidentsOf,
  ) {}

  /** Those that `mayFit` objects to, or that are like another one of the host, are left out before all are sorted. */
  singles(wanted: Guest): readonly (readonly [Guest, string])[] {
    const all: (readonly [Guest, string])[] = [];
    for (const host of this.near(wanted)) {
      const missing = this.missingOn(host, wanted);
      if (missing === null) continue;
      const { pcpus, memoryMiB } = missing;
      const needs = new Set<string>();
      for (const vm of this.residents(host)) {
        if (memoryMiB > vm.shape.memoryMiB || pcpus > vm.shape.vcpus + ROUNDING_PCPUS) continue;
        const need = this.needOf(vm);
        if (!needs.has(need)) all.push([vm, host]);
        needs.add(need);
      }
    }
    return all.sort(([a], [b]) => byCost(a, b));
  }

  /** Takes in the VMs that `singles` asks for, those of some hosts at a time. */
  *gather(wanted: Guest): Generator<void, void, void> {
    for (const [place, host] of this.near(wanted).entries()) {
      if (this.missingOn(host, wanted) !== null) this.residents(host);
      if (place % HOSTS_AT_ONCE === HOSTS_AT_ONCE - 1) yield;
    }
  }

  /** Null: the host is gone, or no VM of it is so large that one of them would help. */
  private missingOn(host: string, { shape }: Guest): { readonly pcpus: number; readonly memoryMiB: number } | null {
    const summary = this.placer.host(host);
    if (summary === undefined) return null;
    const pcpus = missingPcpus(summary, shape);
    return pcpus > largestVcpus(summary) + ROUNDING_PCPUS ? null : { pcpus, memoryMiB: missingMiB(summary, shape) };
  }

  hostsFor(wanted: Guest): readonly string[] {
    return this.near(wanted).slice(0, MOST_HOSTS_FOR_PAIRS);
  }

  /** A host that went during a pause has none. */
  residents(host: string): readonly Guest[] {
    if (this.placer.host(host) !== undefined) this.thoughtOf(host);
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
    if (missingMiB(summary, shape) > other.shape.memoryMiB) return false;
    return missingPcpus(summary, shape) <= other.shape.vcpus + ROUNDING_PCPUS;
  }

  fits(vm: Guest, host: string): boolean {
    return this.placer.takes(this.thoughtOf(host).summary, vm.shape, vm.constraints);
  }

  /** Where it would be placed; a host that the moves before have changed comes last. */
  targetOf(vm: Guest, besides: readonly string[]): string | null {
    const changed = (host: string): boolean => (this.thoughts.get(host)?.change ?? null) !== null;
    const target = this.bestFor(vm).find(
      (host) => !besides.includes(host) && !changed(host) && this.placer.host(host) !== undefined,
    );
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
    const { shape, constraints, exclude } = wanted;
    const near = this.nearest.get(need) ?? this.placer.nearest(shape, constraints, exclude, MOST_HOSTS);
    this.nearest.set(need, near);
    return near;
  }
}

/** No VM of the host has more vCPUs; infinite where that is not known. */
function largestVcpus({ pools }: HostSummary): number {
  let sum = 0;
  for (const { largestVmVcpus } of pools) sum += largestVmVcpus ?? Number.POSITIVE_INFINITY;
  return sum;
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
