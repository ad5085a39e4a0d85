/** `headroom estimate` from one file (scripts/bundle-start.mjs): it must do what the modules do, and only while it is what they are. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { hostWindow, traceOf, vmWindow } from "../estimator/traces.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "headroom-bundle-"));
});
after(() => rmSync(folder, { recursive: true }));

const run = (...words: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", cwd: ROOT });
  return { status, stdout, stderr };
};

describe("the bundle", () => {
  const files = ["dist/cli/main.js", "dist/start/estimate.cjs"];

  before(() => assert.deepEqual(run("scripts/bundle-start.mjs"), { status: 0, stdout: "", stderr: "" }));

  test("estimates a recorded host as the modules do", () => {
    const trace = join(folder, "trace.json");
    const windows = Array.from({ length: 6 }, (_, i) => hostWindow([i + 1, 3, 2]));
    writeFileSync(trace, JSON.stringify(traceOf(windows, { a: [vmWindow(0, [1, 2]), vmWindow(60, [2, 1])] })));
    const results = files.map((file, i) => {
      const out = join(folder, String(i));
      assert.equal(run(file, "estimate", "--load", trace, "--out", out).status, 0);
      return readFileSync(join(out, "estimates.jsonl"), "utf8");
    });
    assert.equal(results[0]!.trim().split("\n").length, windows.length);
    assert.equal(results[1], results[0]);
  });

  for (const words of [
    ["--load", "nowhere.json"],
    ["--strategy", "none"],
    ["--aggreg", "0"],
  ])
    test(`refuses ${words.join(" ")} as the modules do`, () => {
      const [modules, bundle] = files.map((file) => run(file, "estimate", ...words));
      assert.match(modules!.stderr, /no such file|Allowed/);
      assert.notEqual(modules!.status, 0);
      assert.deepEqual(bundle, modules);
    });
});

test("what Node compiled of the bundle is kept, and taken by the Node that made it, as bin/headroom starts it", () => {
  const say = `const { compiledPath, optimizeLate, scriptOf } = require("./bin/start.cjs");
    optimizeLate();
    const file = require("node:path").resolve("dist/start/estimate.cjs");
    console.log(scriptOf(file, require("node:fs").readFileSync(compiledPath(file))).cachedDataRejected);`;
  const flags = /exec node (--\S+) /.exec(readFileSync(join(ROOT, "bin/headroom"), "utf8"))?.[1] ?? "";
  assert.deepEqual(run(flags, "--eval", say), { status: 0, stdout: "false\n", stderr: "" });
});

describe("the launcher", () => {
  const checkout = (): string => {
    const root = mkdtempSync(join(folder, "checkout-"));
    for (const part of ["bin", "dist/cli", "dist/test", "dist/start"]) mkdirSync(join(root, part), { recursive: true });
    cpSync(join(ROOT, "bin/start.cjs"), join(root, "bin/start.cjs"));
    writeFileSync(join(root, "package.json"), '{"type": "module"}');
    writeFileSync(join(root, "dist/cli/main.js"), 'console.log("modules");');
    return root;
  };
  const built = (root: string, file: string, seconds: number): void => {
    writeFileSync(join(root, "dist", file), 'console.log("bundle");');
    utimesSync(join(root, "dist", file), seconds, seconds);
  };
  const taken = (root: string, ...words: readonly string[]): string =>
    run(join(root, "bin/start.cjs"), ...words).stdout.trim();

  test("takes the modules where there is no bundle, or one that is older than they are", () => {
    const root = checkout();
    assert.equal(taken(root, "estimate", "--load", "x"), "modules");
    built(root, "start/estimate.cjs", 1000);
    built(root, "cli/.tsbuildinfo", 1001);
    assert.equal(taken(root, "estimate", "--load", "x"), "modules");
  });

  test("takes a bundle whose compiled code V8 does not want all the same", () => {
    const root = checkout();
    built(root, "start/estimate.cjs", 1000);
    const { version, platform, arch } = process;
    writeFileSync(join(root, `dist/start/estimate.cjs.${version}-${platform}-${arch}`), "of another V8");
    assert.equal(taken(root, "estimate", "--load", "x"), "bundle");
  });

  test("takes a bundle for recorded hosts alone, whatever else was compiled since", () => {
    const root = checkout();
    built(root, "cli/.tsbuildinfo", 1000);
    built(root, "start/estimate.cjs", 1001);
    built(root, "test/.tsbuildinfo", 1002);
    assert.equal(taken(root, "estimate", "--load", "x"), "bundle");
    for (const words of [["estimate", "--compare"], ["doctor"]]) assert.equal(taken(root, ...words), "modules");
  });
});
