/**
 * The classes that can take one shape, as a heap by score. A class's score never changes, so nothing in the heap ever moves
 * on its own: classes that appeared since the last look are added, those that emptied are passed over, and dropped when they
 * reach the top.
 */
import type { VmShape } from "../model.js";
import type { Rules } from "../rules.js";
import { shapeScore, VETOED } from "../score.js";
import { BestFirst, HeapOrder } from "./heap.js";
import type { HostClasses } from "./host-classes.js";

export class ShapeIndex {
  /** Slots of classes. */
  readonly #heap: number[] = [];
  readonly #order: HeapOrder;
  /** By slot; NaN: not worked out yet. */
  #scores = new Float64Array(0);
  readonly #precedes = (a: number, b: number): boolean => this.#scores[a]! > this.#scores[b]!;
  #cursor = -1;

  constructor(
    private readonly classes: HostClasses,
    private readonly rules: Rules,
    private readonly shape: VmShape,
  ) {
    this.#order = new HeapOrder(this.#precedes);
  }

  /** Slots of all classes that passed the filters, some of them empty by now; the best first one at its head. */
  get heap(): readonly number[] {
    return this.#heap;
  }

  score(slot: number): number {
    return this.#scores[slot]!;
  }

  /** Brings the heap up to date; to be called before each look, and before anything changes again. */
  catchUp(): void {
    this.#reserve();
    const { log } = this.classes;
    if (!log.remembers(this.#cursor)) this.#startAnew();
    for (; this.#cursor < log.end; this.#cursor++) {
      const event = log.at(this.#cursor);
      if (event >= 0) this.#appear(event);
      else this.#forget(~event);
    }
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.classes.entry(top)!.members.length > 0) break;
      this.#order.remove(this.#heap, top);
    }
  }

  bestFirst(): BestFirst {
    return new BestFirst(this.#heap, this.#precedes);
  }

  #reserve(): void {
    const { slots } = this.classes;
    if (slots <= this.#scores.length) return;
    const grown = new Float64Array(Math.max(slots, this.#scores.length * 2)).fill(Number.NaN);
    grown.set(this.#scores);
    this.#scores = grown;
    this.#order.reserve(grown.length);
  }

  #startAnew(): void {
    this.#order.clear(this.#heap);
    this.#scores.fill(Number.NaN);
    for (let slot = 0; slot < this.classes.slots; slot++) if (this.#admits(slot)) this.#heap.push(slot);
    this.#order.build(this.#heap);
    this.#cursor = this.classes.log.end;
  }

  #appear(slot: number): void {
    if (!this.#order.holds(slot) && this.#admits(slot)) this.#order.push(this.#heap, slot);
  }

  #forget(slot: number): void {
    if (this.#order.holds(slot)) this.#order.remove(this.#heap, slot);
    this.#scores[slot] = Number.NaN;
  }

  /** Whether the class in the slot has hosts that can take the shape; works its score out where it is not known. */
  #admits(slot: number): boolean {
    const entry = this.classes.entry(slot);
    if (entry === null || entry.members.length === 0) return false;
    if (Number.isNaN(this.#scores[slot]!))
      this.#scores[slot] = shapeScore(this.rules, entry.host, entry.facts, this.shape);
    return this.#scores[slot] !== VETOED;
  }
}
