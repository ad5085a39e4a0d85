/** What sizing promises of itself: rooms are exact, bounds are below every policy, moves lose nothing, and the search finds the least. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { BestHosts } from "../../src/core/sizing/best-hosts.js";
import { configurationBound } from "../../src/core/sizing/configuration-lp.js";
import { Hosts } from "../../src/core/sizing/hosts.js";
import { demandAfter, gridFor, kindsOf } from "../../src/core/sizing/kinds.js";
import { bestPacking, bestValues } from "../../src/core/sizing/knapsack.js";
import { columnsOf, type SizedVm, type VmColumns } from "../../src/core/sizing/model.js";
import { movesWithin } from "../../src/core/sizing/moves.js";
import { firstFit } from "../../src/core/sizing/policies/first-fit.js";
import { javaArgmax, paper } from "../../src/core/sizing/policies/progress.js";
import { type Policy, runPass } from "../../src/core/sizing/run.js";
import { fewestHosts } from "../../src/core/sizing/search.js";
import { type SharedSize, sizeWorkload, tooLarge } from "../../src/core/sizing/size.js";
import { peaks, volumeBound } from "../../src/core/sizing/volume.js";
import { mib, ratio } from "../../src/core/units.js";
import { highsSolver } from "../../src/drivers/highs/solver.js";
import fc from "../support/property.js";
import { experiment, HOST, vm } from "./worlds.js";

const solver = highsSolver();
after(() => solver.close());

/** By the words of the rule, from the VMs themselves. */
function used(vms: readonly SizedVm[]): number {
  const at = (wanted: number): readonly SizedVm[] => vms.filter((one) => one.ratio === wanted);
  const sold = (some: readonly SizedVm[]): number => some.reduce((sum, one) => sum + one.vcpus, 0);
  const alone = (level: number): number =>
    at(level).length < 2 ? sold(at(level)) : Math.ceil(sold(at(level)) / level);
  const both = [...at(2), ...at(3)];
  const merged = both.length < 2 ? sold(both) : Math.ceil(sold(both) / 2);
  return sold(at(1)) + Math.min(alone(2) + alone(3), merged);
}

const anyVm = fc.record({
  vcpus: fc.constantFrom(1, 2, 4, 8, 16),
  memoryMiB: fc.constantFrom(1024, 2048, 7168, 15_360),
  level: fc.constantFrom(1, 2, 3),
});

test("a host's room is exactly what the rule leaves, through arrivals and departures", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyVm, fc.boolean()), { maxLength: 40 }), (steps) => {
      const all = steps.map(([each], place) => vm(String(place), each.vcpus, each.memoryMiB, each.level));
      const columns = columnsOf([...all, vm("one", 1, 1, 1), vm("two", 1, 1, 2), vm("three", 1, 1, 3)]);
      const hosts = new Hosts(1, HOST, columns);
      const here: number[] = [];
      for (const [place, [, leaves]] of steps.entries()) {
        const one = all[place]!;
        const there = here.map((each) => all[each]!);
        const fits = used([...there, one]) <= 32 && one.memoryMiB <= hosts.freeMemoryMiB[0]!;
        assert.equal(hosts.fits(0, columns.level[place]!, one.vcpus, one.memoryMiB), fits);
        assert.equal(hosts.firstFit(0, columns.level[place]!, one.vcpus, one.memoryMiB), fits ? 0 : -1);
        if (fits) {
          hosts.add(0, columns, place);
          here.push(place);
        }
        if (leaves && here.length > 0) hosts.remove(0, columns, here.shift()!);
        assert.equal(hosts.usedPcpus[0], used(here.map((each) => all[each]!)));
      }
    }),
  );
});

test("a host's room is what a try of every size finds, at ratios of any value", () => {
  const anyAt = fc.tuple(fc.constantFrom(1, 2, 3, 5, 9), fc.constantFrom(1, 1.2, 1.5, 2.6, 4));
  fc.assert(
    fc.property(fc.array(fc.tuple(anyAt, fc.boolean()), { minLength: 1, maxLength: 30 }), (steps) => {
      const columns = columnsOf(steps.map(([[vcpus, at]], place) => vm(String(place), vcpus, 1, at)));
      const hosts = new Hosts(1, HOST, columns);
      const here: number[] = [];
      for (const [place, [, leaves]] of steps.entries()) {
        const level = columns.level[place]!;
        for (let vcpus = 1; vcpus <= 32; vcpus++)
          assert.equal(hosts.fits(0, level, vcpus, 1), hosts.usedWith(0, level, vcpus) <= 32, `${vcpus} vCPUs`);
        if (hosts.fits(0, level, columns.vcpus[place]!, 1)) {
          hosts.add(0, columns, place);
          here.push(place);
        }
        if (leaves && here.length > 0) hosts.remove(0, columns, here.shift()!);
      }
    }),
    { numRuns: 40 },
  );
});

