/**
 * Placement at speed: the hosts by class (index/host-classes.ts) and, for each shape that is asked for, the classes by score
 * (index/shape-scores.ts). Chooses what the plain scan chooses (choose.ts), to the last tie; docs/decisions/0005 tells how and
 * why. Holds what the scheduler believes of the hosts; keeps no VMs and does nothing.
 */
import { assert } from "../assert.js";
import { afterPlacement } from "./after.js";
import { chooseHost } from "./choose.js";
import { explainHost, explainPlacement, type HostExplanation, type PlacementExplanation } from "./explain.js";
import { ClassWalk } from "./index/class-walk.js";
import { type ClassEntry, HostClasses } from "./index/host-classes.js";
import { HostIds } from "./index/host-ids.js";
import { HostWalk } from "./index/host-walk.js";
import { MissingRoom } from "./index/missing-room.js";
import { ShapeScores } from "./index/shape-scores.js";
import { type Candidate, type Constraints, type HostSummary, NO_CONSTRAINTS, type VmShape } from "./model.js";
import { emptied } from "./nearest-hosts.js";
import { BUILT_IN, type Registry, type Rules, rulesOf, type Weights } from "./rules.js";
import { factsOf, hostAllows, profileAllows, VETOED } from "./score.js";

export interface PlacerSettings {
  /** See `WEIGHTS` in weights.ts. */
  readonly weights: Weights;
  /** Default: what Headroom has. */
  readonly registry?: Registry;
  /** Shapes whose scores are kept; the one not asked for the longest goes first. */
  readonly mostShapes?: number;
  /** States of hosts whose scores are kept though no host is in them, beside twice as many as there are others. */
  readonly emptyClassesKept?: number;
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
  /** Whether a host would take it that is in this state, which need not be the one it is in. */
  takes(summary: HostSummary, shape: VmShape, constraints?: Constraints): boolean;
  /** All that can take it, best first, worked out as they are asked for: only until the next change, then `Bug`. */
  candidates(shape: VmShape, constraints?: Constraints, exclude?: ReadonlySet<string>): IterableIterator<Candidate>;
  /** The hosts that miss least of the room for it, of those that would take it if they were empty; see nearest-hosts.ts. */
  nearest(shape: VmShape, constraints: Constraints, exclude: ReadonlySet<string>, most: number): readonly string[];
  /** Counts the VM on the host, as its agent will, until it reports; returns the new summary. Throws `Bug` where it is unknown. */
  commitLocally(hostId: string, shape: VmShape, constraints?: Constraints): HostSummary;
  /**
   * From now on the weighers weigh so, or score otherwise: the same ones, with the same filters. Every score is worked out anew, those of
   * a shape when it is asked for next.
   */
  reprice(settings: Pick<PlacerSettings, "weights" | "registry">): void;
  /** Every filter and weigher on one host; null: unknown. */
  explainOne(hostId: string, shape: VmShape, constraints?: Constraints): HostExplanation | null;
  /** Every filter and weigher on every host: a plain scan. */
  explain(shape: VmShape, constraints?: Constraints): PlacementExplanation;
}

/**
 * One shape's scores take 8 bytes for each class of hosts, and a little: 256 shapes over 100,000 hosts that all differ, 250 MB at the
 * very worst; a provider's catalogue has some dozens of sizes, at a few ratios.
 */
const MOST_SHAPES = 256;

/**
 * Hosts come back to states that none was in for a while: at 10,000 hosts a fifth fewer classes are made than with a thousand in
 * all. Each takes its scores and some 400 bytes.
 */
const EMPTY_CLASSES_KEPT = 1024;

interface Known {
  /** For the heaps. */
  readonly number: number;
  summary: HostSummary;
  entry: ClassEntry;
}

const NOBODY: ReadonlySet<string> = new Set();

const askedFor = ({ counting, shapeFilters }: Rules): string =>
  [...counting.map(({ weigher }) => weigher.name), ...shapeFilters.map(({ name }) => name)].join();

export function createPlacer(settings: PlacerSettings): Placer {
  return new IndexedPlacer(settings);
}

class IndexedPlacer implements Placer {
  #rules: Rules;
  readonly #known = new Map<string, Known>();
  /** By number. */
  readonly #byNumber: Known[] = [];
  readonly #ids = new HostIds();
  readonly #classes: HostClasses;
  readonly #shapes: ShapeScores;
  readonly #missing = new MissingRoom((number) => this.#summaryOf(number));
  #changes = 0;

