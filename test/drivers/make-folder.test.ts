/** Folders that settings and commands name, made with what is missing above them; what cannot be made is told, by whichever of the two that make them. */
import assert from "node:assert/strict";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolder as makeAsync } from "../../src/drivers/linux/make-folder.js";
import { OperationalError } from "../../src/ports/errors.js";
import { makeFolder as makeAtOnce } from "../../src/trace/make-folder.js";
import { temporaryFolder } from "./folder.js";

/** What the kernel said, of the one that says it in words for the user. */
async function atOnce(folder: string): Promise<void> {
  try {
    makeAtOnce(folder);
  } catch (error) {
    assert.ok(error instanceof OperationalError && error.message.startsWith(`${folder}: cannot be made: `));
    throw error.cause;
  }
}

const MAKERS = { waiting: makeAsync, "at once": atOnce };

for (const [name, make] of Object.entries(MAKERS)) {
  test(`a folder is made with what is missing above it (${name})`, async (t) => {
    const root = await temporaryFolder(t);
    const folder = join(root, "a", "b", "c");
    await make(folder);
    assert.ok(statSync(folder).isDirectory());
    await make(folder);
    symlinkSync(join(root, "a"), join(root, "link"));
    await make(join(root, "link"));
    await make(join(root, "link", "d"));
    assert.ok(statSync(join(root, "a", "d")).isDirectory());
  });

  test(`what cannot be made is told (${name})`, async (t) => {
    const root = await temporaryFolder(t);
    writeFileSync(join(root, "file"), "");
    await assert.rejects(make(join(root, "file")), { code: "EEXIST" });
    await assert.rejects(make(join(root, "file", "a", "b")), { code: "ENOTDIR" });
    symlinkSync(join(root, "gone"), join(root, "dangling"));
    await assert.rejects(make(join(root, "dangling", "a")), { code: "ENOENT" });
  });

  // Node's own mkdir -p asks for ever here.
  test(`a file system that knows no new folders is told (${name})`, { skip: noProc() }, async () => {
    await assert.rejects(make("/proc/headroom/a/b"), /mkdir '\/proc\/headroom'/);
  });
}

function noProc(): string | false {
  try {
    mkdirSync("/proc/headroom");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
  }
  return "no /proc that answers ENOENT";
}
