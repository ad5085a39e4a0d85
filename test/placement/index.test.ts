/** The fast path chooses what the plain scan chooses, whatever happened to the hosts before. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterDeparture, afterPlacement } from "../../src/core/placement/after.js";
import { rankHosts } from "../../src/core/placement/choose.js";
import { registryFor, weightsFor } from "../../src/core/placement/estimate-mode.js";
import { type Constraints, type HostSummary, NO_CONSTRAINTS, type VmShape } from "../../src/core/placement/model.js";
import { emptied, nearestHosts } from "../../src/core/placement/nearest-hosts.js";
import { createPlacer, type Placer } from "../../src/core/placement/placer.js";
import { BUILT_IN, type Registry, rulesOf, type Weights } from "../../src/core/placement/rules.js";
import { bidWeigher } from "../../src/core/placement/weighers/bid/weigher.js";
import { BID_WEIGHTS, WEIGHTS } from "../../src/core/placement/weights.js";
import { bestValues } from "../../src/core/sizing/knapsack.js";
import fc from "../support/property.js";
import { host, randomConstraints, randomFleet, randomHost, randomShape, shape } from "./random.js";

/** What estimates ask of the hosts is part of the class. */
const ESTIMATES_ENFORCED = "estimates enforced";
const BIDS = "bids";
const GRID = { width: 12, height: 16 };
/** Prices of nothing in particular: a rest is worth more the more even it is. */
function biddingAt(tall: number, wide: number): Registry {
  const kinds = [
    { width: 2, height: 3 },
    { width: 5, height: 1 },
  ];
  const values = bestValues(GRID, kinds, [tall, wide]);
  return { ...BUILT_IN, weighers: [bidWeigher({ grid: GRID, values }), ...BUILT_IN.weighers] };
}

const BIDDING = biddingAt(0.2, 0.3);
const registryOf = (name: string): Registry =>
  name === BIDS ? BIDDING : registryFor(name === ESTIMATES_ENFORCED ? "enforce" : "off");

const MANY: Record<string, Weights> = {
  [ESTIMATES_ENFORCED]: weightsFor("enforce", "headroom"),
  [BIDS]: BID_WEIGHTS,
  ...WEIGHTS,
  "no weigher at all": {},
  "everything at once": { progress: 0.01, "best-fit": 1, spread: 0.3, pack: -0.5, usage: 1, balance: 2, thrift: 0.25 },
};

type Step =
  | { readonly kind: "report"; readonly summary: HostSummary }
  | { readonly kind: "lost"; readonly id: string }
  | { readonly kind: "cordon"; readonly id: string; readonly on: boolean }
  | { readonly kind: "deploy"; readonly shape: VmShape; readonly constraints: Constraints; readonly nth: number }
  | { readonly kind: "leave"; readonly nth: number }
  | {
      readonly kind: "ask";
      readonly shape: VmShape;
      readonly constraints: Constraints;
      readonly exclude: readonly string[];
    };

const IDS = 12;
const id = fc.nat(IDS - 1).map((n) => `h${n}`);
const stepsOf = (summary: fc.Arbitrary<HostSummary>): fc.Arbitrary<readonly Step[]> =>
  fc.array(stepOf(summary), { minLength: 20, maxLength: 120, size: "max" });
const stepOf = (summary: fc.Arbitrary<HostSummary>): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("report" as const), summary }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("lost" as const), id }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cordon" as const), id, on: fc.boolean() }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("deploy" as const),
        shape: randomShape,
        constraints: randomConstraints,
        nth: fc.nat(2),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("leave" as const), nth: fc.nat(20) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("ask" as const),
        shape: randomShape,
        constraints: randomConstraints,
        exclude: fc.array(id, { maxLength: 4 }),
      }),
    },
  );

/** The same hosts as the placer has, in the order of a plain map, and the VMs placed on them. */
class Model {
  readonly hosts = new Map<string, HostSummary>();
  readonly vms: { readonly hostId: string; readonly shape: VmShape; readonly group: string | null }[] = [];

