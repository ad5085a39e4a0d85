/** A cluster of the placement index alone, filled as time fills one, for benchmarks. Sizes of VMs: OVHcloud 2023 (spec 7.1), at the ratios 1, 2 and 3. */
import { afterDeparture } from "../../src/core/placement/after.js";
import { chooseHost } from "../../src/core/placement/choose.js";
import type { HostSummary, VmShape } from "../../src/core/placement/model.js";
import { createPlacer, type Placer, type PlacerSettings } from "../../src/core/placement/placer.js";
import { rulesOf } from "../../src/core/placement/rules.js";
import { mib, ratio } from "../../src/core/units.js";
import { draw, randomFrom, type Weighted } from "./pool-load.js";

/** Of the sizing experiment (spec 7.2). */
export const PCPUS = 32;
export const MEMORY_MIB = 128 * 1024;

const OVH_VCPUS: Weighted<readonly [vcpus: number, memoryGiB: readonly number[]]> = [
  [0.1, [1, [2, 4]]],
  [0.48, [2, [4, 7, 8]]],
  [0.34, [4, [7, 8, 15]]],
  [0.05, [8, [15, 30]]],
  [0.03, [16, [30, 60]]],
];
const RATIOS = [1, 2, 3].map(ratio);

export const SHAPES: Weighted<VmShape> = OVH_VCPUS.flatMap(([weight, [vcpus, sizes]]) =>
  sizes.flatMap((memoryGiB) =>
    RATIOS.map((one): readonly [number, VmShape] => [
      weight / sizes.length,
      { vcpus, memoryMiB: mib(memoryGiB * 1024), ratio: one },
    ]),
  ),
);

const emptyHost = (id: string): HostSummary => ({
  id,
  policy: "headroom",
  template: null,
  criticalSize: 0,
  ratiosOffered: RATIOS,
  totalPcpus: PCPUS,
  usablePcpus: PCPUS,
  memoryCapacityMiB: mib(MEMORY_MIB),
  labels: LABELS,
  images: IMAGES,
  state: "up",
  cordoned: false,
  freePcpus: PCPUS,
  pools: [],
  memoryAllocatedMiB: mib(0),
  antiAffinityGroups: [],
  forecast: null,
  generation: 0,
});
const LABELS = { zone: "a" };
const IMAGES = ["/images"];

interface Vm {
  readonly hostId: string;
  readonly shape: VmShape;
}

/** A cluster that is filled and kept full. */
export class Cluster {
  placer: Placer;
  readonly #vms: Vm[] = [];
  readonly #byHost = new Map<string, VmShape[]>();
  #pcpusFree = 0;
  readonly #random = randomFrom(11);

  constructor(
    readonly hostCount: number,
    settings: PlacerSettings,
  ) {
    this.placer = createPlacer(settings);
    for (let i = 0; i < hostCount; i++) {
      this.placer.upsertHost(emptyHost(`host-${i.toString().padStart(6, "0")}`));
      this.#pcpusFree += PCPUS;
    }
  }

  shapesOn(hostId: string): readonly VmShape[] {
    return this.#byHost.get(hostId) ?? [];
  }

  get fill(): number {
    return 1 - this.#pcpusFree / (this.hostCount * PCPUS);
  }

  nextShape(): VmShape {
    return draw(this.#random, SHAPES);
  }

  /** False: refused. */
  deploy(shape: VmShape): boolean {
    const candidate = this.placer.choose(shape);
    if (candidate === null) return false;
    const before = this.placer.host(candidate.hostId)!.freePcpus;
    const after = this.placer.commitLocally(candidate.hostId, shape);
    this.#place(candidate.hostId, shape, before - after.freePcpus);
    return true;
  }

  /** Like `deploy`, but anywhere it fits: the disorder that departures leave in a cluster, without waiting for it. */
  scatter(shape: VmShape): void {
    const ids = this.hostCount;
    for (let tries = 0; tries < 20; tries++) {
      const id = `host-${Math.floor(this.#random() * ids)
        .toString()
        .padStart(6, "0")}`;
      const host = this.placer.host(id)!;
      if (chooseHost(ANY, [host], shape) === null) continue;
      const after = this.placer.commitLocally(id, shape);
      this.#place(id, shape, host.freePcpus - after.freePcpus);
      return;
    }
  }

  #place(hostId: string, shape: VmShape, pcpus: number): void {
    this.#pcpusFree -= pcpus;
    this.#vms.push({ hostId, shape });
    const shapes = this.#byHost.get(hostId);
    if (shapes === undefined) this.#byHost.set(hostId, [shape]);
    else shapes.push(shape);
  }

  leave(): void {
    const at = Math.floor(this.#random() * this.#vms.length);
    const { hostId, shape } = this.#vms[at]!;
    this.#vms[at] = this.#vms[this.#vms.length - 1]!;
    this.#vms.pop();
    const shapes = this.#byHost.get(hostId)!;
    shapes.splice(shapes.indexOf(shape), 1);
    const host = this.placer.host(hostId)!;
    const after = afterDeparture(host, shape, null, shapes);
    this.placer.upsertHost(after);
    this.#pcpusFree += after.freePcpus - host.freePcpus;
  }
}

const ANY = rulesOf({});

/** Half of the VMs anywhere, half by the rules; then some churn, so that neither is left alone. */
export function filled(hosts: number, fill: number, settings: PlacerSettings): { cluster: Cluster; firstMs: number } {
  const cluster = new Cluster(hosts, settings);
  while (cluster.fill < fill / 2) cluster.scatter(cluster.nextShape());
  const started = performance.now();
  cluster.placer.choose(cluster.nextShape());
  const firstMs = performance.now() - started;
  for (let refused = 0; cluster.fill < fill && refused < 1000; ) if (!cluster.deploy(cluster.nextShape())) refused++;
  for (let i = 0; i < Math.min(hosts, 10_000); i++) decide(cluster, cluster.nextShape(), fill);
  return { cluster, firstMs };
}

export function decide(cluster: Cluster, shape: VmShape, fill: number): boolean {
  const placed = cluster.deploy(shape);
  if (cluster.fill >= fill || !placed) cluster.leave();
  return placed;
}
