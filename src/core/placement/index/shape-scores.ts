/**
 * The shapes that are asked for, and the score of each class for each of them. A class's score never changes, so it is worked out once,
 * when the class is made and its counts are at hand, for all shapes, and kept as long as the class, whether it has hosts or not;
 * shapes of one size (vCPUs and ratio) share the growth of the pools. Shapes that nobody asks for are forgotten.
 */
import { assert } from "../../assert.js";
import { growthPcpus } from "../arithmetic.js";
import type { VmShape } from "../model.js";
import type { Rules } from "../rules.js";
import { prospectScore, VETOED } from "../score.js";
import type { ClassEntry, ClassListener, HostClasses } from "./host-classes.js";
import { ScoreTrees } from "./score-trees.js";

/** A shape that nobody asks for while so many classes are made is forgotten: keeping it up costs more than making it anew. */
const FORGOTTEN_AFTER = 16_384;
/** Classes that are made between two looks for such shapes. */
const LOOK_EVERY = 1024;
/** Columns come by the line of the processor's cache. */
const LINE = 8;

interface KnownShape {
  readonly shape: VmShape;
  readonly column: number;
  /** Which request the last one for it was. */
  asked: number;
  /** Number of classes that had been made then. */
  askedAt: number;
}

export class ShapeScores implements ClassListener {
  readonly trees = new ScoreTrees();
  readonly #shapes = new Map<string, KnownShape>();
  /** The same, those of one size together. */
  #sizes: readonly (readonly KnownShape[])[] = [];
  #columns: readonly number[] = [];
  readonly #freeColumns: number[] = [];
  /** Scores of all classes, `id * width + column`: those without hosts are in no tree. */
  #scores = new Float64Array(0);
  #width = LINE;
  #requests = 0;
  #classesMade = 0;

  /** `mostShapes`: the one not asked for the longest goes first. */
  constructor(
    private rules: Rules,
    private readonly classes: HostClasses,
    private readonly mostShapes: number,
  ) {}

  /** The shape's column in `trees`. */
  columnOf(shape: VmShape): number {
    const key = `${shape.vcpus}/${shape.memoryMiB}/${shape.ratio}`;
    const known = this.#shapes.get(key) ?? this.#learn(key, shape);
    this.#requests += 1;
    known.asked = this.#requests;
    known.askedAt = this.#classesMade;
    return known.column;
  }

  made(entry: ClassEntry): void {
    this.#classesMade += 1;
    if (this.#classesMade % LOOK_EVERY === 0) this.#forgetOldOnes();
    this.#reserve(entry.id);
    for (const shapes of this.#sizes) this.#score(entry, shapes);
  }

  settled({ id }: ClassEntry, slot: number): void {
    const from = id * this.#width;
    for (const column of this.#columns) this.trees.set(slot, column, this.#scores[from + column]!);
  }

  vacated(slot: number): void {
    for (const column of this.#columns) this.trees.set(slot, column, VETOED);
  }

  /** The shapes are of one size. */
  #score({ id, host, facts }: ClassEntry, shapes: readonly KnownShape[]): void {
    const growth = growthPcpus(host, shapes[0]!.shape);
    for (let i = 0; i < shapes.length; i++) {
      const { shape, column } = shapes[i]!;
      const score = prospectScore(this.rules, { host, shape, growthPcpus: growth }, facts);
      this.#scores[id * this.#width + column] = score;
    }
  }

  #learn(key: string, shape: VmShape): KnownShape {
    const { vcpus, memoryMiB } = shape;
    assert(Number.isInteger(vcpus) && vcpus > 0, `a VM has a whole number of vCPUs above 0, not ${vcpus}`);
    assert(Number.isFinite(memoryMiB) && memoryMiB >= 0, `a VM has some MiB of memory, not ${memoryMiB}`);
    if (this.#shapes.size >= this.mostShapes) this.#forgetOldest();
    const column = this.#freeColumns.pop() ?? this.#columns.length;
    if (column >= this.#width) this.#widen(this.#width + LINE * Math.ceil(this.#width / 64));
    this.trees.addColumn(column);
    const known: KnownShape = { shape, column, asked: 0, askedAt: 0 };
    this.#shapes.set(key, known);
    this.#arrange();
    for (const entry of this.classes.all()) {
      this.#score(entry, [known]);
      if (entry.slot !== null) this.trees.set(entry.slot, column, this.#scores[entry.id * this.#width + column]!);
    }
    return known;
  }

  /** No score that was worked out counts any more: from now on the rules are these. */
  forgetAll(rules: Rules): void {
    this.rules = rules;
    for (const { column } of this.#shapes.values()) this.#freeColumns.push(column);
    this.#shapes.clear();
    this.#arrange();
  }

  #forgetOldest(): void {
    let oldest: readonly [string, KnownShape] | null = null;
    for (const one of this.#shapes) if (oldest === null || one[1].asked < oldest[1].asked) oldest = one;
    if (oldest !== null) this.#forget(...oldest);
  }

  #forgetOldOnes(): void {
    const longAgo = this.#classesMade - Math.max(FORGOTTEN_AFTER, this.classes.count);
    for (const [key, known] of this.#shapes) if (known.askedAt < longAgo) this.#forget(key, known);
  }

  #forget(key: string, { column }: KnownShape): void {
    this.#shapes.delete(key);
    this.#freeColumns.push(column);
    this.#arrange();
  }

  #arrange(): void {
    const bySize = new Map<string, KnownShape[]>();
    for (const known of this.#shapes.values()) {
      const size = `${known.shape.vcpus}/${known.shape.ratio}`;
      const group = bySize.get(size);
      if (group === undefined) bySize.set(size, [known]);
      else group.push(known);
    }
    this.#sizes = [...bySize.values()];
    this.#columns = [...this.#shapes.values()].map(({ column }) => column);
  }

  #reserve(id: number): void {
    const needed = (id + 1) * this.#width;
    if (needed <= this.#scores.length) return;
    const grown = new Float64Array(Math.max(needed, Math.ceil(this.#scores.length * 1.25)));
    grown.set(this.#scores);
    this.#scores = grown;
  }

  #widen(width: number): void {
    const classes = Math.floor(this.#scores.length / this.#width);
    const grown = new Float64Array(classes * width);
    for (let id = 0; id < classes; id++)
      grown.set(this.#scores.subarray(id * this.#width, (id + 1) * this.#width), id * width);
    this.#scores = grown;
    this.#width = width;
  }
}
