/** The promises of effective ratios: bounds, down at once, up step by step, and nothing at all where nothing is known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bootsMayDelay, demandOf, type PoolReading, suffers } from "../../src/core/dynamic/model.js";
import { ceilingOf, nextRatio } from "../../src/core/dynamic/ratio.js";
import { milliseconds, type Ratio, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { forecasts, readings, SETTINGS, WINDOW } from "./support.js";

const NOW = milliseconds(10 * WINDOW);
const CALM = { now: NOW, pressure: null };
const LONG_AGO = milliseconds(0);
const factors = fc.constantFrom(1, 1.2, 2);

/** A ratio that the pool could have been counted with so far. */
const wantedOf = (sold: Ratio, most: Ratio, part: number): Ratio =>
  ratio(Math.round(1000 * (1 + part * (Math.max(most, sold) - 1))) / 1000);
const parts = fc.double({ min: 0, max: 1, noNaN: true });

test("whatever is measured, a pool is counted between 1 and what the operator allows, and ratio 1.0 stays 1.0", () => {
  fc.assert(
    fc.property(readings, forecasts, factors, parts, (reading, forecast, maximumFactor, part) => {
      const settings = { ...SETTINGS, maximumFactor };
      const most = ceilingOf(reading.ratio, settings);
      const before = { wantedRatio: wantedOf(reading.ratio, most, part), stirredAt: LONG_AGO };
      const { wantedRatio } = nextRatio(before, reading, forecast, settings, CALM);
      assert.ok(wantedRatio >= 1 && wantedRatio <= most, `${wantedRatio} of at most ${most}`);
      if (reading.ratio === 1) assert.equal(wantedRatio, 1);
      if (maximumFactor === 1) assert.ok(wantedRatio <= reading.ratio, "nobody gets less than was sold");
    }),
  );
});

test("when guests suffer, the pool asks at once for more pCPUs than it has, and for all that they want", () => {
  const suffering = readings.filter((one) => one.ratio > 1 && one.pcpus < one.vcpus && suffers(one, SETTINGS));
  fc.assert(
    fc.property(suffering, forecasts, (reading, forecast) => {
      const before = { wantedRatio: reading.ratio, stirredAt: NOW };
      const { wantedRatio, stirredAt } = nextRatio(before, reading, forecast, SETTINGS, CALM);
      const asked = Math.ceil(reading.vcpus / wantedRatio - 1e-9);
      assert.ok(asked >= reading.pcpus + 1, `${asked} pCPUs, and it has ${reading.pcpus}`);
      assert.ok(asked >= Math.min(reading.vcpus, Math.floor(demandOf(reading)!)));
      assert.equal(stirredAt, NOW, "a whole calm window has to pass before it rises");
    }),
  );
});

test("it rises by one bounded step in a window, and never in a window in which guests suffered or the ratio moved", () => {
  fc.assert(
    fc.property(
      readings,
      forecasts,
      parts,
      fc.integer({ min: 0, max: 3 * WINDOW }),
      (reading, forecast, part, since) => {
        const settings = { ...SETTINGS, maximumFactor: 2 };
        const wantedRatio = wantedOf(reading.ratio, ceilingOf(reading.ratio, settings), part);
        const before = { wantedRatio, stirredAt: milliseconds(NOW - since) };
        const after = nextRatio(before, reading, forecast, settings, CALM);
        if (after.wantedRatio <= wantedRatio) return;
        assert.ok(since >= WINDOW && !suffers(reading, settings));
        assert.ok(after.wantedRatio - wantedRatio <= 0.1 * reading.ratio + 0.0011);
        assert.equal(after.stirredAt, NOW);
      },
    ),
  );
});

const quiet: PoolReading = {
  ratio: ratio(3),
  pcpus: 10,
  runsOn: 10,
  vcpus: 30,
  largestVm: 4,
  freshVcpus: 0,
  bootingVcpus: 0,
  usagePcpus: 2,
  waitPcpus: 0,
};
const memory = { wantedRatio: ratio(3), stirredAt: LONG_AGO };