/** By a look at each host, the first of those that score highest. */
const byLooking = (score: (hosts: Hosts, host: number, one: number, all: VmColumns) => number): Policy => ({
  begin: (all, hosts) => (one) => {
    let [best, highest] = [-1, Number.NEGATIVE_INFINITY];
    for (let host = 0; host < hosts.open; host++) {
      if (!hosts.fits(host, all.level[one]!, all.vcpus[one]!, all.memoryMiB[one]!)) continue;
      const each = score(hosts, host, one, all);
      if (each > highest) [best, highest] = [host, each];
    }
    return best;
  },
});

describe("finding the best host", () => {
  // Few hosts are looked at one by one, many are kept in tournaments.
  for (const [initial, mix] of [
    [500, [25, 50, 25]],
    [2_500, [25, 25, 50]],
  ] as const)
    test(`finds what a look at each finds, ${initial} VMs`, () => {
      const columns = columnsOf(experiment("ovhcloud2023", mix, 7, initial));
      const fullest = (hosts: Hosts, host: number, one: number, all: VmColumns): number =>
        // Coarse, so that many are equal.
        Math.floor((hosts.usedMemoryMiB[host]! + all.memoryMiB[one]!) / 4096) +
        hosts.usedWith(host, all.level[one]!, all.vcpus[one]!);
      const kept: Policy = {
        begin(all, hosts) {
          const firstOf = new Int32Array(all.needs.count);
          for (let one = all.count - 1; one >= 0; one--) firstOf[all.need[one]!] = one;
          const best = new BestHosts(all, hosts, (need, host) => fullest(hosts, host, firstOf[need]!, all));
          return (one) => best.best(all.need[one]!);
        },
      };
      for (const limit of [Number.POSITIVE_INFINITY, Math.ceil(initial / 7.9)]) {
        const pass = (policy: Policy) => runPass(columns, HOST, limit, policy);
        assert.deepEqual(pass(firstFit), pass(byLooking(() => 0)));
        assert.deepEqual(pass(kept), pass(byLooking(fullest)));
      }
    });
});

test("blocks of hosts hide no host whose room grew because a VM came to share pCPUs", () => {
  const columns = columnsOf(experiment("ovhcloud2023", [75, 0, 25], 1));
  const byBlocks: Policy = {
    begin: (all, hosts) => (one) => hosts.firstFit(0, all.level[one]!, all.vcpus[one]!, all.memoryMiB[one]!),
  };
  const pass = (policy: Policy) => runPass(columns, HOST, Number.POSITIVE_INFINITY, policy);
  assert.deepEqual(pass(byBlocks), pass(byLooking(() => 0)));
  assert.deepEqual(pass(firstFit), pass(byBlocks));
});

test("a search finds what whole passes with every number find", () => {
  const columns = columnsOf(experiment("ovhcloud2023", [25, 25, 50], 3));
  const from = volumeBound(columns, HOST);
  for (const policy of [firstFit, paper, javaArgmax]) {
    let hosts = from;
    while (runPass(columns, HOST, hosts, policy).refused !== null) hosts++;
    const found = fewestHosts({ vms: columns, shape: HOST, policies: [policy], from });
    assert.equal(found.hosts, hosts);
    assert.deepEqual(found.pass.placement, runPass(columns, HOST, hosts, policy).placement);
    assert.deepEqual(found.refusedWithOneLess, runPass(columns, HOST, hosts - 1, policy).refused);
  }
});

test("events come in order of time, arrivals before releases, in order of submission", () => {
  const { events } = columnsOf([
    vm("a", 1, 1, 1, 10, 15),
    vm("b", 1, 1, 1, 0, 10),
    vm("c", 1, 1, 1, 15),
    vm("d", 1, 1, 1, 15),
  ]);
  assert.deepEqual(Array.from(events), [1, 0, 2, 3, ~1, ~0, ~2, ~3]);
});

test("a VM that leaves blocks arrivals of the same moment", () => {
  const columns = columnsOf([vm("a", 32, 1, 1, 0, 360), vm("b", 32, 1, 1, 360), vm("c", 1, 1, 1, 0)]);
  assert.equal(runPass(columns, HOST, 2, firstFit).refused?.vm, 1);
  assert.equal(runPass(columns, HOST, 3, firstFit).refused, null);
});

