/** What each vCPU of a fake host gets: never more than it wants or the host has, and nothing is left idle that is wanted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuSet, cpuSetOf, parseCpuSet, unionCpuSets } from "../../src/core/cpuset.js";
import { shareFairly, shareStructure } from "../../src/drivers/fake/fair-share.js";
import fc from "../support/property.js";

function share(pins: readonly CpuSet[], wanted: readonly number[]): Float64Array {
  const granted = new Float64Array(pins.length);
  shareFairly(shareStructure(pins), Float64Array.from(wanted), granted);
  return granted;
}

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);
const rounded = (values: Iterable<number>): number[] => [...values].map((value) => Math.round(value * 1000) / 1000);

test("vCPUs that fit on their pCPUs get all they want", () => {
  const set = parseCpuSet("0-1");
  assert.deepEqual([...share([set, set, set], [0.5, 1, 0.25])], [0.5, 1, 0.25]);
});

test("a crowded set is split evenly, and who wants less than its share gets what it wants", () => {
  const set = parseCpuSet("0-1");
  assert.deepEqual(rounded(share([set, set, set, set], [0.2, 1, 1, 1])), [0.2, 0.6, 0.6, 0.6]);
});

test("sets that do not touch do not disturb each other", () => {
  const crowded = parseCpuSet("0");
  const calm = parseCpuSet("1");
  assert.deepEqual(rounded(share([crowded, crowded, calm], [1, 1, 0.7])), [0.5, 0.5, 0.7]);
});

test("equal sets share although they are different objects", () => {
  assert.deepEqual(rounded(share([parseCpuSet("3"), parseCpuSet("3")], [1, 1])), [0.5, 0.5]);
});

test("an unpinned vCPU keeps away from the crowded pCPUs", () => {
  const pool = parseCpuSet("0");
  const everywhere = parseCpuSet("0-3");
  const granted = share([pool, everywhere, everywhere], [1, 1, 1]);
  assert.ok(granted[0]! > 0.98, `the pinned vCPU got ${granted[0]}`);
  assert.ok(granted[1]! > 0.98, `an unpinned vCPU got ${granted[1]}`);
});

test("a pool that lends its pCPUs and the one that borrows them share them by head when both are full", () => {
  const own = parseCpuSet("0-3");
  const wide = parseCpuSet("0-5");
  const granted = share([...Array(8).fill(own), ...Array(4).fill(wide)], Array(12).fill(1));
  // 12 vCPUs on 6 pCPUs, and nobody is confined to less than half a pCPU a head: half each is fair.
  for (const value of granted) assert.ok(Math.abs(value - 0.5) < 0.1, `one of twelve got ${value} of its fair half`);
});

test("a vCPU that may run nowhere gets nothing", () => {
  assert.deepEqual([...share([cpuSetOf([]), parseCpuSet("0")], [1, 1])], [0, 1]);
});

/** Up to five groups with any sets over eight pCPUs, a few vCPUs each. */
const groups = fc.array(
  fc.record({
    pcpus: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 8 }).map(cpuSetOf),
    wanted: fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 6 }),
  }),
  { minLength: 1, maxLength: 5 },
);

/** Every choice among `count` things, as positions. */
const choices = (count: number): number[][] =>
  Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_, i) => i).filter((i) => bits & (1 << i)),
  );

test("nobody gets more than it wants, no set of pCPUs gives more than it has, and almost nothing stays idle", () => {
  fc.assert(
    fc.property(groups, (made) => {
      const pins = made.flatMap((group) => group.wanted.map(() => group.pcpus));
      const wanted = made.flatMap((group) => group.wanted.map((percent) => percent / 100));
      const granted = share(pins, wanted);
      for (const [i, value] of granted.entries()) assert.ok(value >= 0 && value <= wanted[i]! + 1e-9);
      // Hall's theorem on groups: what is confined to a union fits in it; and the best total is the smallest cut.
      let best = Number.POSITIVE_INFINITY;
      for (const chosen of choices(made.length)) {
        const union = new Set(unionCpuSets(...chosen.map((i) => made[i]!.pcpus)));
        const confined = pins.map((set) => set.every((id) => union.has(id)));
        const inside = sum(granted.filter((_, i) => confined[i]));
        assert.ok(inside <= union.size + 1e-9, `${inside} pCPUs' worth on ${union.size} pCPUs`);
        best = Math.min(best, union.size + sum(wanted.filter((_, i) => !confined[i])));
      }
      assert.ok(sum(granted) >= 0.93 * best - 1e-9, `${sum(granted)} of ${best} possible pCPUs are used`);
    }),
    { numRuns: 2000 },
  );
});

test("sets that touch no others are shared by max-min fairness exactly", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 12 }),
      (pcpus, percents) => {
        const set = cpuSetOf(Array.from({ length: pcpus }, (_, id) => id));
        const wanted = percents.map((percent) => percent / 100);
        const granted = share(
          wanted.map(() => set),
          wanted,
        );
        assert.ok(Math.abs(sum(granted) - Math.min(pcpus, sum(wanted))) < 1e-9);
        const level = Math.max(...granted);
        for (const [i, value] of granted.entries()) {
          const content = Math.abs(value - wanted[i]!) < 1e-12;
          assert.ok(content || value >= level - 1e-12, "one got less than another and less than it wanted");
        }
      },
    ),
  );
});
