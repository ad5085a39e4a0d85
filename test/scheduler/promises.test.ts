/**
 * The cluster's promises over random requests, faults and crashes: every acknowledged VM exists exactly once, no refused one
 * exists, no pool is above its ratio, at any moment and in the end. And the same runs with schedulers that break the rules of
 * the protocol, to show that it would be noticed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import fc from "../support/property.js";
import { boasting, guessing, looking } from "./broken.js";
import type { ClusterOptions } from "./cluster.js";
import { movingStep, RandomCluster, type Step, step } from "./random-cluster.js";

const STEPS = fc.array(step, { minLength: 5, maxLength: 30 });

async function play(steps: readonly Step[], options: ClusterOptions = {}, fences = true): Promise<void> {
  const random = await new RandomCluster(options).start();
  random.cluster.core.fences = fences;
  for (const one of steps) await random.take(one);
  assert.deepEqual(await random.finish(), []);
}

test("whatever fails, acknowledged VMs exist exactly once, refused ones do not, and no pool is above its ratio", async () => {
  await fc.assert(
    fc.asyncProperty(STEPS, (steps) => play(steps)),
    { numRuns: 40 },
  );
});

test("the same holds while hosts are drained, and room is made, all the time: every VM runs once, on one of its hosts", async () => {
  const settings = { migrationBudget: 2, roomPatience: milliseconds(8_000) };
  await fc.assert(
    fc.asyncProperty(fc.array(movingStep, { minLength: 10, maxLength: 30 }), (steps) => play(steps, { settings })),
    { numRuns: 30 },
  );
});

/** Fails at the first run that it finds, and must find one. */
async function mustBeNoticed(options: ClusterOptions, fences = true): Promise<void> {
  const outcome = await fc.check(
    fc.asyncProperty(STEPS, (steps) => play(steps, options, fences)),
    { numRuns: 500, seed: 7, endOnFailure: true },
  );
  assert.ok(outcome.failed, "the broken scheduler came through");
}

test("a scheduler that guesses on silence is noticed", () => mustBeNoticed({ breakClient: guessing }));

test("a scheduler that looks, but does not bar late requests, is noticed", () =>
  mustBeNoticed({ breakClient: looking }));

test("a leader that goes on after it was replaced, where nothing fences it, is noticed", () =>
  mustBeNoticed({ breakClient: boasting }, false));
