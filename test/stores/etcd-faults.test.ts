/** The etcd store when servers die or freeze, and when the network fails in between. */
import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { type EtcdSettings, etcdStore } from "../../src/drivers/stores/etcd/store.js";
import type { ClusterStore, Leadership } from "../../src/ports/cluster-store.js";
import { quietLog } from "../support/quiet-log.js";
import { Committer } from "./committer.js";
import { type EtcdCluster, Line, skipWithoutEtcd, startEtcd } from "./etcd-lab.js";
import { afterwards, create, eventually, Follower, failsWith, mustCommit, never, spoken } from "./support.js";

const options = { skip: skipWithoutEtcd, concurrency: false };

let started: Promise<EtcdCluster> | null = null;
let opened = 0;
after(async () => (await started)?.stop());
/** One server for all tests that do it no harm that lasts. */
const oneServer = (): Promise<EtcdCluster> => {
  started ??= startEtcd();
  return started;
};

const newPrefix = (): string => `/faults-${++opened}/`;

function storeOn(context: TestContext, endpoints: readonly string[], more: Partial<EtcdSettings> = {}): ClusterStore {
  const settings = { endpoints, prefix: newPrefix(), leaderTtlSeconds: 2, clock: realClock(), log: quietLog() };
  const store = etcdStore({ ...settings, ...more });
  afterwards(context, () => store.close());
  return store;
}

async function lineTo(context: TestContext, port: number): Promise<Line> {
  const line = await Line.to(port);
  afterwards(context, () => line.close());
  return line;
}

/** When the leadership is lost, by this process's clock. */
const lossOf = (leader: Leadership): Promise<number> =>
  new Promise((resolve) => leader.lost.addEventListener("abort", () => resolve(performance.now())));

test("a holder that is frozen and wakes after the take-over is fenced", options, async (context) => {
  const etcd = await oneServer();
  const prefix = newPrefix();
  const committer = new Committer(context, etcd.endpoints[0]!, prefix);
  await committer.commits();
  committer.freeze();
  const store = storeOn(context, etcd.endpoints, { prefix });
  const leader = await store.campaign("two", never());
  assert.ok(leader.epoch > committer.epoch);
  const before = await store.snapshot("pairs/");
  committer.thaw();
  await committer.says("lost");
  await eventually(
    () => committer.lines.some((line) => line === "fenced" || line.startsWith("store-")),
    "it is fenced",
  );
  assert.deepEqual((await store.snapshot("pairs/")).records, before.records);
  for (const number of committer.acknowledged) {
    const found = before.records.find(({ key }) => key === `pairs/${number % 4}/left`);
    assert.ok(Number(found?.value.split(" ")[0]) >= number, `${number} was acknowledged`);
  }
});

test("a holder whose own clock stands still is fenced by etcd itself", options, async (context) => {
  const etcd = await oneServer();
  const prefix = newPrefix();
  const line = await lineTo(context, etcd.nodes[0]!.port);
  const clock = { ...realClock(), monotonic: () => milliseconds(1) };
  const deluded = storeOn(context, [line.endpoint], { prefix, clock });
  const first = await deluded.campaign("one", never());
  const revision = await mustCommit(deluded, first, create("a", "1"));
  line.set("cut");
  const store = storeOn(context, etcd.endpoints, { prefix });
  const second = await store.campaign("two", never());
  assert.ok(second.epoch > first.epoch);
  assert.ok(!first.lost.aborted, "its clock tells it nothing");
  line.set("open");
  await eventually(async () => {
    try {
      const outcome = await deluded.commit([{ kind: "replace", key: "a", value: "2", revision }], first);
      assert.deepEqual(outcome, { kind: "fenced" });
      return true;
    } catch (error) {
      failsWith("store-unreachable")(error);
      return false;
    }
  }, "etcd answers it again");
  assert.ok(first.lost.aborted);
  assert.equal((await store.get("a"))?.value, "1");
});

test("a leader that is cut off knows it before anybody else can lead", options, async (context) => {
  const etcd = await oneServer();
  const prefix = newPrefix();
  const line = await lineTo(context, etcd.nodes[0]!.port);
  const first = storeOn(context, [line.endpoint], { prefix, deadlineMs: 1_500 });
  const leader = await first.campaign("one", never());
  const second = storeOn(context, etcd.endpoints, { prefix });
  const won = second.campaign("two", never()).then(() => performance.now());
  await pause(300);
  const lost = lossOf(leader);
  line.set("cut");
  assert.ok((await lost) < (await won));
  assert.deepEqual(await first.commit([create("a", "1")], leader), { kind: "fenced" });
  assert.equal(first.status().reachable, false);
  await assert.rejects(first.get("a"), (error) => error instanceof Error && /etcd/.test(error.message));
  line.set("open");
  assert.equal(await first.get("a"), null);
  assert.equal(first.status().reachable, true);
});

test("a frozen server: the leader steps down in time, and leads again when it thaws", options, async (context) => {
  const etcd = await startEtcd();
  afterwards(context, () => etcd.stop());
  const store = storeOn(context, etcd.endpoints);
  const leader = await store.campaign("one", never());
  await mustCommit(store, leader, create("a", "1"));
  const follower = new Follower((signal) => store.watch("", { signal }));
  await eventually(() => follower.updates.length === 1, "the snapshot");
  const lost = lossOf(leader);
  await etcd.nodes[0]!.freeze();
  await assert.rejects(store.commit([create("b", "1")], leader), failsWith("store-outcome-unknown"));
  await lost;
  etcd.nodes[0]!.thaw();
  const again = await store.campaign("one", never());
  assert.ok(again.epoch > leader.epoch);
  const found = await store.get("b");
  await mustCommit(store, again, create("c", "1"));
  const expected = ["=a:1", ...(found ? ["+b:1"] : []), "+c:1"];
  await eventually(() => spoken(follower.updates).length === expected.length, "the watch goes on");
  assert.deepEqual(spoken(follower.updates), expected);
  await follower.stop();
});

