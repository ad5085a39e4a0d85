/** The promises of ports/cluster-store.ts, for any store. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Bug } from "../../src/core/assert.js";
import { seconds } from "../../src/core/units.js";
import type { Change, ClusterStore, Leadership, Revision, StoreRecord } from "../../src/ports/cluster-store.js";
import fc from "../support/property.js";
import { leaseSuite } from "./suite-leases.js";
import { create, eventually, Follower, failsWith, mustCommit, never, spoken } from "./support.js";

export interface StoreUnderTest {
  readonly store: ClusterStore;
  /** The store as another candidate uses it: the same object where a store has one process only. */
  readonly other: ClusterStore;
  /** Makes the store forget its history up to now; the leader's commits may be used for it. */
  forgetHistory(leader: Leadership): Promise<void>;
}

export type Open = (context: TestContext) => Promise<StoreUnderTest>;

export function storeSuite(name: string, skip: string | false, open: Open): void {
  const promise = (title: string, body: (under: StoreUnderTest, leader: Leadership) => Promise<void>): void => {
    test(`${name}: ${title}`, { skip }, async (context) => {
      const under = await open(context);
      await body(under, await under.store.campaign("http://one", never()));
    });
  };
  recordSuite(promise);
  commitSuite(promise);
  watchSuite(promise);
  leadershipSuite(promise);
  leaseSuite(promise);
}

export type Promised = (title: string, body: (under: StoreUnderTest, leader: Leadership) => Promise<void>) => void;

function recordSuite(promise: Promised): void {
  promise("an empty store has nothing", async ({ store }) => {
    assert.equal(await store.get("vms/web"), null);
    assert.deepEqual((await store.snapshot("")).records, []);
  });

  promise("a record reads back as it was written, whatever is in it", async ({ store }, leader) => {
    const values = ["", "{}", "é漢\n\u0000\u{1f600}", "x".repeat(900_000)];
    for (const [i, value] of values.entries()) {
      const revision = await mustCommit(store, leader, create(`odd/${i}`, value));
      assert.deepEqual(await store.get(`odd/${i}`), { key: `odd/${i}`, value, revision });
    }
  });

  promise("a snapshot has the records below its prefix, by key, and only those", async ({ store }, leader) => {
    await mustCommit(
      store,
      leader,
      ...["vms/b", "vms/a", "vms/B", "vmsx", "vm", "vms/a/1"].map((key) => create(key, key)),
    );
    const keys = async (prefix: string) => (await store.snapshot(prefix)).records.map(({ key }) => key);
    assert.deepEqual(await keys("vms/"), ["vms/B", "vms/a", "vms/a/1", "vms/b"]);
    assert.deepEqual(await keys(""), ["vm", "vms/B", "vms/a", "vms/a/1", "vms/b", "vmsx"]);
    assert.deepEqual(await keys("none/"), []);
  });

  promise("a snapshot of many records is of one revision", async ({ store }, leader) => {
    const count = 4_500;
    for (let start = 0; start < count; start += 100) {
      const part = Array.from({ length: 100 }, (_, i) => create(`many/${start + i}`, "v"));
      await mustCommit(store, leader, ...part);
    }
    const reading = store.snapshot("many/");
    await mustCommit(store, leader, create("many/later", "v"));
    const { revision, records } = await reading;
    assert.ok(records.length >= count);
    assert.ok(records.every((record) => record.revision <= revision));
    assert.equal(new Set(records.map(({ key }) => key)).size, records.length);
  });
}

