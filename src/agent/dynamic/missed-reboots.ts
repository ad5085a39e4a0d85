/**
 * Guests that rebooted in their domains while the hypervisor could not be reached, so that nobody heard of it. Of what it tells afterwards nothing says so but one
 * thing: CPU time goes on, the domain's state is as before; but the page faults that a guest's balloon driver reports are counted by its
 * kernel, from its start on. A count that is lower than before the connection was lost is a new kernel's. Asked only after such a loss, and for as
 * long as guests boot: Windows reports faults per second, which fall all the time, and would be taken for booting always. Not told of:
 * guests whose driver reports nothing, and those whose new count has passed the old one meanwhile.
 */
import type { Milliseconds } from "../../core/units.js";
import type { DomainStats } from "../../ports/hypervisor.js";

/** By uuid. */
type Faults = Map<string, number>;

export class MissedReboots {
  #last: readonly DomainStats[] = [];
  /** As of the last look before the connection was lost, without those that were told. */
  #before: Faults | null = null;
  /** When it is too late to ask; null: the first look has not come. */
  #until: number | null = null;

  reconnected(): void {
    this.#before = faultsOf(this.#last);
    this.#until = null;
  }

  /** At each tick: uuids of guests that rebooted unheard. `now`: monotonic. */
  found(stats: readonly DomainStats[], now: Milliseconds, bootTime: Milliseconds): readonly string[] {
    this.#last = stats;
    const before = this.#before;
    if (before === null) return [];
    const found = [...faultsOf(stats)].flatMap(([uuid, count]) => (count < before.get(uuid)! ? [uuid] : []));
    for (const uuid of found) before.delete(uuid);
    this.#until ??= now + bootTime;
    if (now >= this.#until) this.#before = null;
    return found;
  }
}

const faultsOf = (stats: readonly DomainStats[]): Faults =>
  new Map(
    stats.flatMap(({ uuid, memory }) =>
      memory?.minorFaults === undefined ? [] : [[uuid, memory.minorFaults] as const],
    ),
  );
