/** The hosts of classes with equal scores, by id. */
import { BestFirst, type Precedes } from "./heap.js";
import type { HostClasses } from "./host-classes.js";

export class HostWalk {
  /** Null until more than the first host is asked for. */
  #walks: readonly BestFirst[] | null = null;

  /** None of the classes is empty. */
  constructor(
    private readonly classes: HostClasses,
    private readonly slots: readonly number[],
    private readonly idPrecedes: Precedes,
  ) {}

  /** The host with the lowest id: nearly always the only one that is asked for. */
  first(): number {
    let lowest = this.classes.lowest(this.slots[0]!);
    for (let i = 1; i < this.slots.length; i++) {
      const other = this.classes.lowest(this.slots[i]!);
      if (this.idPrecedes(other, lowest)) lowest = other;
    }
    return lowest;
  }

  /** Those after it; undefined at the end. */
  next(): number | undefined {
    if (this.#walks === null) {
      this.#walks = this.slots.map((slot) => new BestFirst(this.classes.entry(slot)!.members, this.idPrecedes));
      this.#take(this.#walks);
    }
    return this.#take(this.#walks);
  }

  #take(walks: readonly BestFirst[]): number | undefined {
    let best = walks[0]!;
    let lowest = best.peek();
    for (let i = 1; i < walks.length; i++) {
      const walk = walks[i]!;
      const host = walk.peek();
      if (host === undefined || (lowest !== undefined && !this.idPrecedes(host, lowest))) continue;
      best = walk;
      lowest = host;
    }
    return best.next();
  }
}
