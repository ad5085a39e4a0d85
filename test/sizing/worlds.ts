/** Workloads and passes for the tests of sizing. */
import type { SizedHost, SizedVm } from "../../src/core/sizing/model.js";
import { vmsOf } from "../../src/core/sizing/sweep.js";
import { mib, ratio, seconds } from "../../src/core/units.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS } from "../../src/core/workload/scenario.js";

export const HOST: SizedHost = { pcpus: 32, memoryMiB: mib(131_072) };

/** `mix`: shares of 1:1, 2:1 and 3:1. */
export const experiment = (name: string, mix: readonly number[], seed: number, initial = 500): SizedVm[] =>
  vmsOf({ scenario: SCENARIOS.get(name)!, mix, vms: initial, seed }, EXPERIMENT_TEMPORALITY);

export const vm = (id: string, vcpus: number, memoryMiB: number, at = 1, arrival = 0, departure = 1e6): SizedVm => ({
  id,
  vcpus,
  memoryMiB: mib(memoryMiB),
  ratio: ratio(at),
  arrival: seconds(arrival),
  departure: seconds(departure),
});