  constructor(settings: PlacerSettings) {
    const { weights, registry = BUILT_IN, mostShapes = MOST_SHAPES, emptyClassesKept = EMPTY_CLASSES_KEPT } = settings;
    this.#rules = rulesOf(weights, registry);
    this.#classes = new HostClasses(this.#ids.precedes, emptyClassesKept, {
      made: (entry) => this.#shapes.made(entry),
      settled: (entry, slot) => this.#shapes.settled(entry, slot),
      vacated: (slot) => this.#shapes.vacated(slot),
    });
    this.#shapes = new ShapeScores(this.#rules, this.#classes, mostShapes);
  }

  get hostCount(): number {
    return this.#known.size;
  }

  upsertHost(summary: HostSummary): void {
    const known = this.#known.get(summary.id);
    if (known !== undefined) this.#update(known, summary);
    else this.#add(summary);
  }

  #add(summary: HostSummary): void {
    this.#changes += 1;
    const entry = this.#classes.classOf(summary, factsOf(this.#rules, summary), null, null);
    const number = this.#ids.add(summary.id);
    const known = { number, summary, entry };
    this.#known.set(summary.id, known);
    this.#byNumber[number] = known;
    this.#classes.move(number, null, entry);
    this.#missing.touch(number);
  }

  #update(known: Known, summary: HostSummary): void {
    if (known.summary === summary) return;
    this.#changes += 1;
    const entry = this.#classes.classOf(summary, factsOf(this.#rules, summary), known.entry, known.summary);
    known.summary = summary;
    this.#missing.touch(known.number);
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
    this.#missing.touch(known.number);
    return true;
  }

  /** Undefined: no host has the number now. */
  #summaryOf(number: number): HostSummary | undefined {
    const known = this.#byNumber[number];
    return known !== undefined && this.#known.get(known.summary.id) === known ? known.summary : undefined;
  }

  host(id: string): HostSummary | undefined {
    return this.#known.get(id)?.summary;
  }

  *hosts(): IterableIterator<HostSummary> {
    for (const { summary } of this.#known.values()) yield summary;
  }

  choose(shape: VmShape, constraints = NO_CONSTRAINTS, exclude = NOBODY): Candidate | null {
    const column = this.#shapes.columnOf(shape);
    const { trees } = this.#shapes;
    const score = trees.best(column);
    if (score === VETOED) return null;
    // Nearly always the first host passes: its class is looked at without a walk.
    const number = new HostWalk(this.#classes, trees.rowsWith(score, column), this.#ids.precedes).first();
    const { summary, entry } = this.#byNumber[number]!;
    const passes =
      !exclude.has(summary.id) &&
      profileAllows(this.#rules, entry.profile.facts, constraints) &&
      hostAllows(this.#rules, summary, constraints);
    if (passes) return { hostId: summary.id, score };
    const first = this.candidates(shape, constraints, exclude).next();
    return first.done === true ? null : first.value;
  }

  takes(summary: HostSummary, shape: VmShape, constraints = NO_CONSTRAINTS): boolean {
    return chooseHost(this.#rules, [summary], shape, constraints) !== null;
  }

  *candidates(shape: VmShape, constraints = NO_CONSTRAINTS, exclude = NOBODY): IterableIterator<Candidate> {
    const asOf = this.#changes;
    const rules = this.#rules;
    const column = this.#shapes.columnOf(shape);
    const walk = new ClassWalk(this.#classes, this.#shapes.trees, column, ({ facts }) =>
      profileAllows(rules, facts, constraints),
    );
    for (let group = walk.next(); group !== null; group = walk.next()) {
      const hosts = new HostWalk(this.#classes, group.slots, this.#ids.precedes);
      for (let number: number | undefined = hosts.first(); number !== undefined; number = hosts.next()) {
        const { summary } = this.#byNumber[number]!;
        if (exclude.has(summary.id) || !hostAllows(rules, summary, constraints)) continue;
        yield { hostId: summary.id, score: group.score };
        assert(asOf === this.#changes, "candidates were asked for after the hosts had changed: ask anew");
      }
    }
  }

  nearest(shape: VmShape, constraints: Constraints, exclude: ReadonlySet<string>, most: number): readonly string[] {
    const suited = new Map<object, boolean>();
    const isSuited = (host: HostSummary): boolean => {
      if (exclude.has(host.id)) return false;
      const { profile } = this.#known.get(host.id)!.entry;
      const known = suited.get(profile) ?? this.takes(emptied(host), shape, constraints);
      suited.set(profile, known);
      return known;
    };
    return this.#missing.nearest(shape, isSuited, most);
  }

  commitLocally(hostId: string, shape: VmShape, constraints = NO_CONSTRAINTS): HostSummary {
    const known = this.#known.get(hostId);
    assert(known !== undefined, `there is no host ${hostId}`);
    const summary = afterPlacement(known.summary, shape, constraints.antiAffinityGroup);
    this.#update(known, summary);
    return summary;
  }

  reprice({ weights, registry = BUILT_IN }: Pick<PlacerSettings, "weights" | "registry">): void {
    const rules = rulesOf(weights, registry);
    // What hosts say of themselves is kept in that order.
    assert(askedFor(rules) === askedFor(this.#rules), "prices change scores, and no weigher or filter");
    this.#changes += 1;
    this.#rules = rules;
    this.#classes.giveUpEmpty();
    this.#shapes.forgetAll(rules);
  }

  explainOne(hostId: string, shape: VmShape, constraints = NO_CONSTRAINTS): HostExplanation | null {
    const known = this.#known.get(hostId);
    return known === undefined ? null : explainHost(this.#rules, known.summary, shape, constraints);
  }

  explain(shape: VmShape, constraints = NO_CONSTRAINTS): PlacementExplanation {
    return explainPlacement(this.#rules, this.hosts(), shape, constraints);
  }
}
