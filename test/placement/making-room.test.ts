/** Moves that would make room: they do, one after the other and never past what a host has; none are told only where none do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { afterDeparture, afterPlacement } from "../../src/core/placement/after.js";
import { chooseHost } from "../../src/core/placement/choose.js";
import {
  type Guest,
  movesFoundInPieces,
  movesThatMakeRoom,
  type RoomMoves,
} from "../../src/core/placement/making-room.js";
import { type HostSummary, NO_CONSTRAINTS, type VmShape } from "../../src/core/placement/model.js";
import { createPlacer } from "../../src/core/placement/placer.js";
import { rulesOf } from "../../src/core/placement/rules.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import fc from "../support/property.js";
import { host, shape } from "./random.js";

const RULES = rulesOf(WEIGHTS.headroom);
const ANYWHERE: ReadonlySet<string> = new Set();

interface World {
  readonly hosts: ReadonlyMap<string, HostSummary>;
  readonly guests: ReadonlyMap<string, readonly Guest[]>;
}

const guest = (name: string, own: VmShape, more: Partial<Guest> = {}): Guest => ({
  name,
  shape: own,
  constraints: NO_CONSTRAINTS,
  exclude: ANYWHERE,
  ...more,
});

/** Hosts of 32 pCPUs and 128 GiB, each with as many of its VMs as fit. */
function worldOf(wanted: readonly (readonly VmShape[])[], more: Partial<Guest> = {}): World {
  const hosts = new Map<string, HostSummary>();
  const guests = new Map<string, readonly Guest[]>();
  for (const [place, shapes] of wanted.entries()) {
    let summary = host(`h${place}`);
    const here = shapes.filter((one) => {
      if (chooseHost(RULES, [summary], one) === null) return false;
      summary = afterPlacement(summary, one);
      return true;
    });
    hosts.set(summary.id, summary);
    guests.set(
      summary.id,
      here.map((one, number) => guest(`${summary.id}-${number}`, one, more)),
    );
  }
  return { hosts, guests };
}

const residentsIn =
  ({ guests }: World) =>
  ({ id }: HostSummary) => ({ shapes: guests.get(id)!.map((one) => one.shape), movable: guests.get(id)! });

function planIn(world: World, asked: VmShape | Guest, limit: number): RoomMoves | null {
  const placer = createPlacer({ weights: WEIGHTS.headroom });
  for (const one of world.hosts.values()) placer.upsertHost(one);
  const wanted = "shape" in asked ? asked : guest("asked", asked);
  const plan = movesThatMakeRoom(placer, residentsIn(world), wanted, limit);
  assert.deepEqual([...placer.hosts()], [...world.hosts.values()], "planning changes nothing");
  return plan;
}

/** The moves made by plain scans: each fits where it goes while it is still counted where it was. Gives the hosts afterwards. */
function afterMoves({ hosts, guests }: World, { moves }: RoomMoves): Map<string, HostSummary> {
  const now = new Map(hosts);
  const where = new Map([...guests].map(([id, here]) => [id, [...here]]));
  for (const { vm, from, to } of moves) {
    const moved = where.get(from)!.find(({ name }) => name === vm)!;
    assert.notEqual(to, from);
    assert.notEqual(chooseHost(RULES, [now.get(to)!], moved.shape), null, `${vm} has no room on ${to}`);
    now.set(to, afterPlacement(now.get(to)!, moved.shape));
    where.get(to)!.push(moved);
    const staying = where.get(from)!.filter((one) => one !== moved);
    where.set(from, staying);
    now.set(
      from,
      afterDeparture(
        now.get(from)!,
        moved.shape,
        null,
        staying.map((one) => one.shape),
      ),
    );
    for (const { freePcpus, memoryCapacityMiB, memoryAllocatedMiB } of now.values())
      assert.ok(freePcpus >= 0 && memoryAllocatedMiB <= memoryCapacityMiB, "a host is overfull");
  }
  return now;
}