test("a commit whose answer is lost is found out to have happened, once", options, async (context) => {
  const etcd = await oneServer();
  const prefix = newPrefix();
  const line = await lineTo(context, etcd.nodes[0]!.port);
  const store = storeOn(context, [line.endpoint, etcd.endpoints[0]!], { prefix, leaderTtlSeconds: 10 });
  const leader = await store.campaign("one", never());
  const follower = new Follower((signal) => store.watch("", { signal }));
  await eventually(() => follower.updates.length === 1, "the snapshot");
  line.set("mute");
  const revision = await mustCommit(store, leader, create("a", "mine"));
  assert.deepEqual(await store.get("a"), { key: "a", value: "mine", revision });
  await eventually(() => spoken(follower.updates).length === 2, "the change");
  assert.deepEqual(spoken(follower.updates), ["=", "+a:mine"]);
  await follower.stop();
});

test("a commit that arrives late, when it was resolved, changes nothing", options, async (context) => {
  const etcd = await oneServer();
  const prefix = newPrefix();
  const line = await lineTo(context, etcd.nodes[0]!.port);
  const store = storeOn(context, [line.endpoint, etcd.endpoints[0]!], { prefix, leaderTtlSeconds: 10 });
  const leader = await store.campaign("one", never());
  line.set("held");
  const revision = await mustCommit(store, leader, create("a", "mine"));
  await mustCommit(store, leader, { kind: "delete", key: "a", revision });
  // The first attempt would now find its condition true: there is no record "a".
  line.set("open");
  await pause(300);
  assert.equal(await store.get("a"), null);
  assert.ok(!leader.lost.aborted);
});

test(
  "of three servers one dies under a stream of commits: no commit and no leadership is lost",
  options,
  async (context) => {
    const etcd = await startEtcd({ nodes: 3 });
    afterwards(context, () => etcd.stop());
    const store = storeOn(context, etcd.endpoints, { leaderTtlSeconds: 6 });
    const leader = await store.campaign("one", never());
    const reader = storeOn(context, etcd.endpoints, { prefix: `/faults-${opened}/` });
    const follower = new Follower((signal) => reader.watch("n/", { signal }));
    await eventually(() => follower.updates.length === 1, "the snapshot");
    await store.leases.open("host", seconds(30), leader);
    const keys: string[] = [];
    for (let i = 0; i < 150; i++) {
      // The server that both are connected to.
      if (i === 50) void etcd.nodes[0]!.kill();
      if (i === 100) etcd.nodes[0]!.start();
      const key = `n/${String(i).padStart(3, "0")}`;
      await mustCommit(store, leader, create(key, "v"));
      keys.push(key);
    }
    assert.ok(!leader.lost.aborted, `${leader.lost.reason}`);
    assert.deepEqual(await store.leases.keepAlive(["host"]), []);
    assert.deepEqual(
      (await store.snapshot("n/")).records.map(({ key }) => key),
      keys,
    );
    await eventually(() => spoken(follower.updates).length === 151, "every change is seen");
    assert.deepEqual(
      spoken(follower.updates).slice(1),
      keys.map((key) => `+${key}:v`),
    );
    await follower.stop();
  },
);

test("without a quorum nothing is acknowledged, and it goes on when there is one again", options, async (context) => {
  const etcd = await startEtcd({ nodes: 3 });
  afterwards(context, () => etcd.stop());
  const store = storeOn(context, etcd.endpoints);
  const leader = await store.campaign("one", never());
  const lost = lossOf(leader);
  await Promise.all([etcd.nodes[1]!.freeze(), etcd.nodes[2]!.freeze()]);
  // What came of it is not known where it was sent; where no connection took it before the leadership was over, it is fenced.
  const commit = store.commit([create("a", "1")], leader).then(
    ({ kind }) => kind,
    (error: Error) => error.message,
  );
  await lost;
  const outcome = await commit;
  assert.match(outcome, /^(etcd|fenced$)/);
  assert.deepEqual(await store.commit([create("b", "1")], leader), { kind: "fenced" });
  etcd.nodes[1]!.thaw();
  etcd.nodes[2]!.thaw();
  const again = await store.campaign("one", never());
  await mustCommit(store, again, create("c", "1"));
  assert.equal(await store.get("b"), null);
  if (outcome === "fenced") assert.equal(await store.get("a"), null);
});

test(
  "a candidate whose campaign fails again and again has one seat, and the rest expires",
  options,
  async (context) => {
    const etcd = await oneServer();
    const prefix = newPrefix();
    const line = await lineTo(context, etcd.nodes[0]!.port);
    const store = storeOn(context, [line.endpoint], { prefix });
    line.set("mute");
    const winning = store.campaign("one", never());
    await pause(3_000);
    line.set("open");
    const leader = await winning;
    await mustCommit(store, leader, create("a", "1"));
    await eventually(
      async () =>
        (await etcd.ctl("get", "--prefix", "--keys-only", `${prefix}leader/`)).trim().split(/\s+/).length === 1,
      "one seat",
    );
  },
);
