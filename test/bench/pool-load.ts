/**
 * Arrivals and departures for the pool benchmarks: VM sizes of OVHcloud 2023 (spec 7.1), ratios of a mix, exponential
 * life times, the same sequence for every policy. `load` is the pCPUs that the VMs would need on the mean over the
 * host's; above 1 the host is overloaded and refuses.
 */
import type { VmSpec } from "../../src/core/pool/model.js";
import { mib, type Ratio, ratio } from "../../src/core/units.js";

/** mulberry32: small, seeded, good enough to draw workloads. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** [weight, value] pairs. */
export type Weighted<T> = readonly (readonly [number, T])[];

export function draw<T>(random: () => number, choices: Weighted<T>): T {
  let left = random() * choices.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, value] of choices) {
    left -= weight;
    if (left < 0) return value;
  }
  return choices[choices.length - 1]![1];
}

/** vCPUs of OVHcloud 2023, and the memory that goes with them in a sorted pairing (GiB, rounded). */
const OVH_SIZES: Weighted<readonly [vcpus: number, memoryGiB: number]> = [
  [0.1, [1, 2]],
  [0.48, [2, 6]],
  [0.34, [4, 14]],
  [0.05, [8, 30]],
  [0.03, [16, 60]],
];

export type Event = { readonly op: "deploy"; readonly vm: VmSpec } | { readonly op: "remove"; readonly name: string };

export interface LoadShape {
  readonly seed: number;
  /** pCPUs needed on the mean over `pcpus`. */
  readonly load: number;
  readonly pcpus: number;
  readonly deploys: number;
  readonly ratios: Weighted<Ratio>;
  /** VMs carry no ratio: the host's template decides. */
  readonly perVcpu: boolean;
  /** Largest VM; hosts smaller than 16 pCPUs get smaller VMs. */
  readonly mostVcpus: number;
}

/** In order of time; departures of VMs that were refused are in it too, and to be skipped. */
export function eventsOf(shape: LoadShape): Event[] {
  const random = randomFrom(shape.seed);
  const sizes = OVH_SIZES.filter(([, [vcpus]]) => vcpus <= shape.mostVcpus);
  let pcpusPerVm = 0;
  const weights = sizes.reduce((sum, [weight]) => sum + weight, 0);
  const ratioWeights = shape.ratios.reduce((sum, [weight]) => sum + weight, 0);
  for (const [w, [vcpus]] of sizes)
    for (const [x, r] of shape.ratios) pcpusPerVm += ((w / weights) * (x / ratioWeights) * vcpus) / r;
  const population = (shape.load * shape.pcpus) / pcpusPerVm;
  const events: { at: number; event: Event }[] = [];
  for (let i = 0; i < shape.deploys; i++) {
    const [vcpus, memoryGiB] = draw(random, sizes);
    const ratioDrawn = draw(random, shape.ratios);
    const vm: VmSpec = {
      name: `vm${i}`,
      vcpus,
      memoryMiB: mib(memoryGiB * 1024),
      ratio: shape.perVcpu ? null : ratioDrawn,
    };
    events.push({ at: i, event: { op: "deploy", vm } });
    events.push({ at: i - Math.log(1 - random()) * population, event: { op: "remove", name: vm.name } });
  }
  events.sort((a, b) => a.at - b.at);
  return events.filter(({ at }) => at < shape.deploys).map(({ event }) => event);
}

export const RATIOS_1_2_3: Weighted<Ratio> = [
  [1, ratio(1)],
  [1, ratio(2)],
  [1, ratio(3)],
];
