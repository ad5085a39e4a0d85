/** The promises of elastic pools: all active at once when short, no VM below its vCPUs, one shrink in a window. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { borrowsNow, nextActive } from "../../src/core/dynamic/active.js";
import { demandOf, suffers } from "../../src/core/dynamic/model.js";
import { milliseconds, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { forecasts, readings, SETTINGS, WINDOW } from "./support.js";

const settings = { ...SETTINGS, elastic: "idle" as const };
const NOW = milliseconds(10 * WINDOW);
const LONG_AGO = milliseconds(0);

test("what is active is enough for the largest VM and for the newcomers, and less than the pool", () => {
  fc.assert(
    fc.property(readings, forecasts, (reading, forecast) => {
      const { active } = nextActive({ active: null, shortAt: LONG_AGO }, reading, forecast, settings, NOW);
      if (active === null) return;
      assert.ok(reading.ratio > 1 && forecast !== null);
      assert.ok(active < reading.pcpus && active >= Math.max(1, reading.largestVm, reading.freshVcpus));
      assert.ok(active >= demandOf(reading)!, "what they want now");
    }),
  );
});

test("when usage reaches the active part or guests suffer, all of the pool is active at once, for a window at least", () => {
  const pools = readings.filter((one) => one.ratio > 1 && one.usagePcpus !== null);
  fc.assert(
    fc.property(pools, forecasts, (reading, forecast) => {
      const used = { ...reading, runsOn: Math.max(1, Math.ceil(reading.usagePcpus! * 1.05)) };
      const before = { active: used.runsOn, shortAt: LONG_AGO };
      const after = nextActive(before, used, forecast, settings, NOW);
      if (used.usagePcpus! < 0.9 * used.runsOn && !suffers(used, settings)) return;
      assert.deepEqual(after, { active: null, shortAt: NOW });
      const calm = { ...reading, runsOn: reading.pcpus, usagePcpus: 0, waitPcpus: 0 };
      assert.equal(nextActive(after, calm, forecast, settings, milliseconds(NOW + WINDOW - 1)).active, null);
    }),
  );
});

const reading = {
  ratio: ratio(2),
  pcpus: 20,
  runsOn: 20,
  vcpus: 40,
  largestVm: 4,
  freshVcpus: 0,
  bootingVcpus: 0,
  usagePcpus: 3,
  waitPcpus: 0,
};
const forecast = { peak: 0.1, deviation: 0.02 };
const whole = { active: null, shortAt: LONG_AGO };

test("the active part is the expected peak with its leeway, and something to spare", () => {
  assert.equal(nextActive(whole, reading, forecast, settings, NOW).active, Math.ceil((4 + 0.8) / 0.9));
  assert.equal(nextActive(whole, reading, forecast, { ...settings, leeway: 5 }, NOW).active, Math.ceil(8 / 0.9));
  assert.equal(nextActive(whole, reading, null, settings, NOW).active, null, "nothing known, nothing rests");
});

test("pools of ratio 1.0 and hosts where it is off let nothing rest", () => {
  assert.equal(nextActive(whole, { ...reading, ratio: ratio(1) }, forecast, settings, NOW).active, null);
  assert.equal(nextActive(whole, reading, forecast, SETTINGS, NOW).active, null);
});

test("a pool borrows while it is short, and for a window after", () => {
  const lend = { ...SETTINGS, elastic: "lend" as const };
  const short = { ...reading, usagePcpus: 19 };
  assert.equal(borrowsNow(false, short, settings, milliseconds(0)), false, "nothing is lent where it only rests");
  assert.equal(borrowsNow(false, short, lend, milliseconds(0)), true);
  assert.equal(borrowsNow(true, reading, lend, milliseconds(WINDOW - 1)), true);
  assert.equal(borrowsNow(true, reading, lend, WINDOW), false);
});
