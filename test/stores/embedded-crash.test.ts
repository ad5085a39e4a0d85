/** The embedded store survives the death of its process at any moment, and damage is never taken for a crash. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { listFiles, nameOf, recover } from "../../src/drivers/stores/embedded/files.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import type { ClusterStore } from "../../src/ports/cluster-store.js";
import { quietLog, rememberingLog } from "../support/quiet-log.js";
import { Committer } from "./committer.js";
import { create, failsWith, mustCommit, never, storeFolder } from "./support.js";

const KILLS = 12;

const open = (folder: string, log = quietLog()): Promise<ClusterStore> =>
  openEmbeddedStore({ folder, clock: realClock(), log });

/** The last number of each writer's pair; both halves must be of one commit. */
async function pairs(store: ClusterStore): Promise<ReadonlyMap<number, number>> {
  const { records } = await store.snapshot("pairs/");
  const numbers = new Map<number, number>();
  for (const { key, value, revision } of records) {
    const [, writer, half] = key.split("/");
    const other = records.find((record) => record.key === `pairs/${writer}/${half === "left" ? "right" : "left"}`);
    assert.deepEqual([other?.value, other?.revision], [value, revision], `half a commit at ${key}`);
    numbers.set(Number(writer), Number(value.split(" ")[0]));
  }
  return numbers;
}

test("killed at any moment, it has every acknowledged commit and no half one, and its epochs go up", async (context) => {
  const folder = await storeFolder(context);
  let lastEpoch = 0;
  let total = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const committer = new Committer(context, folder);
    await committer.commits();
    await pause((kill * 37) % 120);
    await committer.kill();
    assert.ok(committer.epoch > lastEpoch, `epoch ${committer.epoch} after ${lastEpoch}`);
    const store = await open(folder);
    const found = await pairs(store);
    for (const number of committer.acknowledged) {
      assert.ok((found.get(number % 4) ?? -1) >= number, `${number} was acknowledged`);
    }
    total += committer.acknowledged.length;
    lastEpoch = (await store.campaign("parent", never())).epoch;
    assert.ok(lastEpoch > committer.epoch);
    await store.close();
  }
  assert.ok(total > KILLS * 10, `${total} commits were acknowledged`);
});

test("cut off at any byte, the log gives the state after some commit", async (context) => {
  const folder = await storeFolder(context);
  const store = await open(folder);
  const leader = await store.campaign("one", never());
  const states = ["", ""];
  for (let i = 0; i < 6; i++) {
    await mustCommit(store, leader, create(`${i}/a`, "é"), create(`${i}/b`, "x".repeat(i)));
    states.push((await store.snapshot("")).records.map(({ key }) => key).join());
  }
  await store.close();
  const logFile = join(folder, nameOf((await listFiles(folder)).find(({ kind }) => kind === "log")!));
  const { size } = await stat(logFile);
  for (let length = size; length >= 0; length--) {
    await truncate(logFile, length);
    const { state, tornBytes } = await recover(folder);
    const found = [...state.records.keys()].join();
    assert.ok(states.includes(found), `${length} bytes give ${found}`);
    assert.ok(tornBytes <= length);
    while (states.at(-1) !== found && states.length > 0) states.pop();
  }
  assert.ok(states.length <= 2);
});

test("what a crash tore is cut off with a warning, and the store goes on", async (context) => {
  const folder = await storeFolder(context);
  const first = await open(folder);
  await mustCommit(first, await first.campaign("one", never()), create("a", "1"));
  await first.close();
  const logFile = join(folder, nameOf((await listFiles(folder)).find(({ kind }) => kind === "log")!));
  await writeFile(logFile, 'deadbeef [{"r":2,"put":[["b"', { flag: "a" });
  const log = rememberingLog();
  const second = await open(folder, log);
  assert.deepEqual(
    log.lines.map(({ level }) => level),
    ["warn"],
  );
  const leader = await second.campaign("one", never());
  await mustCommit(second, leader, create("b", "2"));
  await second.close();
  const third = await open(folder);
  assert.deepEqual(
    (await third.snapshot("")).records.map(({ key, value }) => key + value),
    ["a1", "b2"],
  );
  await third.close();
});

test("damage that other commits follow is corrupt and no crash, and nothing is thrown away", async (context) => {
  const folder = await storeFolder(context);
  const store = await open(folder);
  const leader = await store.campaign("one", never());
  for (let i = 0; i < 4; i++) await mustCommit(store, leader, create(`k${i}`, "value"));
  await store.close();
  const files = await listFiles(folder);
  for (const file of files) {
    const name = nameOf(file);
    const bytes = await readFile(join(folder, name));
    for (const at of [0, 12, Math.floor(bytes.length / 2)]) {
      const damaged = join(await storeFolder(context), "store");
      await mkdir(damaged);
      for (const other of files) await copyFile(join(folder, nameOf(other)), join(damaged, nameOf(other)));
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      await writeFile(join(damaged, name), changed);
      const before = await readdir(damaged);
      await assert.rejects(open(damaged), failsWith("state-corrupt"), `${name} at ${at}`);
      assert.deepEqual(await readdir(damaged), before);
    }
  }
});

test("a log that lacks commits in its middle is corrupt", async (context) => {
  const folder = await storeFolder(context);
  const store = await open(folder);
  const leader = await store.campaign("one", never());
  for (let i = 0; i < 3; i++) await mustCommit(store, leader, create(`k${i}`, "v"));
  await store.close();
  const logFile = join(folder, nameOf((await listFiles(folder)).find(({ kind }) => kind === "log")!));
  const lines = (await readFile(logFile, "utf8")).split("\n");
  await writeFile(logFile, [lines[0], lines[1], lines[3], ""].join("\n"));
  await assert.rejects(open(folder), failsWith("state-corrupt"));
});

test("a log that grows is replaced by a snapshot, and nothing is lost on the way", async (context) => {
  const folder = await storeFolder(context);
  const settings = { folder, clock: realClock(), log: quietLog(), smallestRotationBytes: 5_000 };
  const store = await openEmbeddedStore(settings);
  const leader = await store.campaign("one", never());
  let revision = await mustCommit(store, leader, create("k", "0"));
  await mustCommit(store, leader, create("kept", "v"));
  for (let i = 1; i <= 400; i++) {
    const value = `${i} ${"x".repeat(100)}`;
    revision = await mustCommit(store, leader, { kind: "replace", key: "k", value, revision });
  }
  const files = await listFiles(folder);
  assert.ok(Math.max(...files.map(({ number }) => number)) > 3, "logs were replaced");
  assert.ok(files.length <= 4, `${files.map(nameOf)}`);
  const before = await store.snapshot("");
  await store.close();
  const again = await open(folder);
  assert.deepEqual(await again.snapshot(""), before);
  await again.close();
});

test("revisions, epochs and leases go on after a restart", async (context) => {
  const folder = await storeFolder(context);
  const first = await open(folder);
  const one = await first.campaign("one", never());
  const revision = await mustCommit(first, one, create("a", "1"));
  await first.leases.open("h", 30 as Parameters<typeof first.leases.open>[1], one);
  await first.close();
  const second = await openEmbeddedStore({ folder, clock: realClock(), log: quietLog(), epochAbove: 1_000 });
  const two = await second.campaign("two", never());
  assert.equal(two.epoch, 1_001);
  assert.equal((await second.get("a"))?.revision, revision);
  assert.equal(await mustCommit(second, two, create("b", "1")), revision + 1);
  assert.deepEqual(await second.leases.keepAlive(["h"]), []);
  await second.close();
});
