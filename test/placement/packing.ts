/** Workloads through the scheduler's own placement: how many hosts they need, without agents, with prices that are given or learnt on the way, and live moves. */
import { afterDeparture } from "../../src/core/placement/after.js";
import { Demand, isAnotherMix, type Wanted } from "../../src/core/placement/learning/demand.js";
import { type SolvePrices, withPrices } from "../../src/core/placement/learning/pricing.js";
import { type Guest, movesThatMakeRoom } from "../../src/core/placement/making-room.js";
import { type HostSummary, NO_CONSTRAINTS, type VmShape } from "../../src/core/placement/model.js";
import { createPlacer, type Placer, type PlacerSettings } from "../../src/core/placement/placer.js";
import { columnsOf, type SizedVm } from "../../src/core/sizing/model.js";
import { volumeBound } from "../../src/core/sizing/volume.js";
import { HOST } from "../sizing/worlds.js";
import { host } from "./random.js";

/** What VMs are placed by from one event on. */
export interface From {
  readonly event: number;
  readonly settings: PlacerSettings;
}

const ANYWHERE: ReadonlySet<string> = new Set();

const shapeOf = ({ vcpus, memoryMiB, ratio }: SizedVm): VmShape => ({ vcpus, memoryMiB, ratio });

/**
 * As a scheduler learns them that looks before the first VM of a later second, has its prices at once, and knew nothing at the beginning. The
 * same for any number of hosts: what is wanted does not depend on where VMs are.
 */
export async function learntOnTheWay(
  vms: readonly SizedVm[],
  base: PlacerSettings,
  solve: SolvePrices,
): Promise<From[]> {
  const demand = new Demand();
  const froms: From[] = [{ event: 0, settings: withPrices(base, null) }];
  let [known, second]: [readonly Wanted[], number] = [[], 0];
  for (const [event, one] of columnsOf(vms).events.entries()) {
    const vm = vms[one < 0 ? ~one : one]!;
    const now = Math.floor(one < 0 ? vm.departure : vm.arrival);
    const wanted = now > second ? demand.wanted() : known;
    second = now;
    if (isAnotherMix(wanted, known)) {
      froms.push({ event, settings: withPrices(base, await solve(wanted, HOST)) });
      known = wanted;
    }
    if (one >= 0) demand.came(vm.id, shapeOf(vm));
    else {
      demand.left(shapeOf(vm));
      demand.fade(shapeOf(vm));
    }
  }
  return froms;
}

/** A cluster of hosts of 32 pCPUs and 128 GiB, and the VMs on each. */
class Filled {
  moves = 0;
  readonly placer: Placer;
  private readonly guests: readonly Guest[];
  private readonly hostOf: string[] = [];
  private readonly members = new Map<string, Set<number>>();

  constructor(vms: readonly SizedVm[], hosts: number, settings: PlacerSettings) {
    this.placer = createPlacer(settings);
    for (let each = 0; each < hosts; each++) this.placer.upsertHost(host(`h${String(each).padStart(5, "0")}`));
    this.guests = vms.map((vm, place) => ({
      name: String(place),
      shape: shapeOf(vm),
      constraints: NO_CONSTRAINTS,
      exclude: ANYWHERE,
    }));
  }

  /** False: no host takes it, even after so many moves. */
  take(vm: number, migrations: number): boolean {
    const { shape } = this.guests[vm]!;
    if (this.placer.choose(shape) === null && migrations > 0) this.makeRoom(vm, migrations);
    const chosen = this.placer.choose(shape);
    if (chosen !== null) this.put(vm, chosen.hostId);
    return chosen !== null;
  }

  leave(vm: number): void {
    const host = this.hostOf[vm]!;
    this.members.get(host)!.delete(vm);
    const staying = this.on(host).map(({ shape }) => shape);
    this.placer.upsertHost(afterDeparture(this.placer.host(host)!, this.guests[vm]!.shape, null, staying));
  }

  private makeRoom(vm: number, migrations: number): void {
    const residentsOf = ({ id }: HostSummary) => {
      const movable = this.on(id);
      return { shapes: movable.map(({ shape }) => shape), movable };
    };
    for (const { vm: other, to } of movesThatMakeRoom(this.placer, residentsOf, this.guests[vm]!, migrations)?.moves ??
      []) {
      this.leave(Number(other));
      this.put(Number(other), to);
      this.moves++;
    }
  }

  private on(host: string): readonly Guest[] {
    return [...(this.members.get(host) ?? [])].map((vm) => this.guests[vm]!);
  }

  private put(vm: number, host: string): void {
    this.placer.commitLocally(host, this.guests[vm]!.shape);
    this.hostOf[vm] = host;
    this.members.set(host, (this.members.get(host) ?? new Set()).add(vm));
  }
}

/** Live moves with which so many hosts take every VM; null: they do not. */
function movesToTakeAll(
  vms: readonly SizedVm[],
  hosts: number,
  [{ settings }, ...later]: readonly [From, ...From[]],
  migrations: number,
): number | null {
  const cluster = new Filled(vms, hosts, settings);
  for (const [place, event] of columnsOf(vms).events.entries()) {
    if (later[0]?.event === place) cluster.placer.reprice(later.shift()!.settings);
    if (event < 0) cluster.leave(~event);
    else if (!cluster.take(event, migrations)) return null;
  }
  return cluster.moves;
}

/** Searched upwards from the volume bound. `migrations`: live moves, at most, for a VM that no host takes. */
export function hostsNeeded(
  vms: readonly SizedVm[],
  placed: PlacerSettings | readonly From[],
  migrations = 0,
): { hosts: number; bound: number; moves: number } {
  const [first, ...later] = "weights" in placed ? [{ event: 0, settings: placed }] : placed;
  const bound = volumeBound(columnsOf(vms), HOST);
  for (let hosts = bound; ; hosts++) {
    const moves = movesToTakeAll(vms, hosts, [first!, ...later], migrations);
    if (moves !== null) return { hosts, bound, moves };
  }
}
