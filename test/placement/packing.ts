/** Workloads through the scheduler's own placement: how many hosts they need, without agents, with prices that are given or learnt on the way. */
import { afterDeparture } from "../../src/core/placement/after.js";
import { Demand, isAnotherMix, type Wanted } from "../../src/core/placement/learning/demand.js";
import { type SolvePrices, withPrices } from "../../src/core/placement/learning/pricing.js";
import type { VmShape } from "../../src/core/placement/model.js";
import { createPlacer, type PlacerSettings } from "../../src/core/placement/placer.js";
import { columnsOf, type SizedVm } from "../../src/core/sizing/model.js";
import { volumeBound } from "../../src/core/sizing/volume.js";
import { HOST } from "../sizing/worlds.js";
import { host } from "./random.js";

/** What VMs are placed by from one event on. */
export interface From {
  readonly event: number;
  readonly settings: PlacerSettings;
}

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

/** Whether so many hosts of 32 pCPUs and 128 GiB take every VM. */
function takesAll(
  vms: readonly SizedVm[],
  hosts: number,
  [{ settings }, ...later]: readonly [From, ...From[]],
): boolean {
  const placer = createPlacer(settings);
  for (let each = 0; each < hosts; each++) placer.upsertHost(host(`h${String(each).padStart(5, "0")}`));
  const shapes = vms.map(shapeOf);
  const hostOf: string[] = [];
  const members = new Map<string, Set<number>>();
  for (const [place, event] of columnsOf(vms).events.entries()) {
    if (later[0]?.event === place) placer.reprice(later.shift()!.settings);
    if (event < 0) {
      const here = members.get(hostOf[~event]!)!;
      here.delete(~event);
      const staying = [...here].map((vm) => shapes[vm]!);
      placer.upsertHost(afterDeparture(placer.host(hostOf[~event]!)!, shapes[~event]!, null, staying));
      continue;
    }
    const chosen = placer.choose(shapes[event]!);
    if (chosen === null) return false;
    placer.commitLocally(chosen.hostId, shapes[event]!);
    hostOf[event] = chosen.hostId;
    members.set(chosen.hostId, (members.get(chosen.hostId) ?? new Set()).add(event));
  }
  return true;
}

/** Searched upwards from the volume bound. */
export function hostsNeeded(
  vms: readonly SizedVm[],
  placed: PlacerSettings | readonly From[],
): { hosts: number; bound: number } {
  const [first, ...later] = "weights" in placed ? [{ event: 0, settings: placed }] : placed;
  const bound = volumeBound(columnsOf(vms), HOST);
  let hosts = bound;
  while (!takesAll(vms, hosts, [first!, ...later])) hosts++;
  return { hosts, bound };
}
