/** The heaps and trees of the index: any item can be taken out, and they are read in order without changing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BestFirst, HeapOrder } from "../../src/core/placement/index/heap.js";
import { HostIds } from "../../src/core/placement/index/host-ids.js";
import { ScoreTrees } from "../../src/core/placement/index/score-trees.js";
import { VETOED } from "../../src/core/placement/score.js";
import fc from "../support/property.js";

const ITEMS = 40;
/** With equal ones. */
const value = fc.nat(25);
const item = fc.nat(ITEMS - 1);
const times = { minLength: 60, maxLength: 200, size: "max" } as const;

test("after any moves between two heaps of one order, each gives out exactly what is in it, in order", () => {
  const values = fc.array(value, { minLength: ITEMS, maxLength: ITEMS });
  const moves = fc.array(fc.record({ item, to: fc.nat(1) }), times);
  fc.assert(
    fc.property(values, moves, (ranks, steps) => {
      const precedes = (a: number, b: number): boolean => ranks[a]! < ranks[b]!;
      const order = new HeapOrder(precedes);
      order.reserve(ITEMS);
      const heaps: number[][] = [[], []];
      const held: Set<number>[] = [new Set(), new Set()];
      for (const step of steps) {
        const at = held.findIndex((items) => items.has(step.item));
        if (at >= 0) {
          order.remove(heaps[at]!, step.item);
          held[at]!.delete(step.item);
        }
        if (at === step.to) continue;
        order.push(heaps[step.to]!, step.item);
        held[step.to]!.add(step.item);
      }
      heaps.forEach((heap, i) => {
        const walk = new BestFirst(heap, precedes);
        const out: number[] = [];
        for (let next = walk.next(); next !== undefined; next = walk.next()) out.push(next);
        assert.deepEqual(new Set(out), held[i]);
        assert.deepEqual(
          out.map((one) => ranks[one]!),
          [...held[i]!].map((one) => ranks[one]!).sort((a, b) => a - b),
        );
      });
    }),
  );
});

test("after any scores set and taken away, a tree gives out exactly what is in it, the highest first and equal ones together", () => {
  const row = fc.oneof({ weight: 9, arbitrary: item }, { weight: 1, arbitrary: fc.nat(5000) });
  const steps = fc.array(fc.record({ row, column: fc.nat(2), score: fc.option(value) }), times);
  fc.assert(
    fc.property(steps, (all) => {
      const trees = new ScoreTrees();
      const columns = [0, 1, 2].map(() => new Map<number, number>());
      for (const column of columns.keys()) trees.addColumn(column);
      for (const one of all) {
        trees.set(one.row, one.column, one.score ?? VETOED);
        if (one.score === null) columns[one.column]!.delete(one.row);
        else columns[one.column]!.set(one.row, one.score);
      }
      columns.forEach((scores, column) => {
        const expected = [...new Set(scores.values())].sort((a, b) => b - a);
        let score = trees.best(column);
        for (const highest of expected) {
          assert.equal(score, highest);
          const rows = [...scores].filter(([, one]) => one === highest).map(([at]) => at);
          assert.deepEqual(
            trees.rowsWith(score, column),
            rows.sort((a, b) => a - b),
          );
          for (const at of rows) assert.equal(trees.score(at, column), highest);
          score = trees.bestBelow(score, column);
        }
        assert.equal(score, VETOED);
      });
    }),
  );
});

test("what a column held before is gone when it is taken anew", () => {
  const trees = new ScoreTrees();
  trees.addColumn(0);
  trees.set(700, 0, 5);
  trees.addColumn(0);
  assert.equal(trees.best(0), VETOED);
  assert.equal(trees.score(700, 0), VETOED);
});

test("hosts precede each other as their ids do, whatever the ids have in common and however they come and go", () => {
  const id = fc.oneof(
    fc.string({ maxLength: 12, unit: "binary" }),
    fc.nat(3000).map((n) => `rack-${n}`),
    fc.constantFrom("rack-1", "rack-10", "rack-1é", "rack-1ÿ", "rack-1\u0100", "rack-1\u0100a", "rack", ""),
  );
  fc.assert(
    fc.property(fc.uniqueArray(id, { minLength: 2, maxLength: 25, size: "max" }), fc.nat(5), (ids, removed) => {
      const hosts = new HostIds();
      const numbers = new Map(ids.map((one) => [one, hosts.add(one)]));
      for (const one of ids.slice(0, removed)) {
        hosts.remove(numbers.get(one)!);
        numbers.delete(one);
      }
      for (const one of ids.slice(0, removed).reverse()) numbers.set(one, hosts.add(one));
      for (const [a, numberA] of numbers)
        for (const [b, numberB] of numbers) assert.equal(hosts.precedes(numberA, numberB), a < b, `${a} and ${b}`);
    }),
  );
});
