/** Workloads through the scheduler's own placement: how many hosts they need, without agents. */
import { afterDeparture } from "../../src/core/placement/after.js";
import type { VmShape } from "../../src/core/placement/model.js";
import { createPlacer, type PlacerSettings } from "../../src/core/placement/placer.js";
import { columnsOf, type SizedVm } from "../../src/core/sizing/model.js";
import { volumeBound } from "../../src/core/sizing/volume.js";
import { HOST } from "../sizing/worlds.js";
import { host } from "./random.js";

/** Whether so many hosts of 32 pCPUs and 128 GiB take every VM. */
function takesAll(vms: readonly SizedVm[], hosts: number, settings: PlacerSettings): boolean {
  const placer = createPlacer(settings);
  for (let each = 0; each < hosts; each++) placer.upsertHost(host(`h${String(each).padStart(5, "0")}`));
  const shapes = vms.map(({ vcpus, memoryMiB, ratio }): VmShape => ({ vcpus, memoryMiB, ratio }));
  const hostOf: string[] = [];
  const members = new Map<string, Set<number>>();
  for (const event of columnsOf(vms).events) {
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
export function hostsNeeded(vms: readonly SizedVm[], settings: PlacerSettings): { hosts: number; bound: number } {
  const bound = volumeBound(columnsOf(vms), HOST);
  let hosts = bound;
  while (!takesAll(vms, hosts, settings)) hosts++;
  return { hosts, bound };
}
