/** `headroom lab` as it is typed: real guests come, do what their case says, are watched and are gone afterwards. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { PROGRAM } from "../support/program.js";
import { CACHE, openLab } from "./lab.js";

const lab = await openLab();

test("a case runs until it is told to stop, and nothing is left of it", { skip: lab.skip }, async () => {
  const words = ["lab", "cpu", "--case", "2", "--interval", "1", "--cache", CACHE];
  const child = spawn(process.execPath, [...PROGRAM, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    errors += piece;
  });
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    const isFirst = !out.includes(" - usage: ");
    out += piece;
    // Two readings make a line of usage. A second signal would end it without order.
    if (isFirst && out.includes(" - usage: ")) child.kill("SIGINT");
  });
  const [code] = await once(child, "close");
  assert.equal(code, 0, `${out}\n${errors}`);
  assert.match(out, /case: the same load, all guests on pCPU 0/);
  assert.match(out, /c1: burn 25/);
  assert.match(out, /^0 - usage: [\d.]+ \| mapping \['c1', 'c2'/m);
  const socket = /headroom balance 1 --connect 'qemu\+unix:\/\/\/system\?socket=([^']+)'/.exec(out)?.[1];
  assert.ok(socket !== undefined, out);
  assert.ok(!existsSync(dirname(dirname(socket))), "its folder is gone");
});
