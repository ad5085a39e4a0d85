/** Explanations say what the decision did. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterPlacement } from "../../src/core/placement/after.js";
import { rankHosts } from "../../src/core/placement/choose.js";
import { type EstimateMode, registryFor } from "../../src/core/placement/estimate-mode.js";
import { explainPlacement } from "../../src/core/placement/explain.js";
import { expectedPcpus, forecastOf } from "../../src/core/placement/forecast.js";
import { NO_CONSTRAINTS } from "../../src/core/placement/model.js";
import { createPlacer } from "../../src/core/placement/placer.js";
import { BUILT_IN, rulesOf } from "../../src/core/placement/rules.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { mib, pcpus } from "../../src/core/units.js";
import fc from "../support/property.js";
import { host, pool, randomConstraints, randomFleet, randomHost, randomShape, shape } from "./random.js";

test("the hosts without a veto are the candidates, in their order and with their scores", () => {
  const hosts = randomFleet.chain((fleet) =>
    fc.uniqueArray(randomHost(20, fleet), { selector: ({ id }) => id, maxLength: 20, size: "max" }),
  );
  const rules = rulesOf({ balance: 1, usage: 0.5, "best-fit": 0.1 });
  fc.assert(
    fc.property(hosts, randomShape, randomConstraints, (summaries, asked, constraints) => {
      const explanation = explainPlacement(rules, summaries, asked, constraints);
      const candidates = explanation.hosts
        .filter(({ score }) => score !== null)
        .map(({ hostId, score }) => ({ hostId, score }));
      assert.deepEqual(candidates, rankHosts(rules, summaries, asked, constraints));
      assert.equal(explanation.chosen, candidates[0]?.hostId ?? null);
      assert.equal(explanation.hosts.length, summaries.length);
    }),
  );
});

test("every filter has a verdict and every weigher a score on every host, those without weight too", () => {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  placer.upsertHost(host("a"));
  placer.upsertHost(host("b", { cordoned: true, memoryAllocatedMiB: mib(127 * 1024) }));
  const { chosen, hosts, vetoes } = placer.explain(shape(2, 4), { ...NO_CONSTRAINTS, labels: { zone: "x" } });
  assert.equal(chosen, null);
  assert.deepEqual(vetoes, { state: 1, memory: 1, labels: 2 });
  const filters = [...BUILT_IN.shapeFilters, ...BUILT_IN.profileFilters, ...BUILT_IN.hostFilters];
  for (const explained of hosts) {
    assert.deepEqual(
      explained.verdicts.map(({ filter }) => filter),
      filters.map(({ name }) => name),
    );
    assert.deepEqual(
      explained.scores?.map(({ weigher }) => weigher),
      BUILT_IN.weighers.map(({ name }) => name),
    );
  }
  const vetoed = hosts.find(({ hostId }) => hostId === "b")!.verdicts.filter(({ veto }) => veto !== null);
  assert.deepEqual(
    vetoed.map(({ filter, veto }) => [filter, veto]),
    [
      ["state", "the host is cordoned"],
      ["memory", "the VM needs 4096 MiB, 1024 of 131072 MiB are free"],
      ["labels", 'the label zone is not set, the request wants "x"'],
    ],
  );
});

test("estimates that only advise are shown and change nothing; enforced they veto, and the estimate is named", () => {
  const busy = { memoryMiB: null, machineMemoryMiB: mib(0), vcpusThen: 0, memoryThenMiB: mib(0), pcpus: pcpus(31) };
  const fleet = randomFleet.chain((profiles) =>
    fc.uniqueArray(randomHost(12, profiles), { selector: ({ id }) => id, maxLength: 12, size: "max" }),
  );
  const weights = { ...WEIGHTS.headroom, usage: 1 };
  const rulesIn = (mode: EstimateMode) => rulesOf(weights, registryFor(mode));
  fc.assert(
    fc.property(fleet, randomShape, (summaries, asked) => {
      const unknown = summaries.map((one) => ({ ...one, forecast: null }));
      assert.deepEqual(rankHosts(rulesIn("advise"), summaries, asked), rankHosts(rulesIn("off"), unknown, asked));
    }),
  );
  const hosts = [host("a", { forecast: busy }), host("b")];
  const advised = explainPlacement(rulesIn("advise"), hosts, shape(2, 4, 2), NO_CONSTRAINTS);
  assert.equal(advised.chosen, "a");
  const [first] = advised.hosts;
  assert.deepEqual(first?.expected, { pcpus: 31, memoryMiB: null });
  assert.match(first?.verdicts.find(({ advisory, veto }) => advisory && veto !== null)?.veto ?? "", /1 of 32 pCPUs/);
  assert.deepEqual(advised.vetoes, {});
  const enforced = explainPlacement(rulesIn("enforce"), hosts, shape(2, 4, 2), NO_CONSTRAINTS);
  assert.deepEqual([enforced.chosen, enforced.vetoes], ["b", { "estimated-cpu": 1 }]);
});

test("what is free by an estimate is never above what is measured free and the margin, nor below what ratio 1 has booked", () => {
  const number = (max: number) => fc.double({ min: 0, max, noNaN: true });
  const told = fc.record({
    need: fc.option(number(64)),
    peak: fc.option(number(64)),
    booked: number(100),
    vms: fc.nat(3),
  });
  fc.assert(
    fc.property(told, number(0.5), fc.nat(30), fc.nat(60), (one, margin, exclusive, shared) => {
      const { need, peak, booked, vms } = one;
      const memory = { capacity: 1000, booked: 0, need: null, peak: null };
      const estimate = { vms, cpu: { capacity: 64, booked, need, peak }, memory };
      const forecast = forecastOf(estimate, { vcpus: exclusive + shared, memoryMiB: 0 }, margin);
      const summary = host("h", { forecast, pools: [pool(1, exclusive, exclusive), pool(3, 20, shared)] });
      const expected = expectedPcpus(summary);
      assert.equal(expected === null, need === null);
      if (expected === null) return;
      assert.ok(64 - expected <= 64 - (peak ?? 0) + margin * 64 + 1e-9);
      assert.ok(expected >= exclusive);
      // A VM that comes counts in full.
      const grown = expectedPcpus(afterPlacement(summary, shape(4, 1, 3)));
      assert.ok(grown! <= expected + 4 + 1e-9);
      if (vms === 0) assert.ok(Math.abs(grown! - Math.max(forecast.pcpus! + 4, exclusive)) < 1e-9);
    }),
  );
});

test("asking for an explanation changes no later choice", () => {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  for (const id of ["a", "b"]) placer.upsertHost(host(id));
  const before = [...placer.candidates(shape(2, 4))];
  placer.explain(shape(2, 4));
  assert.deepEqual([...placer.candidates(shape(2, 4))], before);
});

test("the room that hosts have together is the number of VMs that placement then places", () => {
  const hosts = randomFleet.chain((fleet) =>
    fc.uniqueArray(randomHost(20, fleet), { selector: ({ id }) => id, maxLength: 8, size: "max" }),
  );
  fc.assert(
    fc.property(hosts, randomShape, randomConstraints, (summaries, asked, constraints) => {
      const placer = createPlacer({ weights: WEIGHTS.headroom });
      for (const summary of summaries) placer.upsertHost(summary);
      const { hosts: explained } = placer.explain(asked, constraints);
      const room = explained.reduce((sum, one) => sum + one.room, 0);
      let placed = 0;
      for (let next = placer.choose(asked, constraints); next !== null; next = placer.choose(asked, constraints)) {
        placer.commitLocally(next.hostId, asked, constraints);
        placed += 1;
      }
      assert.equal(room, placed);
      for (const { score, room: here } of explained)
        assert.equal(here > 0, score !== null, "who takes none has no room");
    }),
  );
});
