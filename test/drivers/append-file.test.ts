/** A recorded file holds every line in order, survives restarts without half lines, and hides no failure. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openAppendFile } from "../../src/drivers/linux/append-file.js";
import { OperationalError } from "../../src/ports/errors.js";
import { temporaryFolder } from "./folder.js";

const coded = (code: string) => (error: unknown) => error instanceof OperationalError && error.code === code;

test("lines are in the file in the order they were given, all of them after a flush", async (context) => {
  const path = join(await temporaryFolder(context), "record");
  const file = await openAppendFile(path);
  assert.equal(file.startedEmpty, true);
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}\n`);
  for (const line of lines) file.append(line);
  await file.flush();
  assert.equal(await readFile(path, "utf8"), lines.join(""));
  file.append("last\n");
  await file.close();
  await file.close();
  assert.ok((await readFile(path, "utf8")).endsWith("line 4999\nlast\n"));
});

test("a file opened again goes on where it ended and knows that it is not new", async (context) => {
  const path = join(await temporaryFolder(context), "record");
  for (const [round, text] of ["one\n", "two\n"].entries()) {
    const file = await openAppendFile(path);
    assert.equal(file.startedEmpty, round === 0);
    file.append(text);
    await file.close();
  }
  assert.equal(await readFile(path, "utf8"), "one\ntwo\n");
});

test("a line that a crash cut short is removed before the next one is written", async (context) => {
  const path = join(await temporaryFolder(context), "record");
  for (const torn of ["thr", `${"x".repeat(200_000)}`]) {
    await writeFile(path, `one\ntwo\n${torn}`);
    const file = await openAppendFile(path);
    file.append("three\n");
    await file.close();
    assert.equal(await readFile(path, "utf8"), "one\ntwo\nthree\n");
  }
});

test("a file that has no lines at all is not touched", async (context) => {
  const path = join(await temporaryFolder(context), "image");
  await writeFile(path, Buffer.alloc(100_000, 1));
  await assert.rejects(openAppendFile(path), coded("bad-settings"));
  assert.equal((await readFile(path)).length, 100_000);
});

test("a place that cannot be written is told when it is opened", async (context) => {
  const folder = await temporaryFolder(context);
  await assert.rejects(openAppendFile(folder), coded("state-not-written"));
  await assert.rejects(openAppendFile(join(folder, "missing", "record")), coded("state-not-written"));
});

test("a full disk surfaces at the flush, at every later line and at the close", async () => {
  const full = await openAppendFile("/dev/full");
  full.append("line\n");
  await assert.rejects(full.flush(), coded("state-not-written"));
  assert.throws(() => full.append("next\n"), coded("state-not-written"));
  await assert.rejects(full.close(), coded("state-not-written"));
});

test("nothing can be appended after the close", async (context) => {
  const file = await openAppendFile(join(await temporaryFolder(context), "record"));
  await file.close();
  assert.throws(() => file.append("late\n"), coded("state-not-written"));
});
