/**
 * What guests miss whose memory is coordinated, as looked at now and then: memory that they want and have not got is swapped out, and guests that hold
 * more than the host has make the host swap. Every guest and every host counts alike in the shares, once for each look.
 */
import { memoryStats } from "../drivers/fake/balloon.js";
import type { FakeWorld } from "../drivers/fake/world.js";

export interface MemoryFelt {
  /** Looks at a guest that wanted memory which it had not, of all, in percent. */
  readonly swappingPercent: number;
  /** The most that a guest had not, of what it was sold. */
  readonly mostMissedPercent: number;
  /** Looks at a host whose guests held more than it has, of all, in percent. */
  readonly shortPercent: number;
  /** The most that guests held, of what their host has. */
  readonly mostHeldPercent: number;
}

/** Less is the rounding of sizes, and of reports. */
const LEAST_MISSED_MIB = 1;

export class MemoryMeter {
  private readonly guests = { looks: 0, swapping: 0, most: 0 };
  private readonly hosts = { looks: 0, short: 0, most: 0 };

  look(worlds: Iterable<FakeWorld>): void {
    for (const world of worlds) {
      let held = 0;
      for (const { live } of world.contents().guests.values()) {
        if (live === null) continue;
        const { swappedMiB, maximumMiB } = live.balloon;
        held += memoryStats(live.balloon).rssMiB ?? 0;
        this.guests.looks++;
        if (swappedMiB < LEAST_MISSED_MIB) continue;
        this.guests.swapping++;
        this.guests.most = Math.max(this.guests.most, swappedMiB / maximumMiB);
      }
      const share = held / world.topology.memory.totalMiB;
      this.hosts.looks++;
      if (share > 1) this.hosts.short++;
      this.hosts.most = Math.max(this.hosts.most, share);
    }
  }

  total(): MemoryFelt {
    const { guests, hosts } = this;
    return {
      swappingPercent: guests.looks === 0 ? 0 : (100 * guests.swapping) / guests.looks,
      mostMissedPercent: 100 * guests.most,
      shortPercent: hosts.looks === 0 ? 0 : (100 * hosts.short) / hosts.looks,
      mostHeldPercent: 100 * hosts.most,
    };
  }
}
