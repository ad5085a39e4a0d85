/** One process at a time uses an embedded store; one that was ousted acknowledges nothing. */
import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { clusterStoreIn, openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { type Holder, judge, lockFolder } from "../../src/drivers/stores/folder-lock.js";
import { quietLog } from "../support/quiet-log.js";
import { Committer } from "./committer.js";
import { create, failsWith, mustCommit, never, storeFolder } from "./support.js";

const open = (folder: string) => openEmbeddedStore({ folder, clock: realClock(), log: quietLog() });
const locks = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith("lock"));

test("a second process is refused and told who holds the store, also while that one is frozen", async (context) => {
  const folder = await storeFolder(context);
  const committer = new Committer(context, folder);
  await committer.commits();
  const refusal = (error: unknown) =>
    failsWith("store-locked")(error) && error instanceof Error && /in use by process \d+/.test(error.message);
  await assert.rejects(open(folder), refusal);
  committer.freeze();
  await assert.rejects(open(folder), refusal);
  committer.thaw();
  await committer.kill();
  await (await open(folder)).close();
});

test("the same process cannot open a store twice, and can again when it closed it", async (context) => {
  const folder = await storeFolder(context);
  const store = await open(folder);
  await assert.rejects(open(folder), failsWith("store-locked"));
  await store.close();
  await (await open(folder)).close();
  assert.deepEqual(await locks(folder), []);
});

test("of many that open a store that its holder left behind, one gets it", async (context) => {
  const folder = await storeFolder(context);
  const dead = { pid: 1, started: "0", bootId: null, pidNamespace: null, machine: null, hostname: "gone" };
  const self = JSON.parse(JSON.stringify(dead)) as Holder;
  assert.equal(await judge(dead, self), "unknown");
  const committer = new Committer(context, folder);
  await committer.commits();
  await committer.kill();
  const opened = await Promise.allSettled(
    Array.from({ length: 8 }, () => lockFolder(clusterStoreIn(folder), realClock())),
  );
  const held = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  assert.equal(held.length, 1);
  for (const result of opened) if (result.status === "rejected") failsWith("store-locked")(result.reason);
  assert.equal((await locks(folder)).length, 1);
  await held[0]!.release();
});

test("a holder that was taken for dead acknowledges nothing more, and what it acknowledged is there", async (context) => {
  const folder = await storeFolder(context);
  const committer = new Committer(context, folder);
  await committer.commits();
  committer.freeze();
  const acknowledged = Math.max(...committer.acknowledged);
  // The judgement that nobody holds it, forced.
  for (const name of await locks(folder)) await rm(join(folder, name));
  const store = await open(folder);
  const leader = await store.campaign("two", never());
  assert.ok(leader.epoch > committer.epoch);
  const before = await store.snapshot("");
  assert.ok(before.records.some(({ value }) => Number(value.split(" ")[0]) >= acknowledged));
  committer.thaw();
  await committer.says("lost");
  await committer.says("store-outcome-unknown");
  const later = Math.max(...committer.acknowledged);
  assert.ok(before.records.some(({ value }) => Number(value.split(" ")[0]) >= later));
  await mustCommit(store, leader, create("mine", "1"));
  await store.close();
  const again = await open(folder);
  const records = (await again.snapshot("")).records.filter(({ key }) => key !== "mine");
  assert.deepEqual(records, before.records);
  await again.close();
});

test("who holds a lock is judged by process, start time, boot, machine and process namespace", async () => {
  const self: Holder = {
    pid: process.pid,
    started: null,
    bootId: "boot",
    pidNamespace: "pid:[1]",
    machine: "machine",
    hostname: "here",
  };
  assert.equal(await judge(self, self), "alive");
  assert.equal(await judge({ ...self, pid: 2 ** 22 + 1 }, self), "dead");
  assert.equal(await judge({ ...self, started: "another start" }, self), "dead");
  assert.equal(await judge({ ...self, bootId: "earlier boot" }, self), "dead");
  assert.equal(await judge({ ...self, pidNamespace: "pid:[2]" }, self), "unknown");
  assert.equal(await judge({ ...self, bootId: "other", machine: "other machine" }, self), "unknown");
});

test("a lock that is not one is named, and nothing is done", async (context) => {
  const folder = await storeFolder(context);
  await writeFile(join(folder, "lock-00000001"), "?");
  await assert.rejects(open(folder), failsWith("state-corrupt"));
});