function commitSuite(promise: Promised): void {
  promise("a record is created once: the second is told what is there", async ({ store }, leader) => {
    const revision = await mustCommit(store, leader, create("vms/web", "one"));
    assert.deepEqual(await store.commit([create("vms/web", "two")], leader), {
      kind: "conflict",
      key: "vms/web",
      found: { key: "vms/web", value: "one", revision },
    });
    assert.equal((await store.get("vms/web"))?.value, "one");
  });

  promise("a record is replaced and deleted only as the one that was seen", async ({ store }, leader) => {
    const first = await mustCommit(store, leader, create("a", "1"));
    const second = await mustCommit(store, leader, { kind: "replace", key: "a", value: "2", revision: first });
    assert.ok(second > first);
    const found: StoreRecord = { key: "a", value: "2", revision: second };
    const stale: readonly Change[] = [
      { kind: "replace", key: "a", value: "3", revision: first },
      { kind: "delete", key: "a", revision: first },
    ];
    for (const change of stale) {
      assert.deepEqual(await store.commit([change], leader), { kind: "conflict", key: "a", found });
    }
    await mustCommit(store, leader, { kind: "delete", key: "a", revision: second });
    assert.equal(await store.get("a"), null);
    const gone = await store.commit([{ kind: "replace", key: "a", value: "4", revision: second }], leader);
    assert.deepEqual(gone, { kind: "conflict", key: "a", found: null });
  });

  promise("all changes of a commit happen or none, at one revision", async ({ store }, leader) => {
    const a = await mustCommit(store, leader, create("a", "1"), create("b", "1"));
    const { records } = await store.snapshot("");
    assert.deepEqual(new Set(records.map(({ revision }) => revision)), new Set([a]));
    const mixed: readonly Change[] = [
      create("c", "1"),
      { kind: "delete", key: "a", revision: a },
      { kind: "replace", key: "b", value: "2", revision: a + 1 },
    ];
    const outcome = await store.commit(mixed, leader);
    assert.deepEqual(outcome, { kind: "conflict", key: "b", found: { key: "b", value: "1", revision: a } });
    assert.deepEqual((await store.snapshot("")).records, records);
  });

  promise("of many that change one record at once, none is lost", async ({ store }, leader) => {
    await mustCommit(store, leader, create("count", "0"));
    const increment = async (): Promise<void> => {
      for (;;) {
        const { value, revision } = (await store.get("count"))!;
        const change = { kind: "replace" as const, key: "count", value: String(Number(value) + 1), revision };
        if ((await store.commit([change], leader)).kind === "committed") return;
      }
    };
    await Promise.all(Array.from({ length: 12 }, increment));
    assert.equal((await store.get("count"))?.value, "12");
  });

  promise("a commit that is no commit is a bug and changes nothing", async ({ store }, leader) => {
    const wrong: readonly (readonly Change[])[] = [
      [],
      [create("a", "1"), create("a", "2")],
      [create("", "1")],
      [create("a b", "1")],
      [{ kind: "delete", key: "a", revision: 0 }],
      [{ kind: "replace", key: "a", value: "1", revision: Number.NaN }],
      [create("a", "x".repeat(1024 * 1024))],
      Array.from({ length: 101 }, (_, i) => create(`k${i}`, "1")),
    ];
    for (const changes of wrong) await assert.rejects(store.commit(changes, leader), Bug);
    assert.deepEqual((await store.snapshot("")).records, []);
    await mustCommit(store, leader, ...Array.from({ length: 100 }, (_, i) => create(`k${i}`, "1")));
  });

  promise("what became of a commit can be asked, and asking changes nothing", async ({ store }, leader) => {
    const revision = await mustCommit(store, leader, create("a", "mine"), create("b", "mine"));
    assert.equal(await store.resolve([create("a", "mine"), create("b", "mine")], leader), "committed");
    assert.equal(await store.resolve([create("a", "other")], leader), "not-committed");
    assert.equal(await store.resolve([create("c", "mine")], leader), "not-committed");
    assert.equal(await store.resolve([{ kind: "delete", key: "a", revision }], leader), "not-committed");
    assert.equal(await store.resolve([{ kind: "delete", key: "c", revision }], leader), "committed");
    assert.equal(
      await store.resolve([{ kind: "replace", key: "a", value: "mine", revision }], leader),
      "not-committed",
    );
    const next = await mustCommit(store, leader, { kind: "replace", key: "a", value: "new", revision });
    assert.ok(next > revision);
    assert.equal(await store.resolve([{ kind: "replace", key: "a", value: "new", revision }], leader), "committed");
    await leader.resign();
    assert.equal(await store.resolve([create("c", "mine")], leader), "fenced");
  });

  promise("random commits leave what a plain map leaves", async ({ store }, leader) => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const step = fc.record({ key, kind: fc.constantFrom("create", "replace", "delete"), stale: fc.boolean() });
    const commits = fc.array(fc.uniqueArray(step, { minLength: 1, maxLength: 3, selector: (s) => s.key }), {
      minLength: 40,
      maxLength: 40,
    });
    const model = new Map<string, StoreRecord>();
    for (const [number, steps] of fc.sample(commits, { numRuns: 1, seed: 7 })[0]!.entries()) {
      const value = `v${number}`;
      const changes = steps.map((s): Change => {
        const revision = (model.get(s.key)?.revision ?? 1) + (s.stale ? 1_000_000 : 0);
        return { kind: s.kind, key: s.key, value, revision } as Change;
      });
      const holds = (c: Change): boolean =>
        c.kind === "create" ? !model.has(c.key) : model.get(c.key)?.revision === c.revision;
      const outcome = await store.commit(changes, leader);
      assert.equal(outcome.kind, changes.every(holds) ? "committed" : "conflict");
      if (outcome.kind !== "committed") continue;
      for (const change of changes) {
        if (change.kind === "delete") model.delete(change.key);
        else model.set(change.key, { key: change.key, value, revision: outcome.revision });
      }
      const expected = [...model.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
      assert.deepEqual((await store.snapshot("")).records, expected);
    }
  });
}

