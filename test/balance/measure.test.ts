/** From counters to demands: what is measured, what is noise, and what makes no sense. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type DemandEstimate, errorOf, firstEstimate, nextEstimate } from "../../src/core/balance/demand.js";
import { type DomainCounters, keyOf, type Observation, observe } from "../../src/core/balance/measure.js";
import { random } from "./arenas.js";

const ms = (value: number): bigint => BigInt(Math.round(value * 1e6));
const vcpu = (timeMs: number, delayMs: number | null = 0, index = 0, online = true) => ({
  index,
  online,
  timeNs: ms(timeMs),
  delayNs: delayMs === null ? null : ms(delayMs),
});
const domain = (uuid: string, ...vcpus: DomainCounters["vcpus"]): DomainCounters => ({ uuid, vcpus });

/** Observes readings a second apart. */
function watch(...readings: readonly (readonly DomainCounters[])[]): Observation {
  let seen: Observation | null = null;
  for (const [second, reading] of readings.entries()) seen = observe(seen, reading, second * 1000);
  return seen!;
}
const demand = (seen: Observation, uuid = "a", index = 0) => seen.demands.get(keyOf(uuid, index))?.meanPcpus ?? null;

describe("a demand is time that ran and time that waited, over wall time", () => {
  test("one reading says nothing, two do", () => {
    assert.equal(demand(watch([domain("a", vcpu(500))])), null);
    assert.equal(demand(watch([domain("a", vcpu(500))], [domain("a", vcpu(750))])), 0.25);
  });

  test("who shares a full pCPU with seven others wants all of it", () => {
    assert.equal(demand(watch([domain("a", vcpu(0, 0))], [domain("a", vcpu(125, 875))])), 1);
  });

  test("it is at most one pCPU, and usage alone where waiting is not told", () => {
    assert.equal(demand(watch([domain("a", vcpu(0, 0))], [domain("a", vcpu(700, 900))])), 1);
    assert.equal(demand(watch([domain("a", vcpu(0, null))], [domain("a", vcpu(300, null))])), 0.3);
    assert.equal(demand(watch([domain("a", vcpu(0, 0))], [domain("a", vcpu(300, null))])), 0.3);
  });

  test("each vCPU has its own; one that is offline has none", () => {
    const seen = watch(
      [domain("a", vcpu(0), vcpu(0, 0, 1), vcpu(0, 0, 2, false))],
      [domain("a", vcpu(100), vcpu(900, 0, 1), vcpu(0, 0, 2, false))],
    );
    assert.deepEqual(
      [0, 1, 2].map((index) => demand(seen, "a", index)),
      [0.1, 0.9, null],
    );
  });
});

describe("readings that make no sense", () => {
  const steady = [[domain("a", vcpu(0))], [domain("a", vcpu(500))], [domain("a", vcpu(1000))]] as const;

  test("a counter that went back is a guest that started anew", () => {
    assert.equal(demand(watch(...steady, [domain("a", vcpu(20))])), null);
    assert.equal(demand(watch(...steady, [domain("a", vcpu(20))], [domain("a", vcpu(320))])), 0.3);
  });

  test("another uuid under any name is another guest", () => {
    assert.equal(demand(watch(...steady, [domain("b", vcpu(5000))]), "b"), null);
  });

  test("more time than has passed changes nothing", () => {
    assert.equal(demand(watch(...steady, [domain("a", vcpu(9_999_000))])), 0.5);
    assert.equal(demand(watch([domain("a", vcpu(0))], [domain("a", vcpu(9_999_000))])), null);
  });

  test("no time between two readings, or less than none, changes nothing", () => {
    const seen = watch(...steady);
    for (const atMs of [2000, 2100, 1500]) {
      const next = observe(seen, [domain("a", vcpu(1500))], atMs);
      assert.equal(next.fresh, false);
      assert.equal(demand(next), 0.5);
      assert.equal(demand(observe(next, [domain("a", vcpu(1500))], 3000)), 0.5, "the window is not cut");
    }
  });

  test("statistics that stand still are not idle guests, until they have for long", () => {
    const still = [domain("a", vcpu(1000))];
    const seen = watch(...steady, still, still);
    assert.equal(seen.fresh, false);
    assert.equal(demand(seen), 0.5);
    const on = observe(seen, [domain("a", vcpu(2500))], 5000);
    assert.ok(on.fresh);
    assert.equal(demand(on), 0.5, "measured over the time since they last moved");
    assert.equal(demand(watch(...steady, still, still, still, still)), 0, "believed");
  });

  test("an idle host may stand still", () => {
    const idle = [domain("a", vcpu(0))];
    const seen = watch(idle, idle, idle);
    assert.ok(seen.fresh);
    assert.equal(demand(seen), 0);
  });
});

