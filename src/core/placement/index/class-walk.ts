/**
 * The classes that can take a request, best score first, equal scores together. Classes whose profile the request rules out
 * are passed over. Where that happens many times in a row (the request wants a rare label), the rest is sifted at once: going
 * over a heap in order costs several times more than going over it as it lies.
 */
import { type HostClasses, NOBODY } from "./host-classes.js";
import type { Profile } from "./profiles.js";
import { type ScoreHeap, ScoreWalk } from "./score-heap.js";

/** Scores passed over before the rest is sifted: sifting costs about as much as so many steps for thousands of classes. */
const PATIENCE = 64;

interface Sifted {
  readonly score: number;
  readonly slot: number;
}

export interface ClassGroup {
  readonly score: number;
  readonly slots: readonly number[];
}

export class ClassWalk {
  readonly #walk: ScoreWalk;
  readonly #verdicts = new Map<Profile, boolean>();
  #lastProfile: Profile | null = null;
  #lastVerdict = false;
  /** The rest once it was sifted, worst first. */
  #sifted: Sifted[] | null = null;
  #passedOver = 0;

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
      const tied = this.#walk.next();
      if (tied.length === 0) return null;
      const score = this.heap.scoreAt(tied[0]!);
      const slots: number[] = [];
      for (const position of tied) {
        const slot = this.heap.itemAt(position);
        if (this.#isUsable(slot)) slots.push(slot);
      }
      if (slots.length > 0) {
        this.#passedOver = 0;
        return { score, slots };
      }
      this.#passedOver += 1;
      if (this.#passedOver >= PATIENCE) this.#sifted = this.#sift(score);
    }
    return this.#nextSifted(this.#sifted);
  }

  #sift(below: number): Sifted[] {
    const rest: Sifted[] = [];
    for (let at = 0; at < this.heap.size; at++) {
      const score = this.heap.scoreAt(at);
      const slot = this.heap.itemAt(at);
      if (score < below && this.#isUsable(slot)) rest.push({ score, slot });
    }
    return rest.sort((a, b) => a.score - b.score);
  }

  #nextSifted(rest: Sifted[]): ClassGroup | null {
    const last = rest[rest.length - 1];
    if (last === undefined) return null;
    const { score } = last;
    const slots: number[] = [];
    while (rest[rest.length - 1]?.score === score) slots.push(rest.pop()!.slot);
    return { score, slots };
  }

  /** False where the class is empty or its profile is not wanted. */
  #isUsable(slot: number): boolean {
    if (this.classes.lowest(slot) === NOBODY) return false;
    const { profile } = this.classes.entry(slot)!;
    if (profile !== this.#lastProfile) {
      this.#lastProfile = profile;
      this.#lastVerdict = this.#verdict(profile);
    }
    return this.#lastVerdict;
  }

  #verdict(profile: Profile): boolean {
    const known = this.#verdicts.get(profile);
    if (known !== undefined) return known;
    const verdict = this.allows(profile);
    this.#verdicts.set(profile, verdict);
    return verdict;
  }
}
