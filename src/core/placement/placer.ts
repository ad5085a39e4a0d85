/**
 * Placement at speed: the hosts by class (index/host-classes.ts) and, for each shape that is asked for, the classes by score
 * (index/shape-index.ts). Chooses what the plain scan chooses (choose.ts), to the last tie; docs/decisions/0005 tells how and
 * why. Holds what the scheduler believes of the hosts; keeps no VMs and does nothing.
 */
import { assert } from "../assert.js";
import { afterPlacement } from "./after.js";
import { explainHost, explainPlacement, type HostExplanation, type PlacementExplanation } from "./explain.js";
import { ClassWalk } from "./index/class-walk.js";
import { type ClassEntry, HostClasses } from "./index/host-classes.js";
import { HostIds } from "./index/host-ids.js";
import { HostWalk } from "./index/host-walk.js";
import { PositionTable } from "./index/score-heap.js";
import { ShapeIndex } from "./index/shape-index.js";
import { type Candidate, type Constraints, type HostSummary, NO_CONSTRAINTS, type VmShape } from "./model.js";
import { BUILT_IN, type Registry, rulesOf, type Weights } from "./rules.js";
import { factsOf, hostAllows, profileAllows } from "./score.js";

export interface PlacerSettings {
  /** See `WEIGHTS` in weights.ts. */
  readonly weights: Weights;
  /** Default: what Headroom has. */
  readonly registry?: Registry;
  /** Shapes whose scores are kept; the one not asked for the longest goes first. */
  readonly mostShapes?: number;
}

export interface Placer {
  readonly hostCount: number;
  /** A host as it is now, new or known. An unchanged one costs next to nothing. */
  upsertHost(summary: HostSummary): void;
  /** False: unknown. */
  removeHost(id: string): boolean;
  host(id: string): HostSummary | undefined;
  hosts(): IterableIterator<HostSummary>;
  /** The best host; null when none can take it. */
  choose(shape: VmShape, constraints?: Constraints, exclude?: ReadonlySet<string>): Candidate | null;
  /** All that can take it, best first, worked out as they are asked for: only until the next change, then `Bug`. */
  candidates(shape: VmShape, constraints?: Constraints, exclude?: ReadonlySet<string>): IterableIterator<Candidate>;
  /** Counts the VM on the host, as its agent will, until it reports; returns the new summary. Throws `Bug` where it is unknown. */
  commitLocally(hostId: string, shape: VmShape, constraints?: Constraints): HostSummary;
  /** Every filter and weigher on one host; null: unknown. */
  explainOne(hostId: string, shape: VmShape, constraints?: Constraints): HostExplanation | null;
  /** Every filter and weigher on every host: a plain scan. */
  explain(shape: VmShape, constraints?: Constraints): PlacementExplanation;
}

/**
 * One shape's scores take up to 24 bytes for each class of hosts: 256 shapes over 100,000 hosts that all differ, 600 MB at the
 * very worst; a provider's catalogue has some dozens of sizes, at a few ratios.
 */
const MOST_SHAPES = 256;

interface Known {
  /** For the heaps. */
  readonly number: number;
  summary: HostSummary;
  entry: ClassEntry;
}

interface KnownShape {
  readonly index: ShapeIndex;
  /** Number of classes that had been made when it was last asked for. */
  askedAt: number;
}

/** A shape that nobody asks for while so many classes are made is forgotten: keeping it up costs more than making it anew. */
const FORGOTTEN_AFTER = 16_384;

const NOBODY: ReadonlySet<string> = new Set();

export function createPlacer(settings: PlacerSettings): Placer {
  return new IndexedPlacer(settings);
}

class IndexedPlacer implements Placer {
  readonly #rules;
  readonly #mostShapes: number;
  readonly #known = new Map<string, Known>();
  readonly #ids = new HostIds();
  readonly #classes = new HostClasses(this.#ids.precedes, (entry) => this.#tellShapes(entry));
  /** In order of use, the latest last. */
  readonly #shapes = new Map<string, KnownShape>();
  readonly #positions = new PositionTable();
  #classesMade = 0;
  #changes = 0;

  constructor({ weights, registry = BUILT_IN, mostShapes = MOST_SHAPES }: PlacerSettings) {
    this.#rules = rulesOf(weights, registry);
    this.#mostShapes = mostShapes;
  }

  get hostCount(): number {
    return this.#known.size;
  }