function watchSuite(promise: Promised): void {
  promise("a watch begins with what is there, then tells every change once and in order", async ({ store }, leader) => {
    await mustCommit(store, leader, create("vms/a", "1"), create("hosts/h", "1"));
    const follower = new Follower((signal) => store.watch("vms/", { signal }));
    await eventually(() => follower.updates.length === 1, "the snapshot");
    const b = await mustCommit(store, leader, create("vms/b", "1"), create("hosts/i", "1"), create("vms/c", "1"));
    await mustCommit(store, leader, create("hosts/j", "1"));
    await mustCommit(store, leader, { kind: "replace", key: "vms/b", value: "2", revision: b });
    await mustCommit(store, leader, { kind: "delete", key: "vms/c", revision: b });
    await eventually(() => spoken(follower.updates).length === 5, "four changes");
    assert.deepEqual(spoken(follower.updates), ["=vms/a:1", "+vms/b:1", "+vms/c:1", "+vms/b:2", "-vms/c"]);
    await follower.stop();
  });

  promise("a commit is never split between updates", async ({ store }, leader) => {
    const follower = new Follower((signal) => store.watch("", { signal }));
    await eventually(() => follower.updates.length === 1, "the snapshot");
    const commits = Array.from({ length: 20 }, (_, i) => [0, 1, 2].map((j) => create(`${i}/${j}`, "v")));
    await Promise.all(commits.map((changes) => mustCommit(store, leader, ...changes)));
    await eventually(() => spoken(follower.updates).length === 61, "sixty changes");
    let last: Revision = 0;
    for (const update of follower.updates.slice(1)) {
      assert.ok(update.kind === "changes" && update.revision > last);
      last = update.revision;
      const perRevision = new Map<Revision, number>();
      for (const change of update.changes) {
        const revision = change.kind === "put" ? change.record.revision : change.revision;
        assert.ok(revision <= update.revision);
        perRevision.set(revision, (perRevision.get(revision) ?? 0) + 1);
      }
      assert.ok([...perRevision.values()].every((changes) => changes === 3));
    }
    await follower.stop();
  });

  promise("a watch that goes on behind a revision misses nothing and repeats nothing", async ({ store }, leader) => {
    const revisions: Revision[] = [];
    for (let i = 0; i < 5; i++) revisions.push(await mustCommit(store, leader, create(`k${i}`, "v")));
    for (const [i, after] of revisions.entries()) {
      const follower = new Follower((signal) => store.watch("", { after, signal }));
      const expected = [0, 1, 2, 3, 4].slice(i + 1).map((k) => `+k${k}:v`);
      await eventually(() => spoken(follower.updates).length === expected.length, "the rest");
      assert.deepEqual(spoken(follower.updates), expected);
      await follower.stop();
    }
  });

  promise(
    "a watch behind a forgotten revision begins again with a snapshot",
    async ({ store, forgetHistory }, leader) => {
      const after = await mustCommit(store, leader, create("old", "1"));
      await mustCommit(store, leader, create("new", "1"));
      await forgetHistory(leader);
      const follower = new Follower((signal) => store.watch("", { after, signal }));
      await eventually(() => follower.updates.length > 0, "the snapshot");
      assert.equal(follower.updates[0]?.kind, "snapshot");
      const { length } = follower.updates;
      await mustCommit(store, leader, create("newer", "1"));
      await eventually(() => follower.updates.length > length, "the change after it");
      assert.deepEqual(spoken(follower.updates.slice(length)), ["+newer:1"]);
      await follower.stop();
    },
  );

  promise("watches end when the store is closed, and everything else then says so", async ({ store }, leader) => {
    const follower = new Follower((signal) => store.watch("", { signal }));
    const hosts = new Follower((signal) => store.leases.watch(signal));
    await eventually(() => follower.updates.length + hosts.updates.length === 2, "the snapshots");
    await store.close();
    await store.close();
    await Promise.all([follower.done, hosts.done]);
    assert.ok(leader.lost.aborted);
    assert.deepEqual(await store.commit([create("a", "1")], leader), { kind: "fenced" });
    await assert.rejects(store.get("a"), failsWith("store-unreachable"));
    await assert.rejects(store.campaign("http://one", never()), failsWith("store-unreachable"));
    assert.equal(store.status().reachable, false);
  });
}

