/** Small arenas against brute force: no assignment is better by the order that the balancer promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldOf } from "../../src/core/balance/board.js";
import { solveExactly } from "../../src/core/balance/exact.js";
import { type Arena, EVEN_PCPUS } from "../../src/core/balance/model.js";
import { cheapestAssignment } from "../../src/core/balance/relabel.js";
import fc from "../support/property.js";
import { arenaOf, conflicts, deviation, loadsOf } from "./arenas.js";

/** Every assignment within the borders. */
function* assignments(arena: Arena, at: number[] = []): Generator<readonly number[]> {
  const next = arena.vcpus[at.length];
  if (next === undefined) {
    yield [...at];
    return;
  }
  for (const to of next.allowed ?? arena.pcpus.keys()) {
    at.push(to);
    yield* assignments(arena, at);
    at.pop();
  }
}

interface Measured {
  readonly conflicts: number;
  readonly deviation: number;
  readonly exits: number;
  readonly changes: number;
}

function measure(arena: Arena, at: readonly number[]): Measured {
  const count = (holds: (index: number) => boolean): number => at.filter((_, index) => holds(index)).length;
  return {
    conflicts: conflicts(arena, at),
    deviation: deviation(loadsOf(arena, at)),
    exits: count((i) => arena.vcpus[i]!.homeCell !== null && arena.pcpus[at[i]!]!.cell !== arena.vcpus[i]!.homeCell),
    changes: count((i) => arena.vcpus[i]!.at !== null && arena.vcpus[i]!.at !== at[i]),
  };
}

const arenas = fc.integer({ min: 2, max: 4 }).chain((pcpus) =>
  fc
    .record({
      vcpus: fc.array(
        fc.record({
          // Few different demands make ties; many make none.
          demandPcpus: fc.oneof(fc.constantFrom(0, 0.25, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })),
          at: fc.option(fc.nat(pcpus - 1)),
          vm: fc.constantFrom("a", "b", "c", "d", "e", "f"),
          bound: fc.integer({ min: 0, max: 9 }),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      background: fc.array(fc.constantFrom(0, 0, 0.3), { minLength: pcpus, maxLength: pcpus }),
      split: fc.boolean(),
    })
    .map(({ vcpus, background, split }) => {
      const cells = background.map((_, pcpu) => (split && pcpu >= pcpus / 2 ? 1 : 0));
      return arenaOf(
        pcpus,
        vcpus.map(({ bound, ...vcpu }, index) => ({
          ...vcpu,
          vcpu: index,
          homeCell: vcpu.at === null ? null : cells[vcpu.at]!,
          // One in ten may use only one or two of the pCPUs.
          allowed: bound === 0 ? [...new Set([index % pcpus, (index + 1) % pcpus])] : null,
        })),
        { cells, background },
      );
    }),
);

test("a small arena gets the evenest assignment, and of equally even ones the one that moves least", () => {
  fc.assert(
    fc.property(arenas, (arena) => {
      const all = [...assignments(arena)].map((at) => measure(arena, at));
      const fewestConflicts = Math.min(...all.map((one) => one.conflicts));
      const separate = all.filter((one) => one.conflicts === fewestConflicts);
      const evenest = Math.min(...separate.map((one) => one.deviation));
      const equallyEven = separate.filter((one) => one.deviation <= evenest + EVEN_PCPUS + 1e-7);
      const fewestExits = Math.min(...equallyEven.map((one) => one.exits));
      // Borders may leave a vCPU out of the pCPU where it is: then it has to go, and counts as placed.
      const inside = (index: number) => {
        const { at, allowed } = arena.vcpus[index]!;
        return at !== null && (allowed === null || allowed.includes(at));
      };
      const forced = arena.vcpus.filter((vcpu, index) => vcpu.at !== null && !inside(index)).length;
      const fewestChanges = Math.min(
        ...equallyEven.filter((one) => one.exits === fewestExits).map((one) => one.changes),
      );
      const solution = solveExactly(fieldOf(arena));
      assert.ok(solution !== null, "it is small enough");
      const found = measure(arena, [...solution]);
      assert.equal(found.conflicts, fewestConflicts, "VMs over themselves");
      assert.ok(found.deviation <= evenest + EVEN_PCPUS + 1e-6, `${found.deviation} where ${evenest} can be had`);
      assert.equal(found.exits, fewestExits, "vCPUs away from their cell");
      assert.equal(found.changes - forced, fewestChanges - forced, "moves");
    }),
    { numRuns: 300 },
  );
});

test("the assignment of groups to pCPUs is the cheapest of all", () => {
  const matrices = fc
    .integer({ min: 1, max: 5 })
    .chain((n) => fc.array(fc.integer({ min: -9, max: 9 }), { minLength: n * n, maxLength: n * n }));
  fc.assert(
    fc.property(matrices, (costs) => {
      const n = Math.sqrt(costs.length);
      const found = [...cheapestAssignment(Float64Array.from(costs), n)];
      assert.deepEqual(
        [...found].sort((a, b) => a - b),
        found.map((_, i) => i),
        "each column once",
      );
      const cost = (columns: readonly number[]) =>
        columns.reduce((sum, column, row) => sum + costs[row * n + column]!, 0);
      const cheapest = Math.min(...permutations(n).map(cost));
      assert.equal(cost(found), cheapest);
    }),
  );
});

function permutations(n: number): readonly (readonly number[])[] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}
