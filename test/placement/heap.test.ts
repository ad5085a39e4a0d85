/** Heaps that can lose any item, and be read in order without changing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BestFirst, HeapOrder } from "../../src/core/placement/index/heap.js";

const ITEMS = 40;
/** Values by item, with equal ones. */
const values = fc.array(fc.nat(25), { minLength: ITEMS, maxLength: ITEMS });
const moves = fc.array(fc.record({ item: fc.nat(ITEMS - 1), to: fc.nat(1) }), {
  minLength: 60,
  maxLength: 200,
  size: "max",
});

test("after any pushes and removals, two heaps of one order give out exactly what is in them, in order", () => {
  fc.assert(
    fc.property(values, moves, (value, steps) => {
      const precedes = (a: number, b: number): boolean => value[a]! < value[b]!;
      const order = new HeapOrder(precedes);
      order.reserve(ITEMS);
      const heaps: number[][] = [[], []];
      const held: Set<number>[] = [new Set(), new Set()];
      for (const { item, to } of steps) {
        const at = held.findIndex((items) => items.has(item));
        assert.equal(order.holds(item), at >= 0);
        if (at >= 0) {
          order.remove(heaps[at]!, item);
          held[at]!.delete(item);
        }
        if (at !== to) {
          order.push(heaps[to]!, item);
          held[to]!.add(item);
        }
      }
      heaps.forEach((heap, i) => {
        const walk = new BestFirst(heap, precedes);
        const out: number[] = [];
        for (let item = walk.next(); item !== undefined; item = walk.next()) out.push(item);
        assert.deepEqual(new Set(out), held[i]);
        assert.deepEqual(
          out.map((item) => value[item]!),
          [...held[i]!].map((item) => value[item]!).sort((a, b) => a - b),
        );
      });
    }),
  );
});

test("a heap built from an array is one, and forgets what it held when it is cleared", () => {
  fc.assert(
    fc.property(values, (value) => {
      const order = new HeapOrder((a, b) => value[a]! < value[b]!);
      order.reserve(ITEMS);
      const heap = value.map((_, item) => item);
      order.build(heap);
      const out: number[] = [];
      while (heap.length > 0) {
        out.push(value[heap[0]!]!);
        order.remove(heap, heap[0]!);
      }
      assert.deepEqual(
        out,
        [...value].sort((a, b) => a - b),
      );
      order.push(heap, 3);
      order.clear(heap);
      assert.deepEqual([heap.length, order.holds(3)], [0, false]);
    }),
  );
});