function leadershipSuite(promise: Promised): void {
  promise("the next candidate leads when the leader resigns, with a higher epoch", async ({ store, other }, first) => {
    assert.deepEqual(await store.leader(), { candidate: "http://one", epoch: first.epoch });
    let second: Leadership | null = null;
    const winning = other.campaign("http://two", never()).then((won) => {
      second = won;
      return won;
    });
    await pause(100);
    assert.equal(second, null);
    assert.ok(!first.lost.aborted);
    await first.resign();
    const { epoch } = await winning;
    assert.ok(epoch > first.epoch && Number.isSafeInteger(epoch));
    assert.deepEqual(await store.leader(), { candidate: "http://two", epoch });
    assert.ok(first.lost.aborted);
  });

  promise("who led before changes nothing any more", async ({ store, other }, first) => {
    const revision = await mustCommit(store, first, create("a", "1"));
    await first.resign();
    await first.resign();
    const second = await other.campaign("http://two", never());
    assert.deepEqual(await store.commit([create("b", "1")], first), { kind: "fenced" });
    assert.deepEqual(await store.commit([{ kind: "delete", key: "a", revision }], first), { kind: "fenced" });
    assert.deepEqual(await store.leases.open("h", seconds(10), first), "fenced");
    assert.deepEqual(await store.leases.close("h", first), "fenced");
    await mustCommit(other, second, create("b", "2"));
    assert.deepEqual(
      (await store.snapshot("")).records.map(({ value }) => value),
      ["1", "2"],
    );
  });

  promise("a candidate that gives up leaves the queue", async ({ store, other }, first) => {
    const given = new AbortController();
    const waiting = other.campaign("http://two", given.signal);
    await pause(100);
    given.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(other.campaign("http://two", given.signal), /enough/);
    const third = other.campaign("http://three", never());
    await first.resign();
    assert.ok((await third).epoch > first.epoch);
    assert.equal((await store.leader())?.candidate, "http://three");
  });

  promise("candidates lead one after the other, each with a higher epoch", async ({ store, other }, first) => {
    let leading = 1;
    const epochs = [first.epoch];
    const candidates = Array.from({ length: 6 }, async (_, i) => {
      const leader = await (i % 2 === 0 ? store : other).campaign(`http://${i}`, never());
      assert.equal(++leading, 1);
      epochs.push(leader.epoch);
      await pause(5);
      leading--;
      await leader.resign();
    });
    leading--;
    await first.resign();
    await Promise.all(candidates);
    assert.deepEqual(
      epochs,
      [...epochs].sort((a, b) => a - b),
    );
    assert.equal(new Set(epochs).size, 7);
    assert.equal(await store.leader(), null);
  });

  promise("a store that answers says so", async ({ store }) => {
    const { reachable, problem, silence } = store.status();
    assert.deepEqual([reachable, problem], [true, null]);
    assert.ok(silence !== null && silence >= 0);
  });
}
