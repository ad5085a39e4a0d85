/**
 * Which live moves make room for a VM that no host takes, and in which order: sizing plans them, explanations tell them and the scheduler
 * makes them. Tried in order of what they cost: one VM away from a host; two; one after another has made room where it goes. Longer chains
 * were tried and found almost nothing (docs/sizing.md).
 *
 * A move is planned with the VM still counted where it comes from, and after those before it in the plan: as a live migration needs room, on
 * both hosts at once. What hosts and VMs are, what fits, and which target is best, the ground says.
 */

/** Hosts and VMs as the search changes them. Without a plan it is left as it was, with one as the moves leave it. */
export interface Ground<Vm, Host> {
  /** VMs that could go, with their hosts, in the order in which single moves are tried. */
  singles(wanted: Vm): Iterable<readonly [vm: Vm, host: Host]>;
  /** Where room for it is looked for. */
  hostsFor(wanted: Vm): Iterable<Host>;
  /** VMs of the host that can be moved, what costs least to move first. */
  residents(host: Host): readonly Vm[];
  /** VMs of one host with the same need are alike to the search. */
  needOf(vm: Vm): string | number;
  /** Whether the host could take it without the other: a cheap look before the exact one, which must not miss any. */
  mayFit(vm: Vm, host: Host, other: Vm): boolean;
  fits(vm: Vm, host: Host): boolean;
  /** The best host for it but those; null: none takes it. */
  targetOf(vm: Vm, besides: readonly Host[]): Host | null;
  take(vm: Vm, host: Host): void;
  put(vm: Vm, host: Host): void;
}

export interface PlannedMove<Vm, Host> {
  readonly vm: Vm;
  readonly from: Host;
  readonly to: Host;
}

export interface RoomPlan<Vm, Host> {
  /** Takes the VM after the moves. */
  readonly host: Host;
  /** In the order in which they are to be made. */
  readonly moves: readonly PlannedMove<Vm, Host>[];
}

export const MOST_MOVES = 2;

/** Looks for room for VMs of one need, from different hosts, after which it is given up for all: most searches end in vain. */
const MOST_VAIN_LOOKS = 2;

/** A search that may pause at each step; its result is the plan, null where none was found. */
type RoomSearch<Vm, Host> = Generator<void, RoomPlan<Vm, Host> | null, void>;

/** `limit`: moves at most, 1 or 2. `mostLooks`: exact looks after which the search ends. Null: no plan was found. */
export const planRoom = <Vm, Host>(
  ground: Ground<Vm, Host>,
  wanted: Vm,
  limit: number,
  mostLooks = Number.POSITIVE_INFINITY,
): RoomPlan<Vm, Host> | null => atOnce(roomSearch(ground, wanted, limit, mostLooks, Number.POSITIVE_INFINITY));

/** The same, which pauses after `looksAtOnce` exact looks, or a few more. */
export const roomSearch = <Vm, Host>(
  ground: Ground<Vm, Host>,
  wanted: Vm,
  limit: number,
  mostLooks: number,
  looksAtOnce: number,
): RoomSearch<Vm, Host> => new Search(ground, mostLooks, looksAtOnce).roomFor(wanted, limit);

