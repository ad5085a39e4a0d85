/** Workloads as a simulation takes them: generated ones, and lists whose VMs may not say how they use what they bought. */
import type { SizedVm } from "../core/sizing/model.js";
import { seconds } from "../core/units.js";
import { dealtUsage } from "../core/workload/dealt-usage.js";
import { generateWorkload } from "../core/workload/generate.js";
import { seededRandom } from "../core/workload/random.js";
import { reservedMemory } from "../core/workload/reserved.js";
import type { Scenario, Temporality } from "../core/workload/scenario.js";
import type { SimulatedVm } from "./options.js";

/** As it is sized: with the memory that is reserved. VMs that do not leave stay beyond the end. */
export function generatedVms(
  scenario: Scenario,
  temporality: Temporality,
  initial: number,
  seed: number,
): readonly SimulatedVm[] {
  return Array.from(generateWorkload(scenario, temporality, initial, seededRandom(seed)), (vm): SimulatedVm => {
    const { name, vcpus, ratio, arrival, permanent, meanPercent, p95Percent, periodic } = vm;
    return {
      id: name,
      vcpus,
      memoryMiB: reservedMemory(vm),
      ratio,
      arrival,
      departure: permanent ? seconds(Number.POSITIVE_INFINITY) : vm.departure,
      usage: { meanPercent, p95Percent, periodic },
    };
  });
}

/** In order of arrival; usage that is not said is dealt by the seed. */
export const withUsage = (vms: readonly SizedVm[], seed: number): readonly SimulatedVm[] =>
  vms
    .map((vm, place): SimulatedVm => ({ ...vm, usage: vm.usage ?? dealtUsage(place, seed) }))
    .sort((a, b) => a.arrival - b.arrival);
