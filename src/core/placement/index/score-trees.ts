/**
 * The best of the rows, in each of several columns: classes that have hosts are rows, shapes are columns. For each column a tree in one
 * array: the rows' scores, and above each eight of them (a line of the processor's cache) their highest. A row that changes
 * touches one line in each column, and seldom more: seven of eight are not the highest of their line.
 */
const FAN_BITS = 3;
const FAN = 1 << FAN_BITS;
const FIRST_ROWS = 64;

/** Score of a row that may not be chosen. */
const NONE = Number.NEGATIVE_INFINITY;

export class ScoreTrees {
  /** By column. */
  readonly #trees: Float64Array[] = [];
  /** Where a level of a tree begins; level 0 are the rows. The same in all. */
  #offsets: readonly number[] = [];
  #rows = 0;
  #size = 0;

  constructor() {
    this.#layOut(FIRST_ROWS);
  }

  /** A column without scores. */
  addColumn(column: number): void {
    this.#trees[column] = new Float64Array(this.#size).fill(NONE);
  }

  /** A row that had no score or another has this one now; minus infinity: none. */
  set(row: number, column: number, score: number): void {
    if (row >= this.#rows) this.#grow(row + 1);
    const tree = this.#trees[column]!;
    const offsets = this.#offsets;
    let at = row;
    let is = score;
    let was = tree[row]!;
    tree[row] = score;
    for (let level = 1; level < offsets.length; level++) {
      const below = offsets[level - 1]! + (at & -FAN);
      at >>= FAN_BITS;
      const above = offsets[level]! + at;
      const highest = tree[above]!;
      if (is <= highest) {
        if (was < highest || is === highest) return;
        // It was the highest, or one of them.
        for (let child = below; child < below + FAN; child++) if (tree[child]! > is) is = tree[child]!;
        if (is === highest) return;
      }
      tree[above] = is;
      was = highest;
    }
  }

  score(row: number, column: number): number {
    return row < this.#rows ? this.#trees[column]![row]! : NONE;
  }

  /** The highest score; minus infinity where no row has one. */
  best(column: number): number {
    return this.#trees[column]![this.#offsets[this.#offsets.length - 1]!]!;
  }

  /** The highest score that is lower than `below`. */
  bestBelow(below: number, column: number): number {
    return this.#bestBelow(this.#trees[column]!, this.#offsets.length - 1, 0, below, NONE);
  }

  /** The same below a node, or `found` where that is higher. */
  #bestBelow(tree: Float64Array, level: number, node: number, below: number, found: number): number {
    const first = node << FAN_BITS;
    const offset = this.#offsets[level - 1]!;
    let highest = found;
    for (let child = first; child < first + FAN; child++) {
      const score = tree[offset + child]!;
      if (score <= highest) continue;
      if (score < below) highest = score;
      else if (level > 1) highest = this.#bestBelow(tree, level - 1, child, below, highest);
    }
    return highest;
  }

  /** All rows with exactly this score, which is not minus infinity. */
  rowsWith(score: number, column: number): number[] {
    const rows: number[] = [];
    this.#collect(this.#trees[column]!, this.#offsets.length - 1, 0, score, rows);
    return rows;
  }

  #collect(tree: Float64Array, level: number, node: number, score: number, rows: number[]): void {
    const first = node << FAN_BITS;
    const offset = this.#offsets[level - 1]!;
    for (let child = first; child < first + FAN; child++) {
      const highest = tree[offset + child]!;
      if (highest < score) continue;
      if (level > 1) this.#collect(tree, level - 1, child, score, rows);
      else if (highest === score) rows.push(child);
    }
  }

  #layOut(rows: number): void {
    const offsets: number[] = [];
    let size = 0;
    // Levels of whole lines, up to one node.
    for (let nodes = rows; ; nodes = Math.ceil(nodes / FAN)) {
      offsets.push(size);
      size += Math.ceil(nodes / FAN) * FAN;
      if (nodes === 1) break;
    }
    this.#rows = rows;
    this.#offsets = offsets;
    this.#size = size;
  }

  #grow(rows: number): void {
    const had = this.#rows;
    this.#layOut(Math.max(rows, Math.ceil(had * 1.25)));
    const old = this.#trees.slice();
    old.forEach((tree, column) => {
      this.addColumn(column);
      for (let row = 0; row < had; row++) if (tree[row] !== NONE) this.set(row, column, tree[row]!);
    });
  }
}
