/**
 * Promise 8 of the design, where a machine's agent coordinates memory: every guest's balloon is asked for a size between its least and what it was sold, and
 * a guest is only given more of what the host has above its reserve at that moment. What guests then touch of what they were sold is theirs.
 */
import { minimumOf } from "../core/balloon/claims.js";
import { mib } from "../core/units.js";
import { memoryStats } from "../drivers/fake/balloon.js";
import type { Machine } from "./machine.js";

/** Sizes are rounded to whole MiB on their way. */
const ROUNDED_MIB = 1;

export class BalloonWatch {
  /** By machine and uuid of the guest: what its balloon was last asked for. */
  private readonly asked = new Map<Machine, Map<string, number>>();

  /** What is broken; null: nothing. */
  problem(machine: Machine): string | null {
    const { world, settings } = machine;
    const { balloon } = settings;
    if (balloon == null) return null;
    const before = this.asked.get(machine);
    const now = new Map<string, number>();
    let [held, growing, raised] = [0, 0, false];
    for (const [name, { stored, live }] of world.contents().guests) {
      if (live === null) continue;
      const { targetMiB, currentMiB, maximumMiB } = live.balloon;
      const least = minimumOf({ name, maximumMiB: mib(maximumMiB) }, balloon);
      if (targetMiB < least - ROUNDED_MIB || targetMiB > maximumMiB + ROUNDED_MIB)
        return `${name} is asked for ${targetMiB} MiB, outside ${least} to ${maximumMiB}`;
      held += memoryStats(live.balloon).rssMiB ?? 0;
      growing += Math.max(0, targetMiB - currentMiB);
      raised ||= targetMiB > (before?.get(stored.uuid) ?? targetMiB);
      now.set(stored.uuid, targetMiB);
    }
    this.asked.set(machine, now);
    const spare = world.topology.memory.totalMiB - held - balloon.hostReserveMiB;
    if (!raised || growing <= Math.max(0, spare) + ROUNDED_MIB) return null;
    return `guests are given ${Math.round(growing)} MiB more, and the host has ${Math.round(spare)} MiB above its reserve`;
  }
}
