/** What becomes of it when something fails while room is made (docs/decisions/0019): nothing is lost, no VM is twice, room is used or given back, and moves count once. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import { OperationalError } from "../../src/ports/errors.js";
import { NotLeader } from "../../src/scheduler/service.js";
import { accepted, refused } from "./answers.js";
import type { Cluster } from "./cluster.js";
import { ASKED, ask, BUDGET, begun, nearlyFull, sized, told, twoInTheWay, whereIs } from "./nearly-full.js";

describe("a move that fails", () => {
  test("leaves everything as it was; the refusal says why, and the same is not tried at once again", async () => {
    const cluster = await nearlyFull(BUDGET, { image: "/images/debian.qcow2" });
    const { reason } = refused(await ask(cluster));
    assert.match(reason, /room for it could not be made: small stays on h1: .*folders that all hosts share/);
    assert.equal(whereIs(cluster, "small"), "h1");
    assert.match(told(cluster, "asked").join("\n"), /room-not-made: .*folders that all hosts share/);
    await cluster.settle();
    cluster.checkSettled();
    assert.doesNotMatch(refused(await ask(cluster, { ...ASKED, requestId: "m" })).reason, /small/);
    accepted(await cluster.deploy("two", sized("h2", 2)));
    accepted(await cluster.deploy("three", sized("h1", 3)));
  });

  test("by taking too long is ended, and the room is anybody's again", async () => {
    const cluster = await nearlyFull({ ...BUDGET, roomPatience: milliseconds(5_000) }, { memoryMiB: mib(12_000) });
    const since = cluster.clock.monotonic();
    assert.match(refused(await ask(cluster)).reason, /not done within 5 s/);
    assert.ok(cluster.clock.monotonic() - since < 8_000);
    assert.equal(whereIs(cluster, "small"), "h1");
    await cluster.settle();
    cluster.checkSettled();
    accepted(await cluster.deploy("two", sized("h2", 2)));
  });

  test("since nobody answers goes on by itself afterwards, and the VM is once", async () => {
    const cluster = await nearlyFull({ ...BUDGET, roomPatience: milliseconds(4_000) });
    const answer = begun(cluster);
    cluster.machine(1).reachable = false;
    assert.match(refused(await cluster.run(answer)).reason, /small stays on h1: .*and goes on/);
    cluster.machine(1).reachable = true;
    await cluster.advance(60_000);
    cluster.checkSettled();
    assert.equal(whereIs(cluster, "small"), "h2", "it had gone by then");
    assert.equal(accepted(await ask(cluster, { ...ASKED, requestId: "m" })).host, "h1");
  });
});

/** The room that was looked for is anybody's: a VM of 3 fits on h1, one of 2 on h2. */
async function assertRoomIsFree(cluster: Cluster): Promise<void> {
  await cluster.settle();
  cluster.checkSettled();
  accepted(await cluster.deploy("two", sized("h2", 2)));
  accepted(await cluster.deploy("three", sized("h1", 3)));
}

/** By somebody on the host itself: the scheduler hears of it later. */
async function takeBehindItsBack(cluster: Cluster, host: string, vcpus: number): Promise<void> {
  const thief = { requestId: "t", name: "thief", vcpus, memoryMiB: mib(1024), ratio: ratio(1), image: null };
  const answer = await cluster.run(cluster.at(`http://${host}:8099`).agent!.deploy(thief));
  assert.ok(answer.ok);
}