  constructor(
    readonly placer: Placer,
    readonly weights: Weights,
    public registry: Registry = BUILT_IN,
  ) {}

  reprice(registry: Registry): void {
    this.registry = registry;
    this.placer.reprice({ weights: this.weights, registry });
  }

  set(summary: HostSummary): void {
    this.hosts.set(summary.id, summary);
    this.placer.upsertHost(summary);
  }

  forgetVmsOf(hostId: string): void {
    for (let i = this.vms.length - 1; i >= 0; i--) if (this.vms[i]!.hostId === hostId) this.vms.splice(i, 1);
  }

  check(asked: VmShape, constraints: Constraints, exclude: ReadonlySet<string>) {
    const expected = rankHosts(rulesOf(this.weights, this.registry), this.hosts.values(), asked, constraints, exclude);
    assert.deepEqual([...this.placer.candidates(asked, constraints, exclude)], expected);
    assert.deepEqual(this.placer.choose(asked, constraints, exclude), expected[0] ?? null);
    const isSuited = (one: HostSummary): boolean =>
      !exclude.has(one.id) && this.placer.takes(emptied(one), asked, constraints);
    for (const most of [3, IDS])
      assert.deepEqual(
        this.placer.nearest(asked, constraints, exclude, most),
        nearestHosts(this.hosts.values(), asked, isSuited, most),
      );
    return expected;
  }

  run(one: Step): void {
    if (one.kind === "report") {
      this.forgetVmsOf(one.summary.id);
      this.set(one.summary);
    } else if (one.kind === "lost") {
      this.forgetVmsOf(one.id);
      assert.equal(this.placer.removeHost(one.id), this.hosts.delete(one.id));
    } else if (one.kind === "cordon") {
      const known = this.hosts.get(one.id);
      if (known !== undefined) this.set({ ...known, cordoned: one.on });
    } else if (one.kind === "deploy") this.#deploy(one.shape, one.constraints, one.nth);
    else if (one.kind === "leave") this.#leave(one.nth);
    else this.check(one.shape, one.constraints, new Set(one.exclude));
  }

  #deploy(asked: VmShape, constraints: Constraints, nth: number): void {
    const candidate = this.check(asked, constraints, new Set())[nth];
    if (candidate === undefined) return;
    const group = constraints.antiAffinityGroup;
    const after = afterPlacement(this.hosts.get(candidate.hostId)!, asked, group);
    assert.deepEqual(this.placer.commitLocally(candidate.hostId, asked, constraints), after);
    this.hosts.set(candidate.hostId, after);
    this.vms.push({ hostId: candidate.hostId, shape: asked, group });
  }

  #leave(nth: number): void {
    const [vm] = this.vms.splice(nth, 1);
    if (vm === undefined) return;
    const staying = this.vms.filter((one) => one.hostId === vm.hostId).map((one) => one.shape);
    this.set(afterDeparture(this.hosts.get(vm.hostId)!, vm.shape, vm.group, nth % 2 === 0 ? staying : null));
  }
}

for (const [name, weights] of Object.entries(MANY)) {
  test(`the index ranks as a plain scan does, after any reports, losses, cordons, deploys and removals: ${name}`, () => {
    fc.assert(
      fc.property(
        randomFleet.chain((fleet) => stepsOf(randomHost(IDS, fleet))),
        (steps) => {
          const registry = registryOf(name);
          const placer = createPlacer({ weights, registry, mostShapes: 6, emptyClassesKept: 2 });
          const model = new Model(placer, weights, registry);
          for (const one of steps) model.run(one);
          assert.equal(model.placer.hostCount, model.hosts.size);
          assert.deepEqual(new Set(model.placer.hosts()), new Set(model.hosts.values()));
        },
      ),
      { numRuns: 120 },
    );
  });
}