test("with nothing known it is as it was sold", () => {
  const blind = { ...quiet, usagePcpus: null, waitPcpus: null };
  assert.deepEqual(nextRatio(memory, blind, null, { ...SETTINGS, maximumFactor: 2 }, CALM), memory);
  const low = { wantedRatio: ratio(1.5), stirredAt: LONG_AGO };
  assert.equal(nextRatio(low, blind, null, SETTINGS, CALM).wantedRatio, 1.8, "and finds its way back there");
});

test("beyond what was sold only where that is allowed, expected to fit, and no VM is new", () => {
  const settings = { ...SETTINGS, maximumFactor: 1.5 };
  const forecast = { peak: 0.1, deviation: 0.02 };
  assert.equal(nextRatio(memory, quiet, forecast, SETTINGS, CALM).wantedRatio, 3);
  assert.equal(nextRatio(memory, quiet, null, settings, CALM).wantedRatio, 3);
  assert.equal(nextRatio(memory, { ...quiet, freshVcpus: 4 }, forecast, settings, CALM).wantedRatio, 3);
  assert.equal(nextRatio(memory, quiet, forecast, settings, CALM).wantedRatio, 3.3);
  const risen = { wantedRatio: ratio(4.4), stirredAt: LONG_AGO };
  assert.equal(nextRatio(risen, quiet, forecast, settings, CALM).wantedRatio, 4.5);
});

test("an expected peak that its pCPUs would not carry brings it down at once, margin included", () => {
  const busy = nextRatio(memory, quiet, { peak: 0.5, deviation: 0.1 }, SETTINGS, CALM).wantedRatio;
  assert.equal(Math.ceil(30 / busy), 18, "30 vCPUs at 0.5 and 15 % are 17.25 pCPUs");
});

test("nothing rises while the host is under pressure", () => {
  const low = { wantedRatio: ratio(2), stirredAt: LONG_AGO };
  const forecast = { peak: 0.1, deviation: 0.02 };
  assert.equal(nextRatio(low, quiet, forecast, SETTINGS, { now: NOW, pressure: 0.4 }).wantedRatio, 2.3);
  const pressed = nextRatio(low, quiet, forecast, SETTINGS, { now: NOW, pressure: 0.6 });
  assert.deepEqual(pressed, { wantedRatio: 2, stirredAt: NOW });
});

test("a guest that boots moves no ratio, whatever it uses and the others wait for meanwhile", () => {
  const booting = readings.filter(({ ratio: sold, bootingVcpus, usagePcpus, ...one }) => {
    const asSold = (usagePcpus ?? 0) + bootingVcpus / sold;
    return (
      sold > 1 &&
      bootingVcpus > 0 &&
      bootsMayDelay({ ...one, ratio: sold, bootingVcpus, usagePcpus }) &&
      asSold <= one.pcpus
    );
  });
  fc.assert(
    fc.property(booting, fc.integer({ min: 0, max: 3 * WINDOW }), (reading, since) => {
      // Such a pool holds what it asks for, and nothing is expected that it would not carry.
      const wantedRatio = ratio(
        Math.min(reading.ratio, Math.max(1, Math.floor((1000 * reading.vcpus) / reading.pcpus) / 1000)),
      );
      const before = { wantedRatio, stirredAt: milliseconds(NOW - since) };
      for (const forecast of [null, { peak: 0, deviation: 0 }])
        assert.deepEqual(nextRatio(before, reading, forecast, SETTINGS, CALM), before);
    }),
  );
});

test("guests that boot hide nothing that is not theirs: others that suffer beside them, and others that need the pool themselves", () => {
  const small = { ...quiet, freshVcpus: 1, bootingVcpus: 1, usagePcpus: 2, waitPcpus: 1 };
  assert.ok(!bootsMayDelay(small), "one vCPU takes one pCPU of ten at most");
  assert.ok(nextRatio(memory, small, null, SETTINGS, CALM).wantedRatio <= 30 / 11);
  const full = { ...quiet, freshVcpus: 6, bootingVcpus: 6, usagePcpus: 9.5, waitPcpus: 8 };
  assert.equal(
    nextRatio(memory, full, null, SETTINGS, CALM).wantedRatio,
    2.608,
    "9.5 pCPUs, and 2 that were sold to those who boot",
  );
});
