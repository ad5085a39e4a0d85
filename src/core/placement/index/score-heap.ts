/**
 * Small integers by score, the highest first, and any can be taken out or moved. A heap of four children in typed arrays, with the
 * scores beside the items: this is where the index spends its time, and a step down touches one cache line.
 */
const ABSENT = -1;
const FIRST_ROOM = 16;

/**
 * Where each item is in each of several heaps. An item's positions lie side by side: a class that is made is put into the heaps of
 * all shapes one after the other.
 */
export class PositionTable {
  /** `item * stride + column`. */
  data = new Int32Array(FIRST_ROOM * FIRST_ROOM).fill(ABSENT);
  stride = FIRST_ROOM;
  #rows = FIRST_ROOM;
  #columns = 0;
  readonly #freeColumns: number[] = [];

  /** A column without positions. */
  takeColumn(): number {
    const column = this.#freeColumns.pop() ?? this.#columns++;
    if (column >= this.stride) this.#resize(this.#rows, this.stride * 2);
    return column;
  }

  freeColumn(column: number): void {
    for (let row = 0; row < this.#rows; row++) this.data[row * this.stride + column] = ABSENT;
    this.#freeColumns.push(column);
  }

  reserve(item: number): void {
    if (item >= this.#rows) this.#resize(Math.max(item + 1, this.#rows * 2), this.stride);
  }

  #resize(rows: number, stride: number): void {
    const data = new Int32Array(rows * stride).fill(ABSENT);
    for (let row = 0; row < this.#rows; row++)
      data.set(this.data.subarray(row * this.stride, (row + 1) * this.stride), row * stride);
    this.data = data;
    this.stride = stride;
    this.#rows = rows;
  }
}

export class ScoreHeap {
  #size = 0;
  #items = new Int32Array(FIRST_ROOM);
  #scores = new Float64Array(FIRST_ROOM);
  readonly #column: number;

  constructor(private readonly positions: PositionTable) {
    this.#column = positions.takeColumn();
  }

  /** The heap is not to be used any more. */
  release(): void {
    this.positions.freeColumn(this.#column);
  }

  get size(): number {
    return this.#size;
  }

  /** Position 0 has the best; below position p lie 4p + 1 to 4p + 4. */
  itemAt(position: number): number {
    return this.#items[position]!;
  }

  scoreAt(position: number): number {
    return this.#scores[position]!;
  }

  /** Puts the item in, or where its new score belongs. */
  set(item: number, score: number): void {
    this.positions.reserve(item);
    let at = this.#position(item);
    if (at === ABSENT) {
      this.#reserve();
      at = this.#size++;
    }
    this.#settle(at, item, score);
  }

  /** Nothing where it is not in. */
  remove(item: number): void {
    this.positions.reserve(item);
    const at = this.#position(item);
    if (at === ABSENT) return;
    this.#place(item, ABSENT);
    this.#size -= 1;
    if (at < this.#size) this.#settle(at, this.#items[this.#size]!, this.#scores[this.#size]!);
  }

  #position(item: number): number {
    return this.positions.data[item * this.positions.stride + this.#column]!;
  }

  #place(item: number, at: number): void {
    this.positions.data[item * this.positions.stride + this.#column] = at;
  }

  #reserve(): void {
    if (this.#size < this.#items.length) return;
    const [items, scores] = [new Int32Array(this.#size * 2), new Float64Array(this.#size * 2)];
    items.set(this.#items);
    scores.set(this.#scores);
    this.#items = items;
    this.#scores = scores;
  }

  /** The place `at` is to be filled with the item, or with another that belongs there. */
  #settle(from: number, item: number, score: number): void {
    const scores = this.#scores;
    const items = this.#items;
    let at = from;
    for (let up = (at - 1) >> 2; at > 0 && score > scores[up]!; up = (at - 1) >> 2) {
      scores[at] = scores[up]!;
      items[at] = items[up]!;
      this.#place(items[at]!, at);
      at = up;
    }
    if (at === from) at = this.#sink(from, score);
    scores[at] = score;
    items[at] = item;
    this.#place(item, at);
  }

  /** Moves better children up, and returns the place that becomes free for the score. */
  #sink(from: number, score: number): number {
    const scores = this.#scores;
    const items = this.#items;
    let at = from;
    for (;;) {
      const first = 4 * at + 1;
      const end = Math.min(first + 4, this.#size);
      let best = at;
      let highest = score;
      for (let child = first; child < end; child++)
        if (scores[child]! > highest) {
          best = child;
          highest = scores[child]!;
        }
      if (best === at) return at;
      scores[at] = highest;
      items[at] = items[best]!;
      this.#place(items[at]!, at);
      at = best;
    }
  }
}

/** Reads a `ScoreHeap`, the best first and equal ones together, without changing it: it must stay as it is meanwhile. */
export class ScoreWalk {
  /** Positions whose parents were given out: a heap of two children. */
  readonly #frontier: number[] = [];
  /** Positions given out last; their other children are looked at when more is wanted, which is rare. */
  #given: readonly number[] = [];

  constructor(private readonly heap: ScoreHeap) {
    if (heap.size > 0) this.#frontier.push(0);
  }

  /** Positions of all that have the next best score; empty at the end. */
  next(): readonly number[] {
    const { heap } = this;
    if (this.#given.length > 0) this.#openUp(heap.scoreAt(this.#given[0]!));
    const tied: number[] = [];
    const first = this.#frontier[0];
    if (first === undefined) return tied;
    const score = heap.scoreAt(first);
    while (this.#frontier.length > 0 && heap.scoreAt(this.#frontier[0]!) === score) tied.push(this.#takeFirst());
    // Equal ones lie below one another: no more needs to be looked at than those and their children.
    for (let i = 0; i < tied.length; i++) {
      const below = 4 * tied[i]! + 1;
      const end = Math.min(below + 4, heap.size);
      for (let child = below; child < end; child++) if (heap.scoreAt(child) === score) tied.push(child);
    }
    this.#given = tied;
    return tied;
  }

  #openUp(given: number): void {
    for (const position of this.#given) {
      const below = 4 * position + 1;
      const end = Math.min(below + 4, this.heap.size);
      for (let child = below; child < end; child++) if (this.heap.scoreAt(child) < given) this.#rise(child);
    }
  }

  #takeFirst(): number {
    const first = this.#frontier[0]!;
    const last = this.#frontier.pop()!;
    if (this.#frontier.length > 0) this.#sink(last);
    return first;
  }

  #rise(position: number): void {
    const frontier = this.#frontier;
    const score = this.heap.scoreAt(position);
    let at = frontier.length;
    frontier.push(position);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!(score > this.heap.scoreAt(frontier[up]!))) break;
      frontier[at] = frontier[up]!;
      at = up;
    }
    frontier[at] = position;
  }

  /** Puts a position in the place of the first. */
  #sink(position: number): void {
    const frontier = this.#frontier;
    const { heap } = this;
    const score = heap.scoreAt(position);
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= frontier.length) break;
      if (down + 1 < frontier.length && heap.scoreAt(frontier[down + 1]!) > heap.scoreAt(frontier[down]!)) down++;
      if (!(heap.scoreAt(frontier[down]!) > score)) break;
      frontier[at] = frontier[down]!;
      at = down;
    }
    frontier[at] = position;
  }
}
