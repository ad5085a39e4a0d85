/** A VM that no host takes: told which moves would make room, and with a budget of moves they are made first; what fails leaves everything as it was. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import { RoomBudget } from "../../src/scheduler/room-budget.js";
import { accepted, refused } from "./answers.js";
import type { Cluster } from "./cluster.js";
import { ASKED, ask, BUDGET, begun, nearlyFull, only, sized, told, twoInTheWay, whereIs } from "./nearly-full.js";

describe("without a budget", () => {
  test("it is told of the live move that would make room, and refused, and nothing is moved", async () => {
    const cluster = await nearlyFull();
    const { chosen, makesRoom } = cluster.scheduler.explain(ASKED);
    const moves = [{ vm: "small", from: "h1", to: "h2" }];
    assert.deepEqual([chosen, makesRoom], [null, { host: "h1", moves, automatic: false }]);
    assert.equal(cluster.scheduler.explain({ ...ASKED, vcpus: 3 }).makesRoom, null, "there is room for it");
    assert.equal(cluster.scheduler.explain({ ...ASKED, ...only("h2") }).makesRoom, null, "no room is made elsewhere");
    assert.equal(refused(await ask(cluster)).code, "no-host-fits");
    assert.deepEqual(
      cluster.scheduler.eventsOf("asked").map(({ kind }) => kind),
      ["vm-refused"],
    );
    await cluster.advance(60_000);
    assert.equal(whereIs(cluster, "small"), "h1");
    // As it was told.
    accepted(await cluster.run(cluster.scheduler.cordon("h1")));
    accepted(await cluster.run(cluster.scheduler.drain("h1")));
    for (let ms = 0; ms < 60_000 && whereIs(cluster, "small") === "h1"; ms += 5_000) await cluster.advance(5_000);
    assert.equal(whereIs(cluster, "small"), "h2");
    cluster.checkSettled();
  });

  test("it is told of no move where the VM that is in the way may be on no other host", async () => {
    const cluster = await nearlyFull({}, only("h1"));
    assert.equal(cluster.scheduler.explain(ASKED).makesRoom, null);
  });
});

describe("with a budget", () => {
  test("the move is made, then the VM is placed; events say what was done for whom", async () => {
    const cluster = await nearlyFull(BUDGET);
    assert.equal(cluster.scheduler.explain(ASKED).makesRoom?.automatic, true);
    const before = cluster.scheduler.vm("small");
    assert.equal(accepted(await ask(cluster)).host, "h1");
    const after = cluster.scheduler.vm("small");
    assert.deepEqual([after?.host, after?.uuid, after?.ratio], ["h2", before?.uuid, before?.ratio]);
    const [wanted, made, placed] = told(cluster, "asked");
    assert.match(wanted!, /^room-wanted: .*1 live move: small from h1 to h2/);
    assert.match(made!, /^room-made: .*small from h1 to h2/);
    assert.match(placed!, /^vm-placed: /);
    assert.match(told(cluster, "small").join("\n"), /vm-moving: from h1 to h2, to make room for asked/);
    await cluster.settle();
    cluster.checkSettled();
  });

  test("nobody else gets the room meanwhile, neither that which is made nor that where the VM goes", async () => {
    const cluster = await nearlyFull(BUDGET);
    const answer = cluster.scheduler.deploy(ASKED);
    await cluster.clock.advance(300);
    const thief = { vcpus: 2, ratio: ratio(1) };
    for (const host of ["h1", "h2"])
      assert.equal(refused(await cluster.deploy(`thief-${host}`, { ...thief, ...only(host) })).code, "no-host-fits");
    assert.equal(accepted(await cluster.run(answer)).host, "h1");
    await cluster.settle();
    cluster.checkSettled();
  });

  test("asked again under the same id while moves are made, it gets the same answer, and nothing more is moved", async () => {
    const cluster = await nearlyFull(BUDGET);
    const answers = [begun(cluster), cluster.scheduler.deploy(ASKED)];
    const vms = await cluster.run(Promise.all(answers));
    assert.equal(accepted(vms[0]!).uuid, accepted(vms[1]!).uuid);
    assert.equal(accepted(await ask(cluster)).uuid, accepted(vms[0]!).uuid);
    const moves = cluster.scheduler.eventsAfter(0).filter(({ kind }) => kind === "vm-moved");
    assert.equal(moves.length, 1);
  });

  test("two moves, one after the other, where one does not do", async () => {
    const cluster = await twoInTheWay();
    const request = { ...ASKED, vcpus: 7 };
    assert.equal(cluster.scheduler.explain(request).makesRoom?.moves.length, 2);
    assert.equal(accepted(await ask(cluster, request)).host, "h1");
    assert.deepEqual([whereIs(cluster, "a"), whereIs(cluster, "b")].sort(), ["h2", "h3"]);
    await cluster.settle();
    cluster.checkSettled();
  });

  test("a VM that was to be moved, and is removed before its turn, has made room", async () => {
    const cluster = await twoInTheWay();
    const answer = cluster.scheduler.deploy({ ...ASKED, vcpus: 7 });
    await cluster.clock.advance(300);
    const [second] = ["a", "b"].filter((name) => cluster.scheduler.vm(name)?.state !== "migrating");
    accepted(await cluster.remove(second!));
    assert.equal(accepted(await cluster.run(answer)).host, "h1");
    await cluster.settle();
    cluster.checkSettled();
  });

  test("a VM that fits nowhere, whatever moved, moves nothing", async () => {
    const cluster = await nearlyFull(BUDGET);
    assert.equal(refused(await ask(cluster, { ...ASKED, vcpus: 9 })).code, "no-host-fits");
    assert.equal(
      refused(await ask(cluster, { ...ASKED, requestId: "m", memoryMiB: mib(20_000) })).code,
      "no-host-fits",
    );
    assert.deepEqual(
      cluster.scheduler.eventsOf("asked").map(({ kind }) => kind),
      ["vm-refused", "vm-refused"],
    );
  });
});

describe("a VM that wants another size than its host has room for", () => {
  const resize = (cluster: Cluster, vcpus: number) =>
    cluster.run(cluster.scheduler.resize({ name: "large", vcpus, restart: true }));

  test("gets it once another VM has moved; without a budget it is refused", async () => {
    const [without, cluster] = [await nearlyFull(), await nearlyFull(BUDGET)];
    assert.equal(refused(await resize(without, 7)).code, "no-cpu-capacity");
    assert.equal(whereIs(without, "small"), "h1");
    const { vcpus, host } = accepted(await resize(cluster, 7));
    assert.deepEqual([vcpus, host, whereIs(cluster, "small")], [7, "h1", "h2"]);
    await cluster.settle();
    cluster.checkSettled();
    assert.equal(refused(await cluster.deploy("two", sized("h1", 2))).code, "no-host-fits");
    accepted(await cluster.deploy("one", sized("h1", 1)));
  });

  test("nobody else gets the room meanwhile, and a size that no move helps moves nothing", async () => {
    const cluster = await nearlyFull(BUDGET);
    assert.equal(refused(await resize(cluster, 9)).code, "vm-larger-than-host");
    accepted(await cluster.deploy("fixed", sized("h1", 1)));
    assert.equal(refused(await resize(cluster, 8)).code, "no-cpu-capacity");
    assert.equal(whereIs(cluster, "small"), "h1");
    const answer = cluster.scheduler.resize({ name: "large", vcpus: 6, restart: true });
    await cluster.clock.advance(300);
    assert.equal(cluster.scheduler.vm("small")?.state, "migrating");
    assert.equal(refused(await cluster.deploy("thief", sized("h1", 1))).code, "no-host-fits");
    assert.equal(accepted(await cluster.run(answer)).vcpus, 6);
    accepted(await cluster.deploy("rest", sized("h1", 1)));
    await cluster.settle();
    cluster.checkSettled();
  });

  test("keeps its own where the move fails, and is told why", async () => {
    const cluster = await nearlyFull(BUDGET, { image: "/images/debian.qcow2" });
    const { code, reason } = refused(await resize(cluster, 7));
    assert.equal(code, "no-cpu-capacity");
    assert.match(reason, /small stays on h1: .*folders that all hosts share/);
    assert.equal(cluster.scheduler.vm("large")?.vcpus, 3);
    await cluster.settle();
    cluster.checkSettled();
  });
});

describe("a storm of refusals", () => {
  test("moves no more than is allowed in an hour, and says so", async () => {
    const cluster = await nearlyFull({ ...BUDGET, migrationsPerHour: 1 });
    accepted(await ask(cluster));
    accepted(await cluster.remove("asked"));
    accepted(await cluster.remove("small"));
    accepted(await cluster.run(cluster.scheduler.cordon("h2")));
    accepted(await cluster.deploy("small", { vcpus: 2, ratio: ratio(1) }));
    accepted(await cluster.run(cluster.scheduler.uncordon("h2")));
    const again = { ...ASKED, requestId: "m" };
    assert.match(refused(await ask(cluster, again)).reason, /room may be made by 1 live move in an hour/);
    assert.equal(whereIs(cluster, "small"), "h1");
  });

  test("is looked at once in a while, and moves again when the hour is over", () => {
    const budget = new RoomBudget({ migrationsPerHour: 2, roomMakersAtOnce: 1 });
    const at = milliseconds;
    for (const now of [0, 1_800_000]) budget.setMovesAside(1).begin(at(now));
    assert.deepEqual(
      [1_800_000, 3_599_999, 3_600_000, 5_400_000].map((now) => budget.movesLeft(at(now))),
      [0, 0, 1, 2],
    );
    budget.noteVain("vm", at(0));
    assert.deepEqual(
      [999, 1_000].map((now) => budget.wasVain("vm", at(now))),
      [true, false],
    );
  });

  test("sets the hour's moves aside for those that plan first: at once no more are begun than are allowed", async () => {
    const cluster = await twoInTheWay({ migrationsPerHour: 1 });
    const requests = ["x", "y"].map((name) => ({ ...ASKED, name, requestId: name, vcpus: 5 }));
    const answers = await cluster.run(Promise.all(requests.map((request) => cluster.scheduler.deploy(request))));
    assert.equal(answers.filter(({ ok }) => ok).length, 1);
    assert.equal(cluster.scheduler.moves().budget.begun, 1);
    await cluster.settle();
    cluster.checkSettled();
  });

  test("has room made for a few at once, the others are refused", async () => {
    const cluster = await nearlyFull({ ...BUDGET, roomMakersAtOnce: 1 });
    const first = begun(cluster);
    const second = refused(await ask(cluster, { ...ASKED, name: "late", requestId: "m" }));
    assert.match(second.reason, /room is being made for 1 other/);
    accepted(await cluster.run(first));
  });
});
