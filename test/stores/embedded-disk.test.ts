/** What the embedded store answers when its disk fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Draft } from "../../src/drivers/stores/embedded/draft.js";
import { GroupLog, type LogFile } from "../../src/drivers/stores/embedded/group-log.js";
import { emptyState } from "../../src/drivers/stores/embedded/state.js";
import { decodeLines } from "../../src/drivers/stores/line.js";
import { rememberingLog } from "../support/quiet-log.js";
import { failsWith } from "./support.js";

/** A file in memory whose calls can fail. */
class FailingFile implements LogFile {
  bytes = Buffer.alloc(0);
  syncs = 0;
  failing: { readonly write?: boolean; readonly datasync?: boolean; readonly truncate?: boolean } = {};

  async write(bytes: Buffer, offset: number, length: number, position: number) {
    // Half of it arrives: what a full disk does.
    const written = this.failing.write ? Math.ceil(length / 2) : length;
    this.bytes = Buffer.concat([this.bytes.subarray(0, position), bytes.subarray(offset, offset + written)]);
    if (this.failing.write && length <= 10) throw new Error("ENOSPC: no space left on device");
    return { bytesWritten: written };
  }

  async datasync() {
    this.syncs++;
    if (this.failing.datasync) throw new Error("EIO: i/o error");
  }

  async truncate(length: number) {
    if (this.failing.truncate) throw new Error("EIO: i/o error");
    this.bytes = this.bytes.subarray(0, length);
  }

  async close() {
    this.syncs++;
  }
}

function logOn(file: FailingFile) {
  const state = emptyState();
  const broken: string[] = [];
  const parts = {
    state,
    log: rememberingLog(),
    openLog: async () => file,
    snapshot: async () => 0,
    isHeld: async () => true,
    applied: () => undefined,
    broken: (reason: string) => void broken.push(reason),
  };
  return { group: new GroupLog(parts, file, 0), state, broken };
}

const put = (key: string) => (draft: Draft) => {
  draft.add({ r: draft.revision + 1, put: [[key, "v"]], del: [] });
  return key;
};

test("commits that are asked for at once share one write to the disk", async () => {
  const file = new FailingFile();
  const { group, state } = logOn(file);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => group.submit(put(`k${i}`))));
  assert.equal(answers.length, 100);
  assert.equal(state.revision, 100);
  assert.equal(file.syncs, 1);
});

test("a full disk refuses the commit, cuts off what arrived, and takes the next when there is room", async () => {
  const file = new FailingFile();
  const { group, state, broken } = logOn(file);
  await group.submit(put("a"));
  const before = file.bytes;
  file.failing = { write: true };
  await assert.rejects(group.submit(put("b")), failsWith("store-failed"));
  assert.deepEqual(file.bytes, before);
  assert.deepEqual([...state.records.keys()], ["a"]);
  file.failing = {};
  await group.submit(put("c"));
  assert.deepEqual([...state.records.keys()], ["a", "c"]);
  assert.equal(state.revision, 2);
  assert.equal(decodeLines(file.bytes).wholeBytes, file.bytes.length);
  assert.deepEqual(broken, []);
});

test("a disk that does not confirm leaves the outcome unknown, and the store takes nothing more", async () => {
  for (const failing of [{ datasync: true }, { write: true, truncate: true }]) {
    const file = new FailingFile();
    const { group, state, broken } = logOn(file);
    await group.submit(put("a"));
    file.failing = failing;
    const first = group.submit(put("b"));
    await Promise.resolve();
    await Promise.resolve();
    const second = group.submit(put("c"));
    await Promise.all([
      assert.rejects(first, failsWith("store-outcome-unknown")),
      assert.rejects(second, failsWith("store-unreachable")),
    ]);
    file.failing = {};
    await assert.rejects(group.submit(put("d")), failsWith("store-unreachable"));
    assert.deepEqual([...state.records.keys()], ["a"]);
    assert.equal(broken.length, 1);
  }
});

test("a decision that throws fails its own caller only", async () => {
  const { group, state } = logOn(new FailingFile());
  const fails = group.submit(() => {
    throw new Error("no decision");
  });
  const works = group.submit(put("a"));
  await assert.rejects(fails, /no decision/);
  assert.equal(await works, "a");
  assert.equal(state.revision, 1);
});
