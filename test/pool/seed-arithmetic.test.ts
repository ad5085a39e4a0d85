/** Growth and shrinking in the doubles of the seeds (spec 1.3). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seedAvailable, seedGrowth, seedUnused } from "../../src/core/pool/seed-arithmetic.js";

describe("growth of a pool", () => {
  const cases: [
    what: string,
    pcpus: number,
    ratio: number,
    allocated: number,
    request: number,
    minimum: number,
    grow: number,
  ][] = [
    ["fits without growing", 4, 3, 8, 4, 4, 0],
    ["one vCPU too many needs one pCPU", 4, 3, 8, 5, 4, 1],
    ["missing vCPUs are rounded up to whole pCPUs", 2, 2, 4, 3, 3, 2],
    ["an empty pool grows to the request, not to its share", 0, 3, 0, 8, 8, 8],
    ["a VM gets as many pCPUs as it has vCPUs, whatever is available", 4, 3, 1, 6, 6, 2],
    ["per vCPU: the largest VM decides, not the request", 3, 2.6, 4, 1, 5, 2],
    ["ratio 1 grows by the request", 8, 1, 8, 2, 2, 2],
    ["ratio 1.5: thirds are no trouble", 2, 1.5, 3, 1, 1, 1],
  ];
  for (const [what, pcpus, ratio, allocated, request, minimum, grow] of cases)
    it(what, () => assert.equal(seedGrowth(pcpus, ratio, allocated, request, minimum), grow));
});

describe("unused pCPUs of a pool", () => {
  const cases: [what: string, pcpus: number, ratio: number, allocated: number, largest: number, unused: number][] = [
    ["a full pool gives nothing back", 4, 3, 12, 4, 0],
    ["whole pCPUs only", 4, 3, 8, 2, 1],
    ["never below the largest VM", 8, 3, 8, 8, 0],
    ["down to the largest VM", 8, 3, 4, 4, 4],
    ["an empty pool gives all back", 8, 3, 0, 0, 8],
    ["with 2.6 a pCPU stays in an empty pool of 7: the error of the seeds", 7, 2.6, 0, 0, 6],
    ["and is given back the next time", 1, 2.6, 0, 0, 1],
    ["below nothing there is nothing", 2, 1, 3, 1, 0],
  ];
  for (const [what, pcpus, ratio, allocated, largest, unused] of cases)
    it(what, () => assert.equal(seedUnused(pcpus, ratio, allocated, largest), unused));
});

it("availability is cap * r - allocated, rounding errors included", () => {
  assert.equal(seedAvailable(6, 2.6, 6), 9.600000000000001);
  assert.equal(seedAvailable(3, 2, 5), 1);
});
