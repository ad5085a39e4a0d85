/** The hosts of classes with equal scores, by id. */
import { BestFirst, type Precedes } from "./heap.js";
import type { ClassEntry } from "./host-classes.js";

/** Merges the classes' heaps; the classes are few, as equal scores mostly mean equal hosts. */
export class HostWalk {
  readonly #walks: readonly BestFirst[];

  constructor(
    classes: readonly ClassEntry[],
    private readonly idPrecedes: Precedes,
  ) {
    this.#walks = classes.map((entry) => new BestFirst(entry.members, idPrecedes));
  }

  /** A host's number; undefined at the end. */
  next(): number | undefined {
    let best = this.#walks[0]!;
    let lowest = best.peek();
    for (let i = 1; i < this.#walks.length; i++) {
      const walk = this.#walks[i]!;
      const host = walk.peek();
      if (host === undefined || (lowest !== undefined && !this.idPrecedes(host, lowest))) continue;
      best = walk;
      lowest = host;
    }
    return lowest === undefined ? undefined : best.next();
  }
}
