/** What is expected of a pool: the same whether one process learnt it or several, one after the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Forecaster } from "../../src/core/dynamic/forecaster.js";
import { milliseconds } from "../../src/core/units.js";
import fc from "../support/property.js";
import { WINDOW } from "./support.js";

const START = 1_000 * WINDOW;
const EVERY = WINDOW / 4;
const demands = fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { minLength: 30, maxLength: 120 });

test("a forecaster that goes on from what another one wrote expects exactly what that one would have", () => {
  fc.assert(
    fc.property(demands, fc.array(fc.nat(119), { maxLength: 5 }), (samples, endings) => {
      const whole = new Forecaster(WINDOW, 6);
      let part = new Forecaster(WINDOW, 6);
      for (const [i, demand] of samples.entries()) {
        const at = milliseconds(START + i * EVERY);
        if (endings.includes(i)) {
          const text = JSON.stringify(part.snapshot());
          part = new Forecaster(WINDOW, 6);
          part.restore(JSON.parse(text), at);
        }
        for (const one of [whole, part]) one.observe(at, demand, 8);
        assert.deepEqual(part.forecast, whole.forecast);
      }
      assert.notEqual(whole.forecast, null);
    }),
    { numRuns: 20 },
  );
});
