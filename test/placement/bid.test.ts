/** Bid prices as a weigher of the scheduler: what they prefer, how well they pack, and what their settings refuse. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { placementOf } from "../../src/cli/cluster/placement.js";
import { UsageError } from "../../src/cli/exit.js";
import { afterPlacement } from "../../src/core/placement/after.js";
import { rankHosts } from "../../src/core/placement/choose.js";
import { withPrices } from "../../src/core/placement/learning/pricing.js";
import type { VmShape } from "../../src/core/placement/model.js";
import { BUILT_IN, type Registry, rulesOf } from "../../src/core/placement/rules.js";
import { worthOf } from "../../src/core/placement/weighers/bid/prices.js";
import { bidWeigher } from "../../src/core/placement/weighers/bid/weigher.js";
import { BID_WEIGHTS, WEIGHTS } from "../../src/core/placement/weights.js";
import { mib } from "../../src/core/units.js";
import { highsSolver } from "../../src/drivers/highs/solver.js";
import { experiment, HOST, vm } from "../sizing/worlds.js";
import { hostsNeeded } from "./packing.js";
import { host, shape } from "./random.js";

const solver = highsSolver();
const folder = mkdtempSync(join(tmpdir(), "headroom-bid-"));
after(async () => {
  rmSync(folder, { recursive: true });
  await solver.close();
});

const withBids = async (vms: Parameters<typeof worthOf>[0]): Promise<Registry> => ({
  ...BUILT_IN,
  weighers: [bidWeigher(await worthOf(vms, HOST, solver.solve)), ...BUILT_IN.weighers],
});

test("a VM goes where what is left can still be sold", async () => {
  // Sold are VMs of 8 pCPUs and 32 GiB only: four make a host, and what is left of one is worth whole VMs.
  const registry = await withBids(Array.from({ length: 40 }, (_, place) => vm(String(place), 8, 32 * 1024)));
  const hosts = [
    host("empty"),
    afterPlacement(host("one-more"), shape(20, 80)),
    afterPlacement(host("useless"), shape(26, 104)),
  ];
  const ranked = (asked: VmShape) => rankHosts(rulesOf({ bid: 1 }, registry), hosts, asked);
  // 6 pCPUs and 24 GiB are worth nothing: taking of them costs nothing.
  assert.deepEqual(
    ranked(shape(4, 16)).map(({ hostId, score }) => [hostId, score]),
    [
      ["one-more", 0],
      ["useless", 0],
      ["empty", -0.25],
    ],
  );
  assert.deepEqual(
    ranked(shape(6, 24)).map(({ hostId, score }) => [hostId, score]),
    [
      ["useless", 0],
      ["empty", -0.25],
      ["one-more", -0.25],
    ],
  );
});

test("a host of twice the size is seen in proportion", async () => {
  const registry = await withBids(Array.from({ length: 40 }, (_, place) => vm(String(place), 8, 32 * 1024)));
  const large = host("large", { totalPcpus: 64, usablePcpus: 64, freePcpus: 64, memoryCapacityMiB: mib(262_144) });
  const scoreOf = (one: typeof large, asked: VmShape) =>
    rankHosts(rulesOf({ bid: 1 }, registry), [one], asked)[0]!.score;
  assert.equal(scoreOf(large, shape(16, 64)), scoreOf(host("h"), shape(8, 32)));
});

test("bids pack tighter than balance alone, with prices of another week", async () => {
  const [name, mix] = ["ovhcloud2023", [0, 75, 25]] as const;
  const vms = experiment(name, mix, 401);
  const balance = hostsNeeded(vms, { weights: WEIGHTS.headroom });
  const registry = await withBids(experiment(name, mix, 1401));
  const bids = hostsNeeded(vms, { weights: BID_WEIGHTS, registry });
  assert.ok(bids.hosts < balance.hosts, `${bids.hosts} against ${balance.hosts}`);
  assert.ok(bids.hosts <= bids.bound * 1.02);
});

describe("settings", () => {
  const list = join(folder, "expected.csv");
  writeFileSync(list, "vcpus,memory_mib,ratio\n8,32768,1\n4,16384,2\n");
  const plain = {
    weights: [],
    estimates: "off",
    placement: "headroom",
    learnPrices: false,
    expectedVms: null,
    expectedHost: null,
  } as const;

  test("without a list prices are learnt where placement is headroom's own, and are not where it is not wanted", async () => {
    const without = { weights: WEIGHTS.headroom, registry: BUILT_IN, prices: null };
    assert.deepEqual(await placementOf(plain), without);
    const learning = await placementOf({ ...plain, learnPrices: true });
    assert.deepEqual({ ...learning, prices: null }, without);
    assert.equal(learning.prices?.kind, "learnt");
    const others = [{ placement: "pack" }, { weights: ["pack=1"] }] as const;
    for (const given of others)
      assert.equal((await placementOf({ ...plain, learnPrices: true, ...given })).prices, null);
  });

  test("before there are prices the other weighers weigh what they weigh without", () => {
    const unpriced = withPrices({ weights: WEIGHTS.headroom }, null);
    const hosts = [host("a"), afterPlacement(host("b"), shape(4, 32)), afterPlacement(host("c"), shape(3, 1, 3))];
    for (const asked of [shape(1, 4), shape(8, 4, 3), shape(2, 60, 2)])
      assert.deepEqual(
        rankHosts(rulesOf(unpriced.weights, unpriced.registry), hosts, asked),
        rankHosts(rulesOf(WEIGHTS.headroom), hosts, asked),
      );
  });

  test("with one, placement headroom bids; estimates that are enforced still count", async () => {
    const given = { learnPrices: true, expectedVms: list, expectedHost: "32x131072" };
    const { prices, ...base } = await placementOf({ ...plain, ...given });
    assert.ok(prices?.kind === "given");
    const { worth, ...about } = prices.prices;
    assert.deepEqual(about, { host: HOST, source: "given", vms: 2, others: 0 });
    const bidding = withPrices(base, worth);
    assert.deepEqual(bidding.weights, BID_WEIGHTS);
    assert.equal(bidding.registry?.weighers[0]?.name, "bid");
    const both = await placementOf({ ...plain, ...given, estimates: "enforce" });
    assert.deepEqual(withPrices(both, worth).weights, { ...BID_WEIGHTS, usage: 0.1 });
  });

  test("what cannot be is said by the setting's name", async () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [{ expectedVms: list }, /HEADROOM_EXPECTED_VMS and HEADROOM_EXPECTED_HOST go together/],
      [{ expectedHost: "32x131072" }, /go together/],
      [{ expectedVms: list, expectedHost: "4x131072" }, /VM 1 is larger than HEADROOM_EXPECTED_HOST, 4x131072/],
      [{ expectedVms: list, expectedHost: "32x131072", placement: "spread" }, /is for HEADROOM_PLACEMENT=headroom/],
      [{ expectedVms: list, expectedHost: "32x131072", weights: ["pack=1"] }, /without HEADROOM_WEIGHTS/],
    ];
    for (const [given, message] of cases)
      await assert.rejects(placementOf({ ...plain, ...given }), (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, message);
        return true;
      });
    const nowhere = placementOf({ ...plain, expectedVms: join(folder, "nowhere"), expectedHost: "32x131072" });
    await assert.rejects(nowhere, /nowhere/);
  });
});
