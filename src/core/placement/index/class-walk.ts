/**
 * The classes that can take a request, best score first, equal scores together. Classes whose profile the request rules out
 * are passed over. Where that happens many times in a row (the request wants a rare label), the rest is sifted at once: going
 * over a heap in order costs several times more than going over it as it lies.
 */
import type { ClassEntry, HostClasses } from "./host-classes.js";
import type { Profile } from "./profiles.js";
import { type ScoreHeap, ScoreWalk } from "./score-heap.js";

/** Classes passed over before the rest is sifted: sifting costs about as much as so many steps for thousands of classes. */
const PATIENCE = 64;

interface Sifted {
  readonly score: number;
  readonly entry: ClassEntry;
}

export interface ClassGroup {
  readonly score: number;
  readonly classes: readonly ClassEntry[];
}

export class ClassWalk {
  readonly #walk: ScoreWalk;
  readonly #verdicts = new Map<Profile, boolean>();
  #passedOver = 0;
  /** The rest once it was sifted, worst first. */
  #sifted: Sifted[] | null = null;

  constructor(
    private readonly classes: HostClasses,
    private readonly heap: ScoreHeap,
    private readonly allows: (profile: Profile) => boolean,
  ) {
    this.#walk = new ScoreWalk(heap);
  }

  /** Null at the end. */
  next(): ClassGroup | null {
    while (this.#sifted === null) {
      const first = this.#walk.peek();
      if (first === undefined) return null;
      const score = this.heap.scoreAt(first);
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
    for (;;) {
      const at = this.#walk.peek();
      if (at === undefined || this.heap.scoreAt(at) !== score) return group;
      const entry = this.#usable(this.heap.itemAt(at));
      if (entry === null) this.#passedOver += 1;
      else group.push(entry);
      this.#walk.skip();
    }
  }

  #sift(below: number): Sifted[] {
    const rest: Sifted[] = [];
    for (let at = 0; at < this.heap.size; at++) {
      const score = this.heap.scoreAt(at);
      const entry = score < below ? this.#usable(this.heap.itemAt(at)) : null;
      if (entry !== null) rest.push({ score, entry });
    }
    return rest.sort((a, b) => a.score - b.score);
  }

  #nextSifted(rest: Sifted[]): ClassGroup | null {
    const last = rest[rest.length - 1];
    if (last === undefined) return null;
    const { score } = last;
    const classes: ClassEntry[] = [];
    while (rest[rest.length - 1]?.score === score) classes.push(rest.pop()!.entry);
    return { score, classes };
  }

  /** Null where the class is empty or its profile is not wanted. */
  #usable(slot: number): ClassEntry | null {
    const entry = this.classes.entry(slot);
    if (entry === null || entry.members.length === 0) return null;
    let verdict = this.#verdicts.get(entry.profile);
    if (verdict === undefined) {
      verdict = this.allows(entry.profile);
      this.#verdicts.set(entry.profile, verdict);
    }
    return verdict ? entry : null;
  }
}
