/**
 * The promises of DESIGN that concern one host, over random sequences of requests, faults, crashes and interference.
 * HEADROOM_RUNS sets how many sequences each policy gets; a failure prints the seed and the shortest sequence found.
 */
import { test } from "node:test";
import type { DynamicSettings } from "../../src/core/dynamic/model.js";
import type { PolicyName } from "../../src/core/pool/policy.js";
import { milliseconds } from "../../src/core/units.js";
import { SETTINGS } from "../dynamic/support.js";
import fc from "../support/property.js";
import { RandomHost } from "./random-host.js";
import { step } from "./random-steps.js";

const RUNS: Readonly<Record<PolicyName, number>> = { headroom: 700, slackvm: 200, sweetspotvm: 200, vmstack: 200 };

for (const policy of ["headroom", "slackvm", "sweetspotvm", "vmstack"] as const) {
  const numRuns = Number(process.env.HEADROOM_RUNS ?? RUNS[policy]);
  test(`whatever happens, within two ticks ${policy} keeps promises 1 to 6, and no VM is lost or doubled`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
        const host = new RandomHost(policy);
        await host.start();
        for (const one of steps) {
          await host.take(one);
          await host.settle();
        }
      }),
      { numRuns },
    );
  });
}

/** No window ends meanwhile: what changes is answered at once, and nothing else. */
const ALWAYS_BUSY: DynamicSettings = { ...SETTINGS, elastic: "lend", window: milliseconds(86_400_000) };

test("pools that follow their usage keep the same promises while their guests suffer", async () => {
  const numRuns = Number(process.env.HEADROOM_RUNS ?? 60);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const host = new RandomHost("headroom", ALWAYS_BUSY);
      await host.start();
      for (const one of steps) {
        await host.take(one);
        await host.settle();
      }
    }),
    { numRuns },
  );
});