describe("whatever fails, nothing is lost, no VM is twice, and room is used or given back", () => {
  test("the other host refuses: the VM stays, and with moves left room is made elsewhere", async () => {
    const cluster = await nearlyFull(BUDGET);
    await cluster.run(cluster.machine(2).agent!.cordon(true));
    const { reason } = refused(await ask(cluster));
    assert.match(reason, /small stays on h1: h2: /);
    await cluster.run(cluster.machine(2).agent!.cordon(false));
    await assertRoomIsFree(cluster);

    const two = await twoInTheWay();
    // Five more fit on h1 once a, or b, has gone: the first one that is thought of goes to a host that refuses.
    const { makesRoom } = two.scheduler.explain(ASKED);
    const [first] = makesRoom!.moves;
    await two.run(two.machine(Number(first!.to.slice(1))).agent!.cordon(true));
    assert.equal(accepted(await ask(two)).host, "h1");
    assert.equal(whereIs(two, first!.vm), "h1", "it stayed");
    await two.settle();
    two.checkSettled();
    assert.equal(two.scheduler.moves().budget.begun, 2, "each move that was begun counts once");
  });

  test("the store is away when a move is to be written: no move, the request fails as any does, and the room is anybody's", async () => {
    const cluster = await nearlyFull(BUDGET);
    cluster.core.faults.push("unreachable");
    await assert.rejects(ask(cluster), (error) => {
      assert.ok(error instanceof OperationalError && error.code === "store-unreachable", String(error));
      return true;
    });
    assert.equal(whereIs(cluster, "small"), "h1");
    assert.equal(cluster.scheduler.moves().budget.begun, 1, "trouble does not become more moves");
    await assertRoomIsFree(cluster);
  });

  test("the other host dies: the VM stays, and what was reserved there is given back when it returns", async () => {
    const cluster = await nearlyFull({ ...BUDGET, roomPatience: milliseconds(4_000) }, { memoryMiB: mib(12_000) });
    const answer = begun(cluster);
    await cluster.clock.advance(300);
    cluster.machine(2).reachable = false;
    assert.match(refused(await cluster.run(answer)).reason, /small stays on h1: .*not done within 4 s/);
    assert.equal(whereIs(cluster, "small"), "h1");
    cluster.machine(2).reachable = true;
    await assertRoomIsFree(cluster);
  });

  test("the VM's own agent dies: the move is known to be over when it is back, and the VM is once", async () => {
    const cluster = await nearlyFull({ ...BUDGET, roomPatience: milliseconds(4_000) }, { memoryMiB: mib(12_000) });
    const answer = begun(cluster);
    await cluster.clock.advance(300);
    cluster.machine(1).kill();
    assert.match(refused(await cluster.run(answer)).reason, /and goes on/);
    assert.equal(cluster.scheduler.vm("small")?.state, "migrating", "nobody knows yet");
    await cluster.machine(1).start();
    await cluster.advance(60_000);
    cluster.checkSettled();
    assert.equal(cluster.scheduler.moves().budget.begun, 1);
  });

  test("the second of two moves fails: the first stays made, the request is refused, and the room is anybody's", async () => {
    const cluster = await twoInTheWay();
    const request = { ...ASKED, vcpus: 7 };
    const [first, second] = cluster.scheduler.explain(request).makesRoom!.moves;
    const answer = cluster.scheduler.deploy(request);
    await cluster.clock.advance(50);
    await takeBehindItsBack(cluster, second!.to, 1);
    const { reason } = refused(await cluster.run(answer));
    assert.match(reason, new RegExp(`${second!.vm} stays on h1: ${second!.to}: `));
    assert.deepEqual([whereIs(cluster, first!.vm), whereIs(cluster, second!.vm)], [first!.to, "h1"]);
    assert.equal(cluster.scheduler.moves().budget.begun, 2);
    await cluster.settle();
    cluster.checkSettled();
    accepted(await cluster.deploy("five", sized("h1", 5)));
  });

  test("the second of two is not begun: it counts for nothing", async () => {
    const cluster = await twoInTheWay();
    const answer = cluster.scheduler.deploy({ ...ASKED, vcpus: 7 });
    await cluster.clock.advance(50);
    const { items, waiting, budget } = cluster.scheduler.moves();
    assert.deepEqual([budget.begun, budget.planned], [1, 1]);
    assert.deepEqual(items.map(({ state }) => state).sort(), ["moving", "planned"]);
    assert.ok(items.every((item) => item.waiting === "asked" && item.reason === "to make room for asked"));
    assert.deepEqual([waiting[0]?.host, waiting[0]?.moves, waiting[0]?.made], ["h1", 2, 0]);
    const { to } = items.find(({ state }) => state === "planned")!;
    accepted(await cluster.run(cluster.scheduler.cordon(to)));
    assert.match(refused(await cluster.run(answer)).reason, /takes no VMs any more/);
    const after = cluster.scheduler.moves();
    assert.deepEqual([after.budget.begun, after.budget.planned, after.items, after.waiting], [1, 0, [], []]);
  });

  test("the VM is withdrawn meanwhile: its deploy is refused at once, the move is ended, and it is not there", async () => {
    const cluster = await nearlyFull(BUDGET, { memoryMiB: mib(12_000) });
    const answer = begun(cluster);
    await cluster.clock.advance(300);
    const since = cluster.clock.monotonic();
    const removal = cluster.scheduler.remove("asked");
    assert.match(refused(await cluster.run(answer)).reason, /; the VM was removed meanwhile$/);
    assert.equal(refused(await cluster.run(removal)).code, "unknown-vm");
    assert.ok(cluster.clock.monotonic() - since < 3_000, "nobody waits for the move");
    assert.equal(whereIs(cluster, "small"), "h1");
    await assertRoomIsFree(cluster);
  });

  test("the deploy itself is refused after the moves, or answered by nobody: the room is given back", async () => {
    const cluster = await nearlyFull(BUDGET);
    const answer = begun(cluster);
    // Somebody else's, on the host itself.
    const thief = { requestId: "t", name: "thief", vcpus: 3, memoryMiB: mib(1024), ratio: ratio(1), image: null };
    accepted((await cluster.run(cluster.machine(1).agent!.deploy(thief))) as never);
    assert.equal(refused(await cluster.run(answer)).code, "no-host-fits");
    assert.equal(whereIs(cluster, "small"), "h2");
    await cluster.settle();
    cluster.checkSettled();
    accepted(await cluster.deploy("two", sized("h1", 2)));

    const silent = await nearlyFull(BUDGET);
    silent.scheduler.subscribe(({ kind }) => {
      if (kind === "room-made") silent.machine(1).reachable = false;
    });
    await assert.rejects(ask(silent), /agent of h1 did not say/);
    silent.machine(1).reachable = true;
    await silent.advance(60_000);
    silent.checkSettled();
    if (silent.scheduler.vm("asked") === null) accepted(await ask(silent));
    assert.equal(whereIs(silent, "asked"), "h1");
  });

  test("the leader changes between two moves: the next one goes on when it is asked again, and nothing is twice", async () => {
    const cluster = await twoInTheWay();
    cluster.startScheduler();
    const request = { ...ASKED, vcpus: 7 };
    const [first] = cluster.scheduler.explain(request).makesRoom!.moves;
    const old = cluster.leader()!;
    old.scheduler.deploy(request).catch((error: unknown) => assert.ok(error instanceof NotLeader, String(error)));
    while (whereIs(cluster, first!.vm) === "h1") await cluster.clock.advance(10);
    cluster.kill(old);
    await cluster.settle();
    assert.equal(accepted(await ask(cluster, request)).host, "h1");
    await cluster.settle();
    cluster.checkSettled();
    assert.deepEqual([whereIs(cluster, "a"), whereIs(cluster, "b")].sort(), ["h2", "h3"]);
  });
});

/** More calls than moving and placing make: the last ones find the leader at its ordinary rounds. */
const MOST_CALLS = 12;

for (const [fate, when] of [
  ["kill", "before"],
  ["freeze", "after"],
] as const)
  test(`a leader's ${fate === "kill" ? "death" : "sleep"} at any call while room is made loses and doubles nothing`, async () => {
    for (let nth = 1; nth <= MOST_CALLS; nth++) {
      const cluster = await nearlyFull(BUDGET);
      cluster.startScheduler();
      const old = cluster.leader()!;
      old.process.at(nth, fate, when, () => (fate === "kill" ? cluster.kill(old) : cluster.freeze(old)));
      old.scheduler.deploy(ASKED).catch((error: unknown) => assert.ok(error instanceof NotLeader, String(error)));
      await cluster.settle();
      await cluster.thaw();
      assert.notEqual(cluster.leader()?.name, old.name, "another one leads");
      // The client got no answer, and asks again.
      assert.equal(accepted(await ask(cluster)).host, "h1");
      assert.equal(whereIs(cluster, "small"), "h2");
      await cluster.settle();
      cluster.checkSettled();
    }
  });