/** Feeds readings into an estimate. */
function learn(readings: Iterable<number>, common = 0): DemandEstimate {
  let estimate: DemandEstimate | null = null;
  for (const reading of readings)
    estimate = estimate ? nextEstimate(estimate, reading, common) : firstEstimate(reading);
  return estimate!;
}

describe("levels and noise", () => {
  const noisyAround = (mean: number, width: number, count: number, seed: number) => {
    const draw = random(seed);
    return Array.from({ length: count }, () => mean + width * (2 * draw() - 1));
  };

  test("noise is averaged out, and known", () => {
    for (const width of [0.02, 0.1, 0.3]) {
      const estimate = learn(noisyAround(0.5, width, 40, 7));
      const deviation = width / Math.sqrt(3);
      assert.ok(Math.abs(estimate.meanPcpus - 0.5) < deviation, `mean ${estimate.meanPcpus} at width ${width}`);
      assert.ok(
        estimate.noisePcpus > deviation / 2 && estimate.noisePcpus < deviation * 2,
        `${estimate.noisePcpus} for ${deviation}`,
      );
      assert.ok(errorOf(estimate, 0) < Math.max(0.01, estimate.noisePcpus), "the mean is surer than a reading");
    }
  });

  test("a load that changes is a new level at once, also after noise", () => {
    for (const [width, to] of [
      [0, 0.6],
      [0.02, 1],
      [0.05, 1],
    ] as const) {
      const estimate = learn([...noisyAround(0.5, width, 20, 3), to]);
      assert.equal(estimate.meanPcpus, to, `width ${width}`);
      assert.equal(estimate.readings, 1);
    }
  });

  test("a level that is left the way it came was noise", () => {
    const flapping = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 0.2 : 0.8));
    const estimate = learn(flapping);
    assert.ok(Math.abs(estimate.meanPcpus - 0.5) < 0.1, `${estimate.meanPcpus}`);
    assert.ok(estimate.noisePcpus > 0.2, `${estimate.noisePcpus}`);
  });

  test("what all vCPUs do for more than one reading is noise for a new one too", () => {
    assert.equal(learn([0.4, 0.6]).readings, 1, "alone it is a change");
    assert.equal(learn([0.4, 0.6], 0.1).readings, 2);
  });

  test("the noise of a host lasts when it is seen twice; loads that change together are not noise", () => {
    const names = ["a", "b", "c", "d", "e"];
    const draw = random(5);
    const timesMs = new Map(names.map((name) => [name, 0]));
    const readingOf = (load: () => number) =>
      names.map((name) => {
        timesMs.set(name, timesMs.get(name)! + 1000 * load());
        return domain(name, vcpu(timesMs.get(name)!));
      });
    let seen: Observation | null = null;
    let second = 0;
    const see = (load: () => number): Observation => {
      seen = observe(seen, readingOf(load), second++ * 1000);
      return seen;
    };
    for (let i = 0; i < 5; i++) see(() => 0.1);
    assert.ok(see(() => 0.1).noise.typicalPcpus < 0.001);
    const changed = see(() => 0.9);
    assert.ok(changed.noise.lastPcpus > 0.3 && changed.noise.lastingPcpus < 0.01);
    assert.ok(changed.noise.typicalPcpus < 0.1, "one reading counts for little");
    assert.ok(see(() => 0.9).noise.typicalPcpus < 0.01, "and is over with the next");
    for (let i = 0; i < 6; i++) see(() => 0.3 + 0.6 * draw());
    assert.ok(seen!.noise.lastingPcpus > 0.05, `${seen!.noise.lastingPcpus}`);
  });
});