test("it still does after prices have changed under way, whatever was asked for before", () => {
  const weights = MANY[BIDS]!;
  fc.assert(
    fc.property(
      randomFleet.chain((fleet) => stepsOf(randomHost(IDS, fleet))),
      fc.integer({ min: 3, max: 20 }),
      (steps, every) => {
        const placer = createPlacer({ weights, registry: BIDDING, mostShapes: 6, emptyClassesKept: 2 });
        const model = new Model(placer, weights, BIDDING);
        for (const [place, one] of steps.entries()) {
          if (place % every === every - 1) model.reprice(biddingAt(0.1 + (place % 3) / 5, 0.3));
          model.run(one);
        }
      },
    ),
    { numRuns: 60 },
  );
  const placer = createPlacer({ weights, registry: BIDDING });
  assert.throws(() => placer.reprice({ weights: WEIGHTS.pack }), /prices change scores, and no weigher or filter/);
});

test("classes that emptied long ago are given up, and nothing is lost by it", () => {
  const weights = MANY["everything at once"]!;
  const model = new Model(createPlacer({ weights }), weights);
  const asked = shape(2, 4, 2);
  for (let i = 0; i < 40; i++) model.set(host(`h${i}`));
  // Each step is a state that no host had before: thousands of classes come and go, more than are kept.
  for (let i = 0; i < 12_000; i++) {
    model.set(host(`h${i % 40}`, { freePcpus: 32 - (i % 13), criticalSize: i }));
    if (i % 997 === 0 || i > 11_990) model.check(asked, NO_CONSTRAINTS, new Set());
  }
});

test("a state that nobody was in for a while is found again when a host comes back to it", () => {
  const model = new Model(createPlacer({ weights: WEIGHTS.headroom }), WEIGHTS.headroom);
  const fuller = afterPlacement(host("b"), shape(4, 16));
  model.set(host("a", { cordoned: true }));
  for (const summary of [fuller, host("b"), fuller, host("b"), fuller]) {
    model.set(summary);
    assert.equal(model.check(shape(2, 8), NO_CONSTRAINTS, new Set()).length, 1);
    model.set({ ...summary, cordoned: true });
    assert.equal(model.check(shape(2, 8), NO_CONSTRAINTS, new Set()).length, 0);
  }
});

test("a request that few hosts of many can take finds them all, best first", () => {
  const model = new Model(createPlacer({ weights: WEIGHTS.headroom }), WEIGHTS.headroom);
  for (let i = 0; i < 1000; i++) {
    const labels: Record<string, string> = i % 40 === 7 ? { gpu: "yes" } : {};
    model.set(afterPlacement(host(`h${i}`, { labels }), shape(1 + (i % 16), 1 + (i % 100), 1 + (i % 3))));
  }
  const ranked = model.check(shape(2, 4, 1), { ...NO_CONSTRAINTS, labels: { gpu: "yes" } }, new Set());
  assert.equal(ranked.length, 25);
});

test("the order in which hosts were reported changes no choice", () => {
  const hosts = randomFleet.chain((fleet) => fc.array(randomHost(40, fleet), { maxLength: 40, size: "max" }));
  fc.assert(
    fc.property(hosts, randomShape, fc.nat(), (summaries, asked, turn) => {
      const latest = [...new Map(summaries.map((summary) => [summary.id, summary])).values()];
      const turned = latest.map((_, i) => latest[(i + turn) % latest.length]!).reverse();
      const [one, other] = [latest, turned].map((list) => {
        const placer = createPlacer({ weights: WEIGHTS.headroom });
        for (const summary of list) placer.upsertHost(summary);
        return [...placer.candidates(asked)];
      });
      assert.deepEqual(one, other);
    }),
  );
});

test("candidates that are asked for after a change are a bug, not an old answer", () => {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  for (const name of ["a", "b", "c"]) placer.upsertHost(host(name));
  const candidates = placer.candidates(shape(2, 4));
  assert.equal(candidates.next().value?.hostId, "a");
  placer.commitLocally("a", shape(2, 4));
  assert.throws(() => candidates.next(), /ask anew/);
});

test("a host that reports what it was reported with changes nothing", () => {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  placer.upsertHost(host("a"));
  placer.upsertHost(host("b"));
  const candidates = placer.candidates(shape(2, 4));
  candidates.next();
  placer.upsertHost(placer.host("b")!);
  assert.equal(candidates.next().value?.hostId, "b");
});
