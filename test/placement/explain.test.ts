/** Explanations say what the decision did. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rankHosts } from "../../src/core/placement/choose.js";
import { explainPlacement } from "../../src/core/placement/explain.js";
import { NO_CONSTRAINTS } from "../../src/core/placement/model.js";
import { createPlacer } from "../../src/core/placement/placer.js";
import { BUILT_IN, rulesOf } from "../../src/core/placement/rules.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { mib } from "../../src/core/units.js";
import { host, randomConstraints, randomFleet, randomHost, randomShape, shape } from "./random.js";

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
  assert.deepEqual(vetoed, [
    { filter: "state", veto: "the host is cordoned" },
    { filter: "memory", veto: "the VM needs 4096 MiB, 1024 of 131072 MiB are free" },
    { filter: "labels", veto: 'the label zone is not set, the request wants "x"' },
  ]);
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
