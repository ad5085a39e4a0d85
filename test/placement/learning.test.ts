/** Prices that are learnt: what is known of the VMs that are wanted, when that is another mix, and how well it packs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { pricesInThread } from "../../src/cli/cluster/prices.js";
import {
  Demand,
  distance,
  HALF_LIFE,
  isAnotherMix,
  totalOf,
  type Wanted,
} from "../../src/core/placement/learning/demand.js";
import type { SolvePrices } from "../../src/core/placement/learning/pricing.js";
import { worthOfRoom, worthOfWanted } from "../../src/core/placement/weighers/bid/prices.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { solverOfOwnThread } from "../../src/drivers/highs/own-thread.js";
import { experiment, HOST } from "../sizing/worlds.js";
import fc from "../support/property.js";
import { hostsNeeded, learntOnTheWay } from "./packing.js";
import { randomShape, shape } from "./random.js";

const solve = await solverOfOwnThread();
const prices: SolvePrices = (wanted, host) => worthOfWanted(wanted, host, solve);
const of = (count: number, ...asked: Parameters<typeof shape>): Wanted => ({ shape: shape(...asked), count });

describe("what is wanted", () => {
  test("VMs that are there count one each; those that went, half as much when as many as a half-life went after them", () => {
    const demand = new Demand();
    for (const name of ["a", "b", "c"]) demand.came(name, shape(2, 8));
    demand.left(shape(2, 8));
    demand.fade(shape(2, 8));
    assert.deepEqual(demand.wanted(), [of(3, 2, 8)]);
    assert.equal(demand.present, 2);
    for (let other = 0; other < HALF_LIFE; other++) demand.fade(shape(1, 1));
    const [, first] = demand.wanted();
    assert.ok(Math.abs(first!.count - 2.5) < 1e-9);
    for (let other = 0; other < 100 * HALF_LIFE; other++) demand.fade(shape(1, 1));
    assert.deepEqual(demand.wanted()[1], of(2, 2, 8), "what is forgotten is nothing");
  });

  test("a VM that is refused again and again counts once, until it comes", () => {
    const demand = new Demand();
    for (let time = 0; time < 50; time++) demand.refused("big", shape(16, 64));
    assert.deepEqual(demand.wanted(), [of(1, 16, 64)]);
    demand.came("big", shape(16, 64));
    demand.refused("big", shape(16, 64));
    assert.ok(demand.wanted()[0]!.count > 2.9);
  });

  test("who learns from the VMs that went, in their order, and those that are there, learns what was learnt on the way", () => {
    const happening = fc.record({ asked: randomShape, leaves: fc.boolean() });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        const [live, again] = [new Demand(8), new Demand(8)];
        const there: (typeof happenings)[number]["asked"][] = [];
        for (const [place, { asked, leaves }] of happenings.entries()) {
          live.came(`vm${place}`, asked);
          there.push(asked);
          if (!leaves) continue;
          const [gone] = there.splice(0, 1);
          live.left(gone!);
          live.fade(gone!);
          again.fade(gone!);
        }
        for (const [place, asked] of there.entries()) again.came(`vm${place}`, asked);
        assert.deepEqual(again.wanted(), live.wanted());
      }),
    );
  });

  test("mixes are as far apart as the part that differs, however many VMs they are of", () => {
    const small = [of(3, 2, 8), of(1, 4, 16)];
    assert.equal(distance(small, [of(300, 2, 8), of(100, 4, 16)]), 0);
    assert.equal(distance(small, [of(2, 2, 8), of(2, 4, 16)]), 0.25);
    assert.equal(distance(small, [of(1, 1, 1)]), 1);
    assert.equal(isAnotherMix(small, []), false, "four VMs tell nothing");
    assert.equal(isAnotherMix([of(20, 2, 8)], []), true);
    assert.equal(isAnotherMix([of(95, 2, 8), of(5, 4, 16)], [of(20, 2, 8)]), false);
    assert.equal(isAnotherMix([of(85, 2, 8), of(15, 4, 16)], [of(20, 2, 8)]), true);
  });
});

describe("prices of what is wanted", () => {
  test("follow from the mix: what four VMs fill costs a quarter, of ten times as many as well", async () => {
    for (const count of [40, 400]) {
      const worth = await prices([of(count, 8, 32)], HOST);
      assert.equal(worthOfRoom(worth!, 8 / 32, 32 / 128), 0.25);
      assert.equal(worthOfRoom(worth!, 7 / 32, 1), 0, "where none fits there is nothing to be sold");
    }
  });

  test("leave out what no host takes and what carries no ratio; of nothing else there are none", async () => {
    const others = [of(9, 33, 1), of(9, 1, 129), { shape: { ...shape(2, 8), ratio: null }, count: 9 }];
    assert.equal(await prices(others, HOST), null);
    assert.deepEqual(await prices([...others, of(40, 8, 32)], HOST), await prices([of(40, 8, 32)], HOST));
  });

  test("of hundreds of shapes, those that take the most room in all are priced", async () => {
    const many = Array.from({ length: 300 }, (_, place) => of(1, 1, (place + 1) / 1024));
    const worth = await prices([...many, of(40, 8, 32)], HOST);
    assert.ok(totalOf(many) > 64 && worthOfRoom(worth!, 8 / 32, 32 / 128) >= 0.2499);
  });
});

test("a thread of their own works out the same prices, and one that fails says so", async () => {
  const wanted = [of(40, 8, 32), of(100, 2, 4, 3)];
  assert.deepEqual(await pricesInThread()(wanted, HOST), await prices(wanted, HOST));
  const failing = () => new Worker("throw new Error('no such machine')", { eval: true });
  await assert.rejects(pricesInThread(failing)(wanted, HOST), /no such machine/);
});

test("a scheduler that knew nothing packs tighter by prices that it learns than by balance, and live moves cost no host", async () => {
  const vms = experiment("ovhcloud2023", [0, 75, 25], 414);
  const base = { weights: WEIGHTS.headroom };
  const balance = hostsNeeded(vms, base);
  const froms = await learntOnTheWay(vms, base, prices);
  const learnt = hostsNeeded(vms, froms);
  assert.ok(learnt.hosts < balance.hosts, `${learnt.hosts} against ${balance.hosts}, bound ${learnt.bound}`);
  const moving = hostsNeeded(vms, froms, 1);
  assert.ok(moving.hosts <= learnt.hosts && moving.hosts >= learnt.bound, `${moving.hosts} with live moves`);
});
