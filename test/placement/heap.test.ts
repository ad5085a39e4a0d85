/** The heaps of the index: any item can be taken out, and they are read in order without changing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BestFirst, HeapOrder } from "../../src/core/placement/index/heap.js";
import { HostIds } from "../../src/core/placement/index/host-ids.js";
import { PositionTable, ScoreHeap, ScoreWalk } from "../../src/core/placement/index/score-heap.js";

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

test("after any scores set and items removed, a score heap gives out exactly what is in it, the highest first and equal ones together", () => {
  const steps = fc.array(fc.record({ item, score: fc.option(value) }), times);
  fc.assert(
    fc.property(steps, fc.nat(20), (all, others) => {
      // Its neighbours in the table, one of which was given up.
      const table = new PositionTable();
      const neighbours = Array.from({ length: others }, () => new ScoreHeap(table));
      for (const neighbour of neighbours) neighbour.set(all[0]!.item, 1);
      neighbours.pop()?.release();
      const heap = new ScoreHeap(table);
      const scores = new Map<number, number>();
      for (const one of all) {
        if (one.score === null) heap.remove(one.item);
        else heap.set(one.item, one.score);
        if (one.score === null) scores.delete(one.item);
        else scores.set(one.item, one.score);
      }
      const out: [number, number][] = [];
      const walk = new ScoreWalk(heap);
      for (let tied = walk.next(); tied.length > 0; tied = walk.next()) {
        const score = heap.scoreAt(tied[0]!);
        assert.equal(tied.length, [...scores.values()].filter((one) => one === score).length);
        for (const at of tied) out.push([heap.itemAt(at), heap.scoreAt(at)]);
      }
      assert.equal(heap.size, scores.size);
      assert.ok(neighbours.every((neighbour) => neighbour.size === 1 && neighbour.itemAt(0) === all[0]!.item));
      assert.deepEqual(new Map(out), scores);
      assert.deepEqual(
        out.map(([, score]) => score),
        [...scores.values()].sort((a, b) => b - a),
      );
    }),
  );
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
