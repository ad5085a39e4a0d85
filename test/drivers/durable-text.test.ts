/** A durable text is the old one or the new one after any death, and never less than what was acknowledged. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { durableText, processText } from "../../src/drivers/linux/durable-text.js";
import { OperationalError } from "../../src/ports/errors.js";
import { temporaryFolder } from "./folder.js";

const WRITER = fileURLToPath(new URL("./durable-writer.ts", import.meta.url));

test("nothing written reads as null, and what was written reads back", async (context) => {
  const path = join(await temporaryFolder(context), "not", "yet", "there", "state.json");
  const state = durableText(path);
  assert.equal(await state.read(), null);
  await state.write("é漢\n\u0000");
  assert.equal(await state.read(), "é漢\n\u0000");
  await state.write("");
  assert.equal(await state.read(), "");
});

test("what needs not outlive a power cut is written and read alike", async (context) => {
  const folder = await temporaryFolder(context);
  const state = processText(join(folder, "state"));
  assert.equal(await state.read(), null);
  await Promise.all([state.write("old"), state.write("new")]);
  assert.equal(await processText(join(folder, "state")).read(), "new");
  await state.append(" and more");
  assert.equal(await state.read(), "new and more");
  await state.write("anew");
  assert.equal(await state.read(), "anew");
  await assert.rejects(processText(join(folder, "none", "state")).append("x"), { code: "state-not-written" });
  assert.deepEqual(await readdir(folder), ["state"]);
});

test("only the owner may read it, and nothing else is left beside it", async (context) => {
  const folder = await temporaryFolder(context);
  await durableText(join(folder, "state")).write("secret");
  assert.equal((await stat(join(folder, "state"))).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(folder), ["state"]);
});

test("writes asked for at once are carried out in their order", async (context) => {
  const path = join(await temporaryFolder(context), "state");
  const state = durableText(path);
  await Promise.all(Array.from({ length: 20 }, (_, i) => state.write(`${i}`)));
  assert.equal(await state.read(), "19");
});

test("half a new file that a crash left behind is not read, and does not hinder the next write", async (context) => {
  const path = join(await temporaryFolder(context), "state");
  const state = durableText(path);
  await state.write("old");
  await writeFile(`${path}.new`, "ne");
  assert.equal(await state.read(), "old");
  await state.write("new");
  assert.equal(await state.read(), "new");
});

const failsWith = (code: string, path: string) => (error: unknown) =>
  error instanceof OperationalError && error.code === code && error.message.includes(path);

test("a write that cannot be done says so, keeps the old text, and does not spoil the next one", async (context) => {
  const folder = await temporaryFolder(context);
  const path = join(folder, "state");
  const state = durableText(path);
  await state.write("old");
  // A folder in the way of the new file: it fails for root too, whom permissions do not stop.
  await mkdir(`${path}.new`);
  await assert.rejects(state.write("new"), failsWith("state-not-written", path));
  assert.equal(await state.read(), "old");
  await rmdir(`${path}.new`);
  await state.write("newer");
  assert.equal(await state.read(), "newer");
});

test("bytes that are no text, and a folder in its place, are corrupt and not empty", async (context) => {
  const folder = await temporaryFolder(context);
  const path = join(folder, "state");
  await writeFile(path, Buffer.from([0x61, 0xff, 0xfe]));
  await assert.rejects(durableText(path).read(), failsWith("state-corrupt", path));
  await assert.rejects(durableText(folder).read(), failsWith("state-corrupt", folder));
});

/** Runs the writer, kills it `afterMs` after its first acknowledged write; gives the last number it acknowledged. */
async function killWriter(path: string, afterMs: number, context: TestContext): Promise<number> {
  const child = spawn(process.execPath, ["--import", "tsx", WRITER, path], { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => child.kill("SIGKILL"));
  let said = "";
  const ended = new Promise((resolve) => child.on("close", resolve));
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk;
      resolve();
    });
  });
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill("SIGKILL");
  await ended;
  const complete = said.slice(0, said.lastIndexOf("\n")).split("\n");
  return Number(complete.at(-1));
}

test("a writer killed at any moment leaves one whole text, at least as new as the last it acknowledged", async (context) => {
  const folder = await temporaryFolder(context);
  for (const [run, afterMs] of [0, 3, 7, 12, 18].entries()) {
    const path = join(folder, `state-${run}`);
    const acknowledged = await killWriter(path, afterMs, context);
    const text = await readFile(path, "utf8");
    const number = Number(text.slice(0, text.indexOf("\n")));
    assert.ok(number >= acknowledged, `text ${number} found, ${acknowledged} was acknowledged`);
    assert.equal(text, `${number}\n${String.fromCharCode(97 + (number % 26)).repeat(1_000_000)}`);
    await durableText(path).write("after the crash");
    assert.equal(await durableText(path).read(), "after the crash");
  }
});
