/** The move that would make room: it does, nothing cheaper does, and none is told only where none does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { afterDeparture, afterPlacement } from "../../src/core/placement/after.js";
import { chooseHost } from "../../src/core/placement/choose.js";
import { type Movable, moveThatMakesRoom } from "../../src/core/placement/making-room.js";
import { type HostSummary, NO_CONSTRAINTS, type VmShape } from "../../src/core/placement/model.js";
import { createPlacer } from "../../src/core/placement/placer.js";
import { rulesOf } from "../../src/core/placement/rules.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { host, shape } from "./random.js";

const RULES = rulesOf(WEIGHTS.headroom);

interface World {
  readonly hosts: readonly HostSummary[];
  readonly movable: readonly Movable[];
}

/** Hosts of 32 pCPUs and 128 GiB, each with as many of its VMs as fit. */
function worldOf(wanted: readonly (readonly VmShape[])[]): World {
  const placed = wanted.map((shapes, place) => {
    let summary = host(`h${place}`);
    const here = shapes.filter((one) => {
      if (chooseHost(RULES, [summary], one) === null) return false;
      summary = afterPlacement(summary, one);
      return true;
    });
    return { summary, here };
  });
  const movable = placed.flatMap(({ summary, here }) =>
    here.map(
      (one, place): Movable => ({
        name: `${summary.id}-${place}`,
        host: summary,
        shape: one,
        constraints: NO_CONSTRAINTS,
        staying: here.filter((_, other) => other !== place),
        exclude: () => new Set([summary.id]),
      }),
    ),
  );
  return { hosts: placed.map(({ summary }) => summary), movable };
}

const placerOf = (hosts: readonly HostSummary[]) => {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  for (const one of hosts) placer.upsertHost(one);
  return placer;
};

/** By plain scans: whether the VM can go elsewhere, and its host then takes the one that is asked for. */
const helps = ({ hosts }: World, { host: from, shape: own, staying }: Movable, asked: VmShape): boolean =>
  chooseHost(RULES, [afterDeparture(from, own, null, staying)], asked) !== null &&
  chooseHost(RULES, hosts, own, NO_CONSTRAINTS, new Set([from.id])) !== null;

test("the move that is told makes room, and is the cheapest that does; none is told only where none does", () => {
  const size = fc.record({
    vcpus: fc.integer({ min: 1, max: 12 }),
    gib: fc.integer({ min: 1, max: 48 }),
    at: fc.integer({ min: 1, max: 3 }),
  });
  const sizes = size.map(({ vcpus, gib, at }) => shape(vcpus, gib, at));
  let [told, none] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(fc.array(sizes, { maxLength: 10 }), { minLength: 1, maxLength: 4 }),
      sizes,
      (wanted, asked) => {
        const world = worldOf(wanted);
        const move = moveThatMakesRoom(placerOf(world.hosts), world.movable, asked, NO_CONSTRAINTS);
        const helping = world.movable.filter((one) => helps(world, one, asked));
        if (move === null) none++;
        else told++;
        assert.equal(move === null, helping.length === 0);
        if (move === null) return;
        const moved = helping.find(({ name }) => name === move.vm);
        assert.ok(moved !== undefined && moved.host.id === move.from && move.to !== move.from);
        assert.ok(helping.every((one) => one.shape.memoryMiB >= moved.shape.memoryMiB));
      },
    ),
    { numRuns: 200, seed: 7 },
  );
  assert.ok(told > 20 && none > 20, `${told} moves, ${none} times none`);
});

test("a VM that may go nowhere else makes no room", () => {
  const world = worldOf([[shape(20, 8), shape(8, 8)], [shape(20, 8)]]);
  const asked = shape(10, 8);
  assert.equal(chooseHost(RULES, world.hosts.slice(0, 1), asked), null);
  const placer = placerOf(world.hosts.slice(0, 1).concat(afterPlacement(host("h1"), shape(23, 8))));
  const one = (exclude: readonly string[]) =>
    moveThatMakesRoom(
      placer,
      world.movable.slice(1, 2).map((vm) => ({ ...vm, exclude: () => new Set(exclude) })),
      asked,
      NO_CONSTRAINTS,
    );
  assert.deepEqual(one(["h0"]), { vm: "h0-1", from: "h0", to: "h1" });
  assert.equal(one(["h0", "h1"]), null);
});
