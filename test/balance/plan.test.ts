/** What a plan promises: even loads, borders kept, few moves, and nothing at all where nothing is to be gained. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type Arena,
  BALANCED_PCPUS,
  EVEN_PCPUS,
  LEAST_GAIN_PCPUS,
  LEAST_GROWTH_PCPUS,
} from "../../src/core/balance/model.js";
import { planArena } from "../../src/core/balance/plan.js";
import fc from "../support/property.js";
import { after, arenaOf, conflicts, deviation, loadsOf, random, type VcpuOf } from "./arenas.js";

const planned = (arena: Arena) => {
  const plan = planArena(arena);
  const at = after(arena, plan.moves);
  const loads = loadsOf(arena, at);
  return { ...plan, at, loads, evenness: deviation(loads) };
};
const repeat = (count: number, vcpu: (index: number) => VcpuOf) => Array.from({ length: count }, (_, i) => vcpu(i));

describe("the course's cases, 2 vCPUs on each pCPU", () => {
  for (const [vcpus, pcpus] of [
    [4, 2],
    [8, 4],
    [16, 8],
    [64, 32],
    [512, 256],
  ] as const) {
    test(`${vcpus} on ${pcpus}: equal loads, 2 on each, stay`, () => {
      const arena = arenaOf(
        pcpus,
        repeat(vcpus, (i) => ({ demandPcpus: 0.5, at: i % pcpus })),
      );
      assert.deepEqual(planArena(arena).moves, []);
    });

    test(`${vcpus} on ${pcpus}: equal loads, all on pCPU 0, are spread by as many moves as must leave it`, () => {
      const plan = planned(
        arenaOf(
          pcpus,
          repeat(vcpus, () => ({ demandPcpus: 0.5, at: 0 })),
        ),
      );
      assert.ok(plan.loads.every((load) => Math.abs(load - 1) < 1e-9));
      assert.equal(plan.moves.length, vcpus - 2);
    });

    test(`${vcpus} on ${pcpus}: heavy and light ones that are pinned nowhere become one of each on each`, () => {
      const plan = planned(
        arenaOf(
          pcpus,
          repeat(vcpus, (i) => ({ demandPcpus: i % 2 === 0 ? 1 : 0.5 })),
        ),
      );
      assert.ok(plan.loads.every((load) => Math.abs(load - 1.5) < 1e-9));
      assert.equal(plan.moves.length, vcpus);
    });
  }

  test("3 heavy ones on 2 pCPUs cannot be split evenly, and stay as they are", () => {
    for (const demands of [
      [1, 1, 1],
      [0.99, 1, 0.985],
      [0.6, 0.61, 0.59],
    ])
      assert.deepEqual(
        planArena(
          arenaOf(
            2,
            demands.map((demandPcpus, i) => ({ demandPcpus, at: i % 2 })),
          ),
        ).moves,
        [],
      );
  });

  test("a heavy one that becomes idle costs one exchange", () => {
    const demands = [1, 1, 1, 0.02, 0.5, 0.5, 0.5, 0.5];
    const plan = planned(
      arenaOf(
        4,
        demands.map((demandPcpus, i) => ({ demandPcpus, at: i % 4 })),
      ),
    );
    assert.ok(plan.evenness <= deviation(loadsOf(arenaOf(1, []), [])) + 0.25, `${plan.evenness}`);
    assert.ok(plan.moves.length <= 2, `${plan.moves.length} moves`);
  });
});

describe("what is balanced or cannot be better is left alone", () => {
  test("a deviation of 5 points is balanced", () => {
    const arena = arenaOf(2, [
      { demandPcpus: 0.55, at: 0 },
      { demandPcpus: 0.45, at: 1 },
    ]);
    assert.equal(planArena(arena).verdict, "balanced");
  });

  test("a gain of less than 3 points moves nobody", () => {
    const plan = (light: number) =>
      planArena(
        arenaOf(2, [
          { demandPcpus: 0.6, at: 0 },
          { demandPcpus: light, at: 0 },
          { demandPcpus: 0.4, at: 1 },
        ]),
      );
    assert.equal(plan(LEAST_GAIN_PCPUS - 0.005).verdict, "no-gain");
    assert.deepEqual(plan(LEAST_GAIN_PCPUS + 0.005).moves, [{ index: 1, to: 1 }]);
  });

  test("what was left alone stays so until it has grown, or is known better", () => {
    const vcpus = [0.6, 0.08, 0.4].map((demandPcpus, i) => ({ demandPcpus, at: i === 2 ? 1 : 0 }));
    const verdict = (deviationPcpus: number, marginPcpus: number) =>
      planArena(arenaOf(2, vcpus, { leftAlone: { deviationPcpus, marginPcpus } })).verdict;
    const { deviation, margin } = planArena(arenaOf(2, vcpus));
    assert.equal(verdict(deviation - LEAST_GROWTH_PCPUS / 2, margin), "no-gain");
    assert.equal(verdict(deviation - 2 * LEAST_GROWTH_PCPUS, margin), "moves");
    assert.equal(verdict(deviation, 2 * margin), "moves");
  });

  test("what noise alone would show moves nobody, and the same loads known for certain do", () => {
    const vcpus = repeat(8, (i) => ({ demandPcpus: 0.5 + (i === 0 || i === 4 ? 0.1 : 0), at: i % 4 }));
    assert.equal(planArena(arenaOf(4, vcpus)).verdict, "moves");
    const noisy = vcpus.map((vcpu) => ({ ...vcpu, errorPcpus: 0.05 }));
    assert.equal(planArena(arenaOf(4, noisy)).verdict, "no-gain");
  });

  test("noise does not hide loads that are far from even", () => {
    const vcpus = repeat(8, (i) => ({ demandPcpus: 0.5, at: i < 6 ? 0 : 1, errorPcpus: 0.07 }));
    assert.equal(planArena(arenaOf(4, vcpus)).verdict, "moves");
  });

  test("nothing to move, nowhere to go, one pCPU: no moves", () => {
    assert.equal(planArena(arenaOf(4, [])).verdict, "empty");
    assert.equal(planArena({ ...arenaOf(0, []), vcpus: [] }).verdict, "empty");
    const alone = arenaOf(
      1,
      repeat(3, () => ({ demandPcpus: 1, at: 0 })),
    );
    assert.deepEqual(planArena(alone).moves, []);
  });
});

describe("borders", () => {
  test("fewer vCPUs than pCPUs get one each", () => {
    const plan = planned(
      arenaOf(
        8,
        repeat(3, () => ({ demandPcpus: 0.9, at: 0 })),
      ),
    );
    assert.deepEqual([...plan.loads].sort(), [0, 0, 0, 0, 0, 0.9, 0.9, 0.9]);
    assert.equal(plan.moves.length, 2);
  });

  test("vCPUs of one VM get pCPUs of their own", () => {
    const arena = arenaOf(
      4,
      repeat(8, (i) => ({ demandPcpus: 0.5, at: 0, vm: `vm-${i >> 2}`, vcpu: i & 3 })),
    );
    const plan = planned(arena);
    assert.equal(conflicts(arena, plan.at), 0);
    assert.ok(plan.evenness < 1e-9);
  });

  test("a vCPU that is pinned to several pCPUs is pinned where it ran, when that is as good", () => {
    const plan = planned(
      arenaOf(4, [
        { demandPcpus: 0.5, ranOn: 3 },
        { demandPcpus: 0.5, ranOn: 1 },
      ]),
    );
    assert.deepEqual(plan.at, [3, 1]);
  });

  test("a new VM is placed without moving the others of a balanced host", () => {
    const vcpus = [...repeat(8, (i) => ({ demandPcpus: 0.5, at: i % 4 })), { demandPcpus: 0.3 }];
    assert.equal(planArena(arenaOf(4, vcpus)).moves.length, 1);
  });

  const large = fc.record({
    seed: fc.integer(),
    pcpus: fc.constantFrom(6, 16, 40),
    perPcpu: fc.double({ min: 0.3, max: 5, noNaN: true }),
  });
  const cellOf = (pcpu: number, pcpus: number) => Math.floor((2 * pcpu) / pcpus);

  /** VMs of 1 to 4 vCPUs anywhere, some bound to a third of the pCPUs, some pinned nowhere. */
  function randomArena(seed: number, pcpus: number, perPcpu: number): Arena {
    const draw = random(seed);
    const whole = (below: number) => Math.floor(draw() * below);
    const third = Array.from({ length: Math.ceil(pcpus / 3) }, (_, i) => i);
    const vcpus: VcpuOf[] = [];
    for (let vm = 0; vcpus.length < pcpus * perPcpu; vm++) {
      const allowed = whole(5) === 0 ? third : null;
      for (let vcpu = 0, count = 1 + whole(4); vcpu < count; vcpu++) {
        const at = whole(4) === 0 ? null : (allowed?.[whole(allowed.length)] ?? whole(pcpus));
        vcpus.push({
          vm: `vm-${vm}`,
          vcpu,
          demandPcpus: draw(),
          at,
          allowed,
          homeCell: at === null ? null : cellOf(at, pcpus),
        });
      }
    }
    return arenaOf(pcpus, vcpus, { cells: Array.from({ length: pcpus }, (_, p) => cellOf(p, pcpus)) });
  }

  /** Pairs on one pCPU of VMs that have places enough. */
  function avoidable(arena: Arena, at: readonly (number | null)[]): number {
    const sizes = new Map<string, number>();
    for (const { vm } of arena.vcpus) sizes.set(vm, (sizes.get(vm) ?? 0) + 1);
    const roomy = arena.vcpus.map(({ vm, allowed }) => sizes.get(vm)! <= (allowed ?? arena.pcpus).length);
    return conflicts(
      arena,
      at.map((to, index) => (roomy[index] ? to : null)),
    );
  }

  /**
   * Planning what was planned moves nobody. Where loads cannot be balanced, and the arena is too large to try everything, it
   * may find something better, but only by what a move is worth, and not again and again.
   */
  function assertSettles(arena: Arena, at: readonly number[], pcpus: number): void {
    let now = at;
    for (let turn = 0; ; turn++) {
      const next: Arena = {
        ...arena,
        vcpus: arena.vcpus.map((vcpu, i) => ({ ...vcpu, at: now[i]!, homeCell: cellOf(now[i]!, pcpus) })),
      };
      const again = planned(next);
      if (again.moves.length === 0) return;
      assert.ok(again.deviation > BALANCED_PCPUS && again.deviation - again.evenness >= LEAST_GAIN_PCPUS - 1e-9);
      assert.ok(turn < 2, "it goes on and on");
      now = again.at as readonly number[];
    }
  }

  test("any arena: everybody has one place inside its borders, no new VM over itself, never less even, and settled", () => {
    fc.assert(
      fc.property(large, ({ seed, pcpus, perPcpu }) => {
        const arena = randomArena(seed, pcpus, perPcpu);
        const plan = planned(arena);
        for (const [index, at] of plan.at.entries()) {
          const allowed = arena.vcpus[index]!.allowed;
          assert.ok(at !== null && at < pcpus && (allowed === null || allowed.includes(at)), `vCPU ${index} at ${at}`);
        }
        assert.equal(new Set(plan.moves.map((move) => move.index)).size, plan.moves.length, "each moves once");
        assert.ok(
          plan.moves.every(({ index, to }) => arena.vcpus[index]!.at !== to),
          "no move to where one is",
        );
        assert.ok(
          avoidable(arena, plan.at) <=
            avoidable(
              arena,
              arena.vcpus.map((vcpu) => vcpu.at),
            ),
          "no VM over itself that was not",
        );
        assert.ok(Math.abs(plan.evenness - plan.plannedDeviation) < 1e-6, "the deviation is the one that it says");
        assertSettles(arena, plan.at as readonly number[], pcpus);
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test("any arena: no single move can be taken back and leave the loads as even", () => {
    fc.assert(
      fc.property(large, ({ seed, pcpus, perPcpu }) => {
        const made = randomArena(seed, pcpus, perPcpu);
        const arena = arenaOf(
          pcpus,
          made.vcpus.map((vcpu, i) => ({ demandPcpus: vcpu.demandPcpus, at: vcpu.at ?? i % pcpus })),
        );
        const plan = planned(arena);
        if (plan.moves.length === 0) return;
        const best = plan.evenness;
        for (const { index } of plan.moves) {
          const back = [...plan.at];
          back[index] = arena.vcpus[index]!.at;
          assert.ok(deviation(loadsOf(arena, back)) > best, "taking it back is no gain");
          assert.ok(best <= BALANCED_PCPUS || deviation(loadsOf(arena, back)) > best + EVEN_PCPUS / 10);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  test("a NUMA cell is left only where the host cannot be balanced otherwise", () => {
    const cells = [0, 0, 0, 0, 1, 1, 1, 1];
    const inside = repeat(16, (i) => ({ demandPcpus: 0.5, at: i < 8 ? 0 : 4, homeCell: i < 8 ? 0 : 1 }));
    const even = arenaOf(8, inside, { cells });
    const plan = planned(even);
    assert.ok(plan.evenness < 1e-9);
    assert.ok(
      plan.at.every((at, i) => cells[at!] === even.vcpus[i]!.homeCell),
      "all stay in their cell",
    );
    const crowded = arenaOf(
      8,
      repeat(16, (i) => ({ demandPcpus: 0.5, at: i % 4, homeCell: 0 })),
      { cells },
    );
    const spread = planned(crowded);
    assert.ok(spread.evenness <= BALANCED_PCPUS);
    assert.equal(spread.moves.length, 8, "half of them leave, and nobody moves inside a cell");
  });

  test("a VM whose memory may be anywhere gets pCPUs of one cell", () => {
    const cells = [0, 0, 0, 0, 1, 1, 1, 1];
    const arena = arenaOf(
      8,
      repeat(8, (i) => ({ demandPcpus: 0.5, vm: `vm-${i >> 2}`, vcpu: i & 3 })),
      { cells },
    );
    const plan = planned(arena);
    for (const vm of [0, 1]) assert.equal(new Set(plan.at.slice(4 * vm, 4 * vm + 4).map((at) => cells[at!])).size, 1);
  });
});

test("the order in which vCPUs are listed changes no deviation", () => {
  const draw = random(3);
  const vcpus = repeat(40, (i) => ({ vm: `vm-${i}`, demandPcpus: draw(), at: i % 3 }));
  const one = planArena(arenaOf(8, vcpus));
  const other = planArena(arenaOf(8, [...vcpus].reverse()));
  assert.ok(Math.abs(one.plannedDeviation - other.plannedDeviation) < EVEN_PCPUS);
});