/** By plain scans: whether the VM can go elsewhere, and its host then takes the one that is asked for. */
function helps({ hosts, guests }: World, from: string, one: Guest, asked: VmShape): boolean {
  const staying = guests
    .get(from)!
    .filter((other) => other !== one)
    .map((other) => other.shape);
  const left = afterDeparture(hosts.get(from)!, one.shape, null, staying);
  if (chooseHost(RULES, [left], asked) === null) return false;
  return chooseHost(RULES, hosts.values(), one.shape, NO_CONSTRAINTS, new Set([from])) !== null;
}

const sizes = fc
  .record({
    vcpus: fc.integer({ min: 1, max: 12 }),
    gib: fc.integer({ min: 1, max: 48 }),
    at: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ vcpus, gib, at }) => shape(vcpus, gib, at));
const filling = fc.array(fc.array(sizes, { minLength: 5, maxLength: 9 }), { minLength: 2, maxLength: 4 });

describe("moves that make room", () => {
  test("one move: it makes room, and is the cheapest that does; none is told only where none does", () => {
    let [told, none] = [0, 0];
    fc.assert(
      fc.property(filling, sizes, (wanted, asked) => {
        const world = worldOf(wanted);
        fc.pre(chooseHost(RULES, world.hosts.values(), asked) === null);
        const plan = planIn(world, asked, 1);
        const helping = [...world.guests].flatMap(([from, here]) =>
          here.filter((one) => helps(world, from, one, asked)),
        );
        if (plan === null) none++;
        else told++;
        assert.equal(plan === null, helping.length === 0);
        if (plan === null) return;
        const [move] = plan.moves;
        const moved = helping.find(({ name }) => name === move?.vm);
        assert.ok(plan.moves.length === 1 && moved !== undefined && move?.from === plan.host);
        assert.ok(helping.every((one) => one.shape.memoryMiB >= moved.shape.memoryMiB));
      }),
      { numRuns: 100, seed: 7 },
    );
    assert.ok(told > 20 && none > 20, `${told} moves, ${none} times none`);
  });

  test("two moves at most: no host is overfull at any time, there is room in the end, and one is made where one does", () => {
    const counts = [0, 0, 0];
    fc.assert(
      fc.property(filling, sizes, (wanted, asked) => {
        const world = worldOf(wanted);
        fc.pre(chooseHost(RULES, world.hosts.values(), asked) === null);
        const [one, two] = [planIn(world, asked, 1), planIn(world, asked, 2)];
        counts[two?.moves.length ?? 0]!++;
        if (one !== null) assert.deepEqual(two, one);
        if (two === null) return;
        assert.ok(two.moves.length <= 2);
        assert.notEqual(chooseHost(RULES, [afterMoves(world, two).get(two.host)!], asked), null);
      }),
      { numRuns: 120, seed: 11 },
    );
    assert.ok(
      counts.every((count) => count > 1),
      `none, one, two: ${counts}`,
    );
  });

  test("the same hosts in another order, the same moves", () => {
    fc.assert(
      fc.property(filling, sizes, (wanted, asked) => {
        const world = worldOf(wanted);
        const turned = { ...world, hosts: new Map([...world.hosts].reverse()) };
        assert.deepEqual(planIn(turned, asked, 2), planIn(world, asked, 2));
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  test("in pieces the same moves, and where hosts changed in between, moves that hold afterwards or none", async () => {
    const counts = { moves: 0, none: 0, pauses: 0 };
    const property = fc.asyncProperty(filling, sizes, fc.boolean(), async (wanted, asked, loses) => {
      const world = worldOf(wanted);
      fc.pre(chooseHost(RULES, world.hosts.values(), asked) === null);
      const placer = createPlacer({ weights: WEIGHTS.headroom });
      for (const one of world.hosts.values()) placer.upsertHost(one);
      const before = planIn(world, asked, 2);
      // The host that was to take the first VM is closed, or goes.
      const lost = before?.moves[0]?.to ?? "h0";
      const pause = async (): Promise<void> => {
        if (counts.pauses++ % 2 === 0) return;
        if (loses) placer.removeHost(lost);
        else placer.upsertHost({ ...world.hosts.get(lost)!, cordoned: true });
      };
      const inPieces = await movesFoundInPieces(placer, residentsIn(world), guest("asked", asked), 2, pause, 1);
      const hosts = new Map([...placer.hosts()].map((one) => [one.id, one]));
      if ([...hosts.values()].every((one) => one === world.hosts.get(one.id)) && hosts.size === world.hosts.size)
        assert.deepEqual(inPieces, before);
      counts[inPieces === null ? "none" : "moves"]++;
      if (inPieces === null) return;
      const after = afterMoves({ hosts, guests: world.guests }, inPieces);
      assert.notEqual(chooseHost(RULES, [after.get(inPieces.host)!], asked), null);
    });
    await fc.assert(property, { numRuns: 100, seed: 5 });
    assert.ok(counts.moves > 10 && counts.none > 20 && counts.pauses > 80, JSON.stringify(counts));
  });

  test("one after another: a VM goes to a host from which another has to go first", () => {
    const world = worldOf([[shape(26, 8), shape(6, 8)], [shape(26, 100), shape(4, 8)], [shape(28, 100)]]);
    const asked = shape(5, 60);
    assert.equal(planIn(world, asked, 1), null);
    const moves = [
      { vm: "h1-1", from: "h1", to: "h2" },
      { vm: "h0-1", from: "h0", to: "h1" },
    ];
    assert.deepEqual(planIn(world, asked, 2), { host: "h0", moves });
    assert.notEqual(chooseHost(RULES, [afterMoves(world, { host: "h0", moves }).get("h0")!], asked), null);
  });

  test("a VM that may go nowhere else makes no room, nor does any for a VM that no empty host would take", () => {
    const filled = [[shape(20, 8), shape(8, 8)], [shape(23, 8)]];
    const move = { vm: "h0-1", from: "h0", to: "h1" };
    assert.deepEqual(planIn(worldOf(filled), shape(10, 8), 2), { host: "h0", moves: [move] });
    assert.equal(planIn(worldOf(filled, { exclude: new Set(["h1"]) }), shape(10, 8), 2), null);
    assert.equal(planIn(worldOf(filled), shape(33, 1), 2), null);
    assert.equal(planIn(worldOf(filled), guest("asked", shape(10, 8), { exclude: new Set(["h0"]) }), 1), null);
    const labelled = { ...NO_CONSTRAINTS, labels: { zone: "b" } };
    assert.equal(planIn(worldOf(filled), guest("asked", shape(10, 8), { constraints: labelled }), 2), null);
  });

  test("a VM leaves for one that must not share its host", () => {
    const group = { ...NO_CONSTRAINTS, antiAffinityGroup: "db" };
    const world = worldOf([[shape(2, 2)], [shape(2, 2)], [shape(31, 8)]]);
    const hosts = new Map<string, HostSummary>(
      [...world.hosts].map(([id, one]) => [id, { ...one, antiAffinityGroups: ["db"] }]),
    );
    hosts.set("h2", world.hosts.get("h2")!);
    const guests = new Map<string, readonly Guest[]>(
      [...world.guests].map(([id, here]) => [
        id,
        here.map((one) => guest(one.name, one.shape, { constraints: group })),
      ]),
    );
    guests.set("h2", world.guests.get("h2")!);
    const asked = guest("asked", shape(4, 2), { constraints: group });
    assert.equal(planIn({ hosts, guests }, asked, 2), null, "its like have nowhere to go");
    hosts.set("h2", { ...hosts.get("h2")!, freePcpus: 4 });
    assert.equal(planIn({ hosts, guests }, asked, 1)?.moves.length, 1);
  });
});
