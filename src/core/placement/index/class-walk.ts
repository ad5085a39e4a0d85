/**
 * The classes that can take a request, best score first, equal scores together. Classes whose profile the request rules out
 * are passed over. Who wants more than a few scores gets the rest sifted at once (a request for a rare label, say): going over
 * scores in order costs several times more than going over them as they lie.
 */
import type { HostClasses } from "./host-classes.js";
import type { Profile } from "./profiles.js";
import type { ScoreTrees } from "./score-trees.js";

/** Scores looked up one by one before the rest is sifted, which costs about as much for thousands of classes. */
const PATIENCE = 16;

interface Sifted {
  readonly score: number;
  readonly slot: number;
}

export interface ClassGroup {
  readonly score: number;
  readonly slots: readonly number[];
}

export class ClassWalk {
  readonly #verdicts = new Map<Profile, boolean>();
  #lastProfile: Profile | null = null;
  #lastVerdict = false;
  /** Scores from here on were given out or passed over. */
  #below = Number.POSITIVE_INFINITY;
  #looks = 0;
  /** The rest once it was sifted, worst first. */
  #sifted: Sifted[] | null = null;

  constructor(
    private readonly classes: HostClasses,
    private readonly scores: ScoreTrees,
    private readonly column: number,
    private readonly allows: (profile: Profile) => boolean,
  ) {}

  /** Null at the end. */
  next(): ClassGroup | null {
    const { scores, column } = this;
    while (this.#looks < PATIENCE) {
      const score = this.#looks === 0 ? scores.best(column) : scores.bestBelow(this.#below, column);
      if (score === Number.NEGATIVE_INFINITY) return null;
      this.#looks += 1;
      this.#below = score;
      const slots = scores.rowsWith(score, column).filter((slot) => this.#isWanted(slot));
      if (slots.length > 0) return { score, slots };
    }
    this.#sifted ??= this.#sift();
    return this.#nextSifted(this.#sifted);
  }

  #sift(): Sifted[] {
    const rest: Sifted[] = [];
    for (let slot = 0; slot < this.classes.slots; slot++) {
      const score = this.scores.score(slot, this.column);
      if (score < this.#below && score !== Number.NEGATIVE_INFINITY && this.#isWanted(slot)) rest.push({ score, slot });
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

  #isWanted(slot: number): boolean {
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