  upsertHost(summary: HostSummary): void {
    const known = this.#known.get(summary.id);
    if (known?.summary === summary) return;
    this.#changes += 1;
    const facts = factsOf(this.#rules, summary);
    const entry = this.#classes.classOf(summary, facts, known?.entry ?? null, known?.summary ?? null);
    if (known === undefined) {
      const number = this.#ids.add(summary.id);
      this.#known.set(summary.id, { number, summary, entry });
      this.#classes.move(number, null, entry);
      return;
    }
    known.summary = summary;
    if (entry === known.entry) return;
    this.#classes.move(known.number, known.entry, entry);
    known.entry = entry;
  }

  removeHost(id: string): boolean {
    const known = this.#known.get(id);
    if (known === undefined) return false;
    this.#changes += 1;
    this.#classes.move(known.number, known.entry, null);
    this.#known.delete(id);
    this.#ids.remove(known.number);
    return true;
  }

  host(id: string): HostSummary | undefined {
    return this.#known.get(id)?.summary;
  }

  *hosts(): IterableIterator<HostSummary> {
    for (const { summary } of this.#known.values()) yield summary;
  }

  choose(shape: VmShape, constraints = NO_CONSTRAINTS, exclude = NOBODY): Candidate | null {
    const first = this.candidates(shape, constraints, exclude).next();
    return first.done === true ? null : first.value;
  }

  *candidates(shape: VmShape, constraints = NO_CONSTRAINTS, exclude = NOBODY): IterableIterator<Candidate> {
    const asOf = this.#changes;
    const rules = this.#rules;
    const index = this.#shapeIndex(shape);
    const walk = new ClassWalk(this.#classes, index.heap, ({ facts }) => profileAllows(rules, facts, constraints));
    for (let group = walk.next(); group !== null; group = walk.next()) {
      const hosts = new HostWalk(this.#classes, group.slots, this.#ids.precedes);
      for (let number: number | undefined = hosts.first(); number !== undefined; number = hosts.next()) {
        const hostId = this.#ids.id(number);
        if (exclude.has(hostId) || !hostAllows(rules, this.#known.get(hostId)!.summary, constraints)) continue;
        yield { hostId, score: group.score };
        assert(asOf === this.#changes, "candidates were asked for after the hosts had changed: ask anew");
      }
    }
  }

  commitLocally(hostId: string, shape: VmShape, constraints = NO_CONSTRAINTS): HostSummary {
    const known = this.#known.get(hostId);
    assert(known !== undefined, `there is no host ${hostId}`);
    const summary = afterPlacement(known.summary, shape, constraints.antiAffinityGroup);
    this.upsertHost(summary);
    return summary;
  }

  explainOne(hostId: string, shape: VmShape, constraints = NO_CONSTRAINTS): HostExplanation | null {
    const known = this.#known.get(hostId);
    return known === undefined ? null : explainHost(this.#rules, known.summary, shape, constraints);
  }

  explain(shape: VmShape, constraints = NO_CONSTRAINTS): PlacementExplanation {
    return explainPlacement(this.#rules, this.hosts(), shape, constraints);
  }

  #shapeIndex(shape: VmShape): ShapeIndex {
    const { vcpus, memoryMiB, ratio } = shape;
    assert(Number.isInteger(vcpus) && vcpus > 0, `a VM has a whole number of vCPUs above 0, not ${vcpus}`);
    assert(Number.isFinite(memoryMiB) && memoryMiB >= 0, `a VM has some MiB of memory, not ${memoryMiB}`);
    const key = `${vcpus}/${memoryMiB}/${ratio}`;
    let known = this.#shapes.get(key);
    if (known === undefined)
      known = { index: new ShapeIndex(this.#classes, this.#rules, shape, this.#positions), askedAt: 0 };
    else this.#shapes.delete(key);
    known.askedAt = this.#classesMade;
    this.#shapes.set(key, known);
    if (this.#shapes.size > this.#mostShapes) this.#forgetOldestShape();
    known.index.dropEmptyTop();
    return known.index;
  }

  #tellShapes(entry: ClassEntry): void {
    this.#classesMade += 1;
    const longAgo = this.#classesMade - Math.max(FORGOTTEN_AFTER, this.#classes.slots);
    for (const { index, askedAt } of this.#shapes.values()) {
      if (askedAt < longAgo) this.#forgetOldestShape();
      else index.consider(entry);
    }
  }

  #forgetOldestShape(): void {
    const [oldest] = this.#shapes;
    if (oldest === undefined) return;
    oldest[1].index.release();
    this.#shapes.delete(oldest[0]);
  }
}
