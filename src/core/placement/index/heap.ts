/**
 * Many small binary heaps that share one order over small integers: each item is in one of them at most, its position is known,
 * and it can be taken out of the middle. For the hosts of a class, by id.
 */

/** Whether `a` comes out before `b`. */
export type Precedes = (a: number, b: number) => boolean;

const ABSENT = -1;

export class HeapOrder {
  /** By item. */
  #positions = new Int32Array(0);

  constructor(private readonly precedes: Precedes) {}

  /** Makes room for the items 0 ... `count` - 1. */
  reserve(count: number): void {
    if (count <= this.#positions.length) return;
    const grown = new Int32Array(Math.max(count, this.#positions.length * 2, 16)).fill(ABSENT);
    grown.set(this.#positions);
    this.#positions = grown;
  }

  push(heap: number[], item: number): void {
    heap.push(item);
    this.#rise(heap, heap.length - 1, item);
  }

  /** `item` must be in `heap`. */
  remove(heap: number[], item: number): void {
    const at = this.#positions[item]!;
    this.#positions[item] = ABSENT;
    const last = heap.pop()!;
    if (last === item) return;
    if (at > 0 && this.precedes(last, heap[(at - 1) >> 1]!)) this.#rise(heap, at, last);
    else this.#sink(heap, at, last);
  }

  #rise(heap: number[], from: number, item: number): void {
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = heap[up]!;
      if (!this.precedes(item, above)) break;
      this.#set(heap, at, above);
      at = up;
    }
    this.#set(heap, at, item);
  }

  #sink(heap: number[], from: number, item: number): void {
    let at = from;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && this.precedes(heap[down + 1]!, heap[down]!)) down++;
      const below = heap[down]!;
      if (!this.precedes(below, item)) break;
      this.#set(heap, at, below);
      at = down;
    }
    this.#set(heap, at, item);
  }

  #set(heap: number[], at: number, item: number): void {
    heap[at] = item;
    this.#positions[item] = at;
  }
}

/** Reads a heap best first without changing it: the heap must stay as it is meanwhile. */
export class BestFirst {
  /** Positions in `heap` whose parents were given out. A heap of its own, sorted by `precedes` of the items there. */
  readonly #frontier: number[] = [];

  constructor(
    private readonly heap: readonly number[],
    private readonly precedes: Precedes,
  ) {
    if (heap.length > 0) this.#frontier.push(0);
  }

  /** The next item, without taking it; undefined at the end. */
  peek(): number | undefined {
    const at = this.#frontier[0];
    return at === undefined ? undefined : this.heap[at];
  }

  next(): number | undefined {
    const at = this.#frontier[0];
    if (at === undefined) return undefined;
    const left = 2 * at + 1;
    // The place of the one given out goes to its child, or to the last of the frontier.
    if (left < this.heap.length) this.#sink(left);
    else {
      const last = this.#frontier.pop()!;
      if (this.#frontier.length > 0) this.#sink(last);
    }
    if (left + 1 < this.heap.length) this.#rise(left + 1);
    return this.heap[at]!;
  }

  #before(a: number, b: number): boolean {
    return this.precedes(this.heap[a]!, this.heap[b]!);
  }

  /** Adds a position at the end. */
  #rise(position: number): void {
    const frontier = this.#frontier;
    let at = frontier.length;
    frontier.push(position);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#before(position, frontier[up]!)) break;
      frontier[at] = frontier[up]!;
      at = up;
    }
    frontier[at] = position;
  }

  /** Puts a position in the place of the first. */
  #sink(position: number): void {
    const frontier = this.#frontier;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= frontier.length) break;
      if (down + 1 < frontier.length && this.#before(frontier[down + 1]!, frontier[down]!)) down++;
      if (!this.#before(frontier[down]!, position)) break;
      frontier[at] = frontier[down]!;
      at = down;
    }
    frontier[at] = position;
  }
}