/** Without a pause. */
function atOnce<Vm, Host>(search: RoomSearch<Vm, Host>): RoomPlan<Vm, Host> | null {
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

class Search<Vm, Host> {
  /** By need. */
  private readonly vainLooks = new Map<string | number, number>();
  /** So many looks are left then. */
  private pauseAt: number;

  constructor(
    private readonly ground: Ground<Vm, Host>,
    private looksLeft: number,
    private readonly looksAtOnce: number,
  ) {
    this.pauseAt = Number.isFinite(looksAtOnce) ? looksLeft - looksAtOnce : Number.NEGATIVE_INFINITY;
  }

  *roomFor(wanted: Vm, limit: number): RoomSearch<Vm, Host> {
    const one = yield* this.oneAway(wanted);
    if (one !== null || limit < MOST_MOVES) return one;
    return (yield* this.onAnyHost(wanted, this.twoAway)) ?? (yield* this.onAnyHost(wanted, this.oneAfterAnother));
  }

  private get isPauseDue(): boolean {
    if (this.looksLeft > this.pauseAt) return false;
    this.pauseAt = this.looksLeft - this.looksAtOnce;
    return true;
  }

  private *onAnyHost(
    wanted: Vm,
    attempt: (wanted: Vm, host: Host) => Generator<void, readonly PlannedMove<Vm, Host>[] | null, void>,
  ): RoomSearch<Vm, Host> {
    for (const host of this.ground.hostsFor(wanted)) {
      if (this.looksLeft <= 0) return null;
      const moves = yield* attempt.call(this, wanted, host);
      if (moves !== null) return { host, moves };
    }
    return null;
  }

  private *oneAway(wanted: Vm): RoomSearch<Vm, Host> {
    const tried = new Map<Host, Set<string | number>>();
    for (const [vm, host] of this.ground.singles(wanted)) {
      if (this.isPauseDue) yield;
      if (!this.ground.mayFit(wanted, host, vm)) continue;
      const needs = tried.get(host) ?? new Set();
      tried.set(host, needs);
      if (this.isKnown(vm, needs)) continue;
      const to = this.away(vm, host, wanted, () => this.ground.targetOf(vm, [host]));
      if (to !== null) return { host, moves: [{ vm, from: host, to }] };
    }
    return null;
  }

  private *twoAway(wanted: Vm, host: Host): Generator<void, readonly PlannedMove<Vm, Host>[] | null, void> {
    const { ground } = this;
    const residents = ground.residents(host);
    const firsts = new Set<string | number>();
    for (const [place, first] of residents.entries()) {
      if (this.looksLeft <= 0) return null;
      if (this.isPauseDue) yield;
      if (this.isKnown(first, firsts)) continue;
      ground.take(first, host);
      const firstTo = ground.targetOf(first, [host]);
      if (firstTo !== null) {
        ground.put(first, firstTo);
        const second = this.secondAway(wanted, host, residents.slice(place + 1));
        if (second !== null) return [{ vm: first, from: host, to: firstTo }, second];
        ground.take(first, firstTo);
      }
      ground.put(first, host);
    }
    return null;
  }

  private secondAway(wanted: Vm, host: Host, residents: readonly Vm[]): PlannedMove<Vm, Host> | null {
    const seconds = new Set<string | number>();
    for (const vm of residents) {
      if (!this.ground.mayFit(wanted, host, vm) || this.isKnown(vm, seconds)) continue;
      const to = this.away(vm, host, wanted, () => this.ground.targetOf(vm, [host]));
      if (to !== null) return { vm, from: host, to };
    }
    return null;
  }

  /** One VM goes to a host from which another has to go first. */
  private *oneAfterAnother(wanted: Vm, host: Host): Generator<void, readonly PlannedMove<Vm, Host>[] | null, void> {
    const tried = new Set<string | number>();
    for (const vm of this.ground.residents(host)) {
      if (this.isPauseDue) yield;
      if (!this.ground.mayFit(wanted, host, vm) || this.isKnown(vm, tried)) continue;
      let before: PlannedMove<Vm, Host> | null = null;
      const to = this.away(vm, host, wanted, () => {
        before = this.roomByOneMove(vm, host);
        return before === null ? null : before.from;
      });
      if (to !== null && before !== null) return [before, { vm, from: host, to }];
    }
    return null;
  }

  /** The move after which a host other than `besides` takes the VM; it is done. */
  private roomByOneMove(wanted: Vm, besides: Host): PlannedMove<Vm, Host> | null {
    const need = this.ground.needOf(wanted);
    const vain = this.vainLooks.get(need) ?? 0;
    if (vain >= MOST_VAIN_LOOKS) return null;
    const move = this.lookForRoom(wanted, besides);
    if (move === null) this.vainLooks.set(need, vain + 1);
    return move;
  }

  private lookForRoom(wanted: Vm, besides: Host): PlannedMove<Vm, Host> | null {
    for (const host of this.ground.hostsFor(wanted)) {
      if (host === besides) continue;
      if (this.looksLeft <= 0) return null;
      const tried = new Set<string | number>();
      for (const vm of this.ground.residents(host)) {
        if (!this.ground.mayFit(wanted, host, vm) || this.isKnown(vm, tried)) continue;
        // Not to `besides`: the room there is for the VM that no host takes.
        const to = this.away(vm, host, wanted, () => this.ground.targetOf(vm, [host, besides]));
        if (to !== null) return { vm, from: host, to };
      }
    }
    return null;
  }

  /** Where the VM goes, and is, if the host then takes the one that is wanted; null: it stays. */
  private away(vm: Vm, host: Host, wanted: Vm, target: () => Host | null): Host | null {
    const { ground } = this;
    if (this.looksLeft <= 0) return null;
    this.looksLeft--;
    ground.take(vm, host);
    const to = ground.fits(wanted, host) ? target() : null;
    ground.put(vm, to ?? host);
    return to;
  }

  /** Notes the need of a VM, and whether one like it was tried. */
  private isKnown(vm: Vm, needs: Set<string | number>): boolean {
    const need = this.ground.needOf(vm);
    if (needs.has(need)) return true;
    needs.add(need);
    return false;
  }
}