test("the knapsack's value is the best of all packings, and its packing is worth it", () => {
  const kind = fc.record({ width: fc.integer({ min: 1, max: 4 }), height: fc.integer({ min: 0, max: 4 }) });
  const priced = fc.array(fc.tuple(kind, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(priced, (items) => {
      const grid = { width: 7, height: 6 };
      const kinds = items.map(([each]) => each);
      const prices = items.map(([, price]) => price);
      const best = (width: number, height: number): number =>
        kinds.reduce((most, each, place) => {
          if (each.width > width || each.height > height) return most;
          return Math.max(most, prices[place]! + best(width - each.width, height - each.height));
        }, 0);
      const values = bestValues(grid, kinds, prices);
      assert.equal(values[values.length - 1], best(grid.width, grid.height));
      const counts = bestPacking(grid, kinds, prices, values);
      const sum = (of: (place: number) => number): number =>
        counts.reduce((total, count, at) => total + count * of(at), 0);
      assert.equal(
        sum((place) => prices[place]!),
        values[values.length - 1],
      );
      assert.ok(
        sum((place) => kinds[place]!.width) <= grid.width && sum((place) => kinds[place]!.height) <= grid.height,
      );
    }),
  );
});

test("the knapsack, row by row, finds to the last bit what a look at each kind in each cell finds", () => {
  const kind = fc.record({ width: fc.integer({ min: 0, max: 5 }), height: fc.integer({ min: 0, max: 5 }) });
  const price = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(fc.tuple(kind, price), { maxLength: 6 }), (items) => {
      const grid = { width: 9, height: 11 };
      const plain: number[][] = [];
      for (let width = 0; width <= grid.width; width++) {
        const row: number[] = [];
        plain.push(row);
        for (let height = 0; height <= grid.height; height++) {
          let best = Math.max(0, row[height - 1] ?? 0, plain[width - 1]?.[height] ?? 0);
          for (const [each, worth] of items)
            if (each.width <= width && each.height <= height)
              best = Math.max(best, (plain[width - each.width]![height - each.height] ?? 0) + worth);
          row.push(best);
        }
      }
      const values = bestValues(
        grid,
        items.map(([each]) => each),
        items.map(([, worth]) => worth),
      );
      assert.deepEqual(Array.from(values), plain.flat());
    }),
  );
});

describe("bounds", () => {
  test("volume: what is wanted at once, over what a host has", () => {
    assert.equal(volumeBound(columnsOf([]), HOST), 0);
    assert.equal(volumeBound(columnsOf([vm("a", 32, 1), vm("b", 32, 1, 2), vm("c", 32, 1, 2)]), HOST), 2);
    assert.equal(volumeBound(columnsOf([vm("a", 1, 100_000), vm("b", 1, 100_000)]), HOST), 2);
    assert.equal(volumeBound(columnsOf([vm("a", 32, 1, 1, 0, 355), vm("b", 32, 1, 1, 400)]), HOST), 1);
  });

  test("configurations: VMs of 20 pCPUs do not share a host of 32, whatever the volume says", async () => {
    const columns = columnsOf(Array.from({ length: 10 }, (_, place) => vm(String(place), 20, 1024)));
    const kinds = kindsOf(columns, HOST);
    const bound = await configurationBound(kinds, demandAfter(columns, kinds, 9), solver.solve);
    assert.equal(volumeBound(columns, HOST), 7);
    assert.equal(bound.hosts, 10);
    assert.ok(Math.abs(bound.prices[0]! - 1) < 1e-6);
  });

  test("are below first fit for inventories of any ratios and sizes", async () => {
    const anything = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 60_000 }), fc.constantFrom(1, 1.5, 2.6, 4)),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(anything, async (rows) => {
        const columns = columnsOf(rows.map(([vcpus, memory, at], place) => vm(String(place), vcpus, memory, at)));
        const kinds = kindsOf(columns, HOST);
        const { event } = peaks(columns, HOST)[0]!;
        const { hosts } = await configurationBound(kinds, demandAfter(columns, kinds, event), solver.solve);
        const needed = runPass(columns, HOST, 40, firstFit).hostsUsed;
        assert.ok(hosts <= needed && volumeBound(columns, HOST) <= needed, `${hosts} > ${needed}`);
      }),
      { numRuns: 10 },
    );
  });

  test("a grid holds what hosts hold, and stays small", () => {
    const fine = columnsOf([vm("a", 3, 1000.5, 2.6), vm("b", 1, 777, 1.3)]);
    const grid = gridFor(fine, { pcpus: 256, memoryMiB: mib(1_048_576) });
    assert.ok(grid.width <= 384 && grid.height <= 512, JSON.stringify(grid));
    assert.deepEqual(gridFor(columnsOf([vm("a", 1, 2048, 3), vm("b", 1, 7168, 2)]), HOST), { width: 192, height: 128 });
  });
});

