/**
 * The classes that can take a request, best score first, equal scores together. Classes whose profile the request rules out
 * are passed over. Where that happens many times in a row (the request wants a rare label), the rest is sifted at once: going
 * over a heap in order costs several times more than going over it as it lies.
 */
import type { BestFirst } from "./heap.js";
import type { ClassEntry, HostClasses } from "./host-classes.js";
import type { Profile } from "./profiles.js";
import type { ShapeIndex } from "./shape-index.js";

/** Classes passed over before the rest is sifted: sifting costs about as much as so many steps for thousands of classes. */
const PATIENCE = 64;

export interface ClassGroup {
  readonly score: number;
  readonly classes: readonly ClassEntry[];
}

export class ClassWalk {
  readonly #walk: BestFirst;
  readonly #verdicts = new Map<Profile, boolean>();
  #passedOver = 0;
  /** The rest once it was sifted, worst first. */
  #sifted: ClassEntry[] | null = null;

  constructor(
    private readonly classes: HostClasses,
    private readonly index: ShapeIndex,
    private readonly allows: (profile: Profile) => boolean,
  ) {
    this.#walk = index.bestFirst();
  }

  /** Null at the end. */
  next(): ClassGroup | null {
    while (this.#sifted === null) {
      const first = this.#walk.peek();
      if (first === undefined) return null;
      const score = this.index.score(first);
      const group = this.#walkGroup(score);
      if (group.length > 0) {
        this.#passedOver = 0;
        return { score, classes: group };
      }
      if (this.#passedOver >= PATIENCE) this.#sifted = this.#sift(score);
    }
    return this.#nextSifted(this.#sifted);
  }

  /** All classes of this score, which the walk has reached. */
  #walkGroup(score: number): ClassEntry[] {
    const group: ClassEntry[] = [];
    for (let slot = this.#walk.peek(); slot !== undefined && this.index.score(slot) === score; ) {
      const entry = this.#usable(slot);
      if (entry === null) this.#passedOver += 1;
      else group.push(entry);
      this.#walk.next();
      slot = this.#walk.peek();
    }
    return group;
  }

  #sift(below: number): ClassEntry[] {
    const rest: ClassEntry[] = [];
    for (const slot of this.index.heap) {
      const entry = this.index.score(slot) < below ? this.#usable(slot) : null;
      if (entry !== null) rest.push(entry);
    }
    return rest.sort((a, b) => this.index.score(a.slot) - this.index.score(b.slot));
  }

  #nextSifted(rest: ClassEntry[]): ClassGroup | null {
    const first = rest.pop();
    if (first === undefined) return null;
    const score = this.index.score(first.slot);
    const group = [first];
    while (rest.length > 0 && this.index.score(rest[rest.length - 1]!.slot) === score) group.push(rest.pop()!);
    return { score, classes: group };
  }

  /** Null where the class is empty or its profile is not wanted. */
  #usable(slot: number): ClassEntry | null {
    const entry = this.classes.entry(slot)!;
    if (entry.members.length === 0) return null;
    let verdict = this.#verdicts.get(entry.profile);
    if (verdict === undefined) {
      verdict = this.allows(entry.profile);
      this.#verdicts.set(entry.profile, verdict);
    }
    return verdict ? entry : null;
  }
}
