/**
 * Which live move would make room for a VM that no host takes: one VM away from a host, to another that takes it, after which the first host has
 * room. Of several, the one with the least memory, since that is what a migration copies; then by name. Two moves find next to nothing more
 * (docs/sizing.md). Plans, and does nothing.
 */
import { afterDeparture } from "./after.js";
import type { Constraints, HostSummary, VmShape } from "./model.js";
import type { Placer } from "./placer.js";

/** A VM that could be moved, and from where. */
export interface Movable {
  readonly name: string;
  readonly host: HostSummary;
  readonly shape: VmShape;
  readonly constraints: Constraints;
  /** Of the other VMs on its host. */
  readonly staying: readonly VmShape[];
  /** Hosts to which it cannot be moved, its own among them. */
  readonly exclude: () => ReadonlySet<string>;
}

export interface Move {
  readonly vm: string;
  readonly from: string;
  readonly to: string;
}

/** VMs for which a host is looked for: where so many find none there is hardly any room at all. */
const MOST_TRIES = 256;

const byCost = (a: Movable, b: Movable): number => a.shape.memoryMiB - b.shape.memoryMiB || (a.name < b.name ? -1 : 1);

/** Null: no single move does. */
export function moveThatMakesRoom(
  placer: Pick<Placer, "takes" | "choose">,
  movable: readonly Movable[],
  shape: VmShape,
  constraints: Constraints,
): Move | null {
  let tries = 0;
  for (const one of movable.toSorted(byCost)) {
    const { host, name } = one;
    // A cheap look before the exact one.
    if (host.memoryCapacityMiB - host.memoryAllocatedMiB + one.shape.memoryMiB < shape.memoryMiB) continue;
    const left = afterDeparture(host, one.shape, one.constraints.antiAffinityGroup, one.staying);
    if (!placer.takes(left, shape, constraints)) continue;
    const target = placer.choose(one.shape, one.constraints, one.exclude());
    tries += 1;
    if (target !== null) return { vm: name, from: host.id, to: target.hostId };
    if (tries >= MOST_TRIES) return null;
  }
  return null;
}