test("moves make room that was not there, lose no VM and overfill no host", () => {
  const vms = experiment("ovhcloud2023", [25, 25, 50], 4);
  const columns = columnsOf(vms);
  const need = fewestHosts({ vms: columns, shape: HOST, policies: [firstFit], from: volumeBound(columns, HOST) }).hosts;
  let [least, moves] = [need, 0];
  for (const hosts of [need - 1]) {
    const makeRoom = movesWithin(columns, 2, () => moves++);
    const checked = runPass(columns, HOST, hosts, firstFit, (one, table, hostOf) => {
      const host = makeRoom(one, table, hostOf);
      const memory = new Float64Array(table.opened);
      for (const [each, where] of hostOf.entries()) if (where >= 0) memory[where]! += columns.memoryMiB[each]!;
      assert.ok(
        memory.every((each, where) => each === table.usedMemoryMiB[where]),
        "a VM is lost, or counted twice",
      );
      // pCPUs may be overfull for a while: of two VMs that shared some, one has left (hosts.ts).
      assert.ok(
        memory.every((each) => each <= HOST.memoryMiB),
        "a host is overfull",
      );
      const fits = (where: number): boolean =>
        table.fits(where, columns.level[one]!, columns.vcpus[one]!, columns.memoryMiB[one]!);
      assert.ok(host < 0 || fits(host), "there is no room after all");
      return host;
    });
    if (checked.refused === null) least = hosts;
  }
  assert.ok(moves > 0);
  assert.equal(least, need - 1);
});

test("two moves free a host that one cannot", () => {
  // Two hosts of 32: a and c on the first, b and d on the second; only after two moves there is room for e.
  const hostFor = new Map([
    ["a", 0],
    ["b", 1],
    ["c", 0],
    ["d", 1],
  ]);
  const vms = [vm("a", 16, 1), vm("b", 12, 1), vm("c", 8, 1), vm("d", 12, 1), vm("e", 16, 1)];
  const columns = columnsOf(vms);
  const asTold: Policy = { begin: () => (one) => hostFor.get(vms[one]!.id) ?? -1 };
  const moved: number[] = [];
  const pass = (limit: number) =>
    runPass(
      columns,
      HOST,
      2,
      asTold,
      movesWithin(columns, limit, (one) => moved.push(one)),
    );
  assert.equal(pass(1).refused, null);
  assert.deepEqual(
    moved.map((one) => vms[one]!.id),
    ["c"],
  );
});

test("a sizing of the experiment: ours is never above first fit, nothing is below the bounds", async () => {
  for (const [name, mix] of [
    ["ovhcloud2023", [0, 100, 0]],
    ["azure2017", [50, 25, 25]],
  ] as const) {
    const vms = experiment(name, mix, 5);
    const policies = ["first-fit", "dedicated", "headroom"] as const;
    const report = await sizeWorkload({ vms, shape: HOST, policies, migrations: 0, solve: solver.solve });
    const hosts = (policy: (typeof policies)[number]): number => report.policies.get(policy)!.hosts;
    const least = Math.max(report.lowerBound.volume, report.lowerBound.configurationLp);
    assert.ok(least <= hosts("headroom") && hosts("headroom") <= hosts("first-fit"));
    const ours = report.policies.get("headroom") as SharedSize;
    assert.equal(ours.placement.length, vms.length);
    assert.ok(ours.placement.every((host) => host >= 0 && host < ours.hosts));
    if (name === "azure2017") continue;
    const again = await sizeWorkload({ vms, shape: HOST, policies, migrations: 0, solve: solver.solve });
    assert.deepEqual(again.policies.get("headroom"), ours);
  }
});

test("no VMs need no hosts; one that no host takes is found", async () => {
  const report = await sizeWorkload({
    vms: [],
    shape: HOST,
    policies: ["headroom", "dedicated"],
    migrations: 2,
    solve: solver.solve,
  });
  assert.equal(report.policies.get("headroom")?.hosts, 0);
  assert.deepEqual(report.policies.get("dedicated"), { hosts: 0, byRatio: [] });
  assert.equal(tooLarge([vm("a", 4, 1), vm("b", 33, 1)], HOST)?.id, "b");
  assert.equal(tooLarge([vm("a", 32, 131_072, 3)], HOST), null);
});

test("ratios of any value are sized", async () => {
  const vms = Array.from({ length: 60 }, (_, place) => vm(String(place), 4, 2048, [1, 1.5, 2.6, 4][place % 4]!));
  const report = await sizeWorkload({
    vms,
    shape: HOST,
    policies: ["first-fit", "headroom"],
    migrations: 1,
    solve: solver.solve,
  });
  assert.ok(report.policies.get("headroom")!.hosts >= report.lowerBound.volume);
  assert.ok(vms.every((one) => one.ratio >= ratio(1)));
});
