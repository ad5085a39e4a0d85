/**
 * The classes that can take one shape, as a heap by score. A class's score never changes, so nothing in the heap ever moves
 * on its own: classes are added when they are made, for all shapes at once while their counts are at hand; those without hosts
 * are passed over, and dropped where they are at the top, until they have hosts again.
 */
import type { VmShape } from "../model.js";
import type { Rules } from "../rules.js";
import { shapeScore, VETOED } from "../score.js";
import { type ClassEntry, type ClassListener, type HostClasses, NOBODY } from "./host-classes.js";
import { type PositionTable, ScoreHeap } from "./score-heap.js";

export class ShapeIndex implements ClassListener {
  /** Slots of classes that passed the filters; of classes given up too, until their slot is used again or they reach the top. */
  readonly heap: ScoreHeap;
  /** Classes may still have it among those to be told. */
  #released = false;

  constructor(
    private readonly classes: HostClasses,
    private readonly rules: Rules,
    private readonly shape: VmShape,
    positions: PositionTable,
  ) {
    this.heap = new ScoreHeap(positions);
    for (let slot = 0; slot < classes.slots; slot++) {
      const entry = classes.entry(slot);
      if (entry !== null) this.consider(entry);
    }
  }

  /** The index is not to be used any more. */
  release(): void {
    this.#released = true;
    this.heap.release();
  }

  consider({ slot, host, facts }: ClassEntry): void {
    if (this.#released) return;
    const score = shapeScore(this.rules, host, facts, this.shape);
    if (score === VETOED) this.heap.remove(slot);
    else this.heap.set(slot, score);
  }

  /** To be called before each look. */
  dropEmptyTop(): void {
    while (this.heap.size > 0) {
      const top = this.heap.itemAt(0);
      if (this.classes.lowest(top) !== NOBODY) return;
      this.heap.remove(top);
      this.classes.entry(top)?.waiting.push(this);
    }
  }
}
