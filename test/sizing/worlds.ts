/** Workloads and passes for the tests of sizing. */
import type { SizedHost, SizedVm } from "../../src/core/sizing/model.js";
import { mib, ratio, seconds } from "../../src/core/units.js";
import { generateWorkload } from "../../src/core/workload/generate.js";
import { seededRandom } from "../../src/core/workload/random.js";
import { reservedMemory } from "../../src/core/workload/reserved.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS } from "../../src/core/workload/scenario.js";

export const HOST: SizedHost = { pcpus: 32, memoryMiB: mib(131_072) };

/** `mix`: shares of 1:1, 2:1 and 3:1. */
export function experiment(name: string, mix: readonly number[], seed: number, initial = 500): SizedVm[] {
  const scenario = SCENARIOS.get(name)!;
  const ratios = mix.flatMap((share, place) => (share > 0 ? [[ratio(place + 1), share] as const] : []));
  const vms = generateWorkload({ ...scenario, ratios }, EXPERIMENT_TEMPORALITY, initial, seededRandom(seed));
  return [...vms].map((vm) => ({ ...vm, id: String(vm.index), memoryMiB: reservedMemory(vm) }));
}

export const vm = (id: string, vcpus: number, memoryMiB: number, at = 1, arrival = 0, departure = 1e6): SizedVm => ({
  id,
  vcpus,
  memoryMiB: mib(memoryMiB),
  ratio: ratio(at),
  arrival: seconds(arrival),
  departure: seconds(departure),
});
