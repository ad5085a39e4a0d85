/** The command line as a whole, run as people run it: help, typos, exit codes, settings files, the launcher. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { aloneProgram } from "../../src/cli/alone.js";
import { buildProgram, run } from "../../src/cli/program.js";
import { SHARED_FLAGS } from "../../src/cli/settings/estimator-settings.js";
import { ESTIMATOR_PROGRAM } from "../../src/cli/settings/program.js";
import { flagName } from "../../src/cli/settings/resolve.js";
import { version } from "../../src/cli/version.js";
import { PROMISES } from "../../src/core/estimator/headroom/promise.js";
import { PROGRAM } from "../support/program.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "headroom-cli-"));
});
after(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function headroom(args: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...PROGRAM, ...args], {
    encoding: "utf8",
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

test("every command says what it does, and has help", () => {
  for (const command of buildProgram().commands) {
    assert.notEqual(command.description(), "", command.name());
    assert.match(command.helpInformation(), new RegExp(`Usage: headroom ${command.name()}`));
  }
});

test("every command but completion starts alone, and is the same as in the whole program", async () => {
  for (const command of buildProgram().commands) {
    const name = command.name();
    const alone = await aloneProgram([name, "--help"]);
    if (name === "completion") assert.equal(alone, null);
    else assert.equal(alone?.commands[0]?.helpInformation(), command.helpInformation(), name);
  }
});

test("help says of settings and promises what is allowed", () => {
  const help = buildProgram()
    .commands.find((command) => command.name() === "estimate")!
    .helpInformation()
    .replace(/\s+/g, " ");
  for (const promise of PROMISES) assert.match(help, new RegExp(`--promise <windows>[^>]*\\b${promise}\\b`));
  for (const [key, { allowed }] of Object.entries(ESTIMATOR_PROGRAM.table)) {
    if (SHARED_FLAGS.some((shared) => shared === key)) continue;
    const rest = help.slice(help.indexOf(`${flagName(key)} <value>`));
    assert.ok(rest.slice(0, rest.indexOf("<value> ", rest.indexOf("<value>") + 8)).includes(`(${allowed};`), key);
  }
});

test("help goes to standard output and ends with 0", () => {
  const { code, out, err } = headroom(["--help"]);
  assert.equal(code, 0);
  assert.equal(err, "");
  assert.match(out, /Usage: headroom/);
  assert.match(
    out,
    /Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 agent, scheduler or hypervisor not reachable/,
  );
});

test("the version is the package's", () => {
  assert.equal(headroom(["--version"]).out.trim(), version());
});

describe("wrong usage ends with 2 and says what is right", () => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["a mistyped command", ["confg"], /unknown command 'confg'\s+\(Did you mean config\?\)/],
    ["a mistyped option", ["config", "--jsno"], /unknown option '--jsno'\s+\(Did you mean --json\?\)/],
    ["a word too many", ["config", "extra"], /too many arguments/],
    ["an option without its value", ["config", "--port"], /argument missing/],
    ["a wrong choice", ["completion", "tcsh"], /Allowed choices are bash, zsh, fish/],
    ["a wrong setting", ["doctor", "--port", "http"], /--port is "http"; it must be a whole number from 0 to 65535/],
    ["a settings file that is not there", ["config", "--config", "none.json"], /none\.json cannot be read/],
  ];
  for (const [name, args, message] of cases) {
    test(name, async () => {
      let err = "";
      const code = await run(args, { write: (text) => (err += text) });
      assert.equal(code, 2);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n\s+at /, "no stack for a person's mistake");
    });
  }
});

describe("settings files", () => {
  test("an .env file of the working folder is read, quotes and comments included", () => {
    writeFileSync(join(folder, ".env"), "# agent\nSCL_PORT='8123'\nOVSB_TEMPLATE=\"1.0,1.5\" # two\n");
    const { code, out } = headroom(["config", "--json"]);
    rmSync(join(folder, ".env"));
    assert.equal(code, 0);
    const { settings } = JSON.parse(out) as { settings: Record<string, { value: unknown; from: string }> };
    assert.equal(settings.port?.value, 8123);
    assert.equal(settings.port?.from, "env file");
    assert.deepEqual(settings.template?.value, [1, 1.5]);
  });

  test("a config file that is no JSON object is refused by name", () => {
    const path = join(folder, "c.json");
    writeFileSync(path, "{ port: 1 }");
    assert.match(headroom(["config", "--config", path]).err, /c\.json is not JSON/);
    writeFileSync(path, "[1]");
    assert.match(headroom(["config", "--config", path]).err, /c\.json must hold one JSON object/);
  });
});

test("a reader that stops reading is no failure", () => {
  const words = [process.execPath, ...PROGRAM].map((word) => `"${word}"`).join(" ");
  const command = `${words} config --json | head -c 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8", cwd: folder });
  assert.equal(stdout, "{0\n");
  assert.equal(stderr, "");
});

describe("the launcher", () => {
  /** A checkout that is not built, and a folder with a `node` that takes itself for another version. */
  function checkout(nodeVersion: string | null): { bin: string; path: string } {
    const root = mkdtempSync(join(folder, "checkout-"));
    mkdirSync(join(root, "bin"));
    for (const part of ["headroom", "start.cjs"])
      writeFileSync(join(root, "bin", part), readFileSync(join(ROOT, "bin", part)));
    chmodSync(join(root, "bin/headroom"), 0o755);
    mkdirSync(join(root, "tools"));
    for (const tool of ["dirname", "readlink"]) {
      const found = spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" }).stdout.trim();
      symlinkSync(found, join(root, "tools", tool));
    }
    if (nodeVersion !== null) {
      const versions = { ...process.versions, node: nodeVersion.slice(1) };
      const disguise = `for (const [name, value] of [["version", "${nodeVersion}"], ["versions", ${JSON.stringify(versions)}]])
        Object.defineProperty(process, name, { value });`;
      writeFileSync(join(root, "tools/disguise.mjs"), disguise);
      writeFileSync(
        join(root, "tools/node"),
        `#!/bin/sh\nexec "${process.execPath}" --import "${join(root, "tools/disguise.mjs")}" "$@"\n`,
      );
      chmodSync(join(root, "tools/node"), 0o755);
    }
    return { bin: join(root, "bin/headroom"), path: join(root, "tools") };
  }

  const start = (bin: string, path: string): Outcome => {
    const { status, stdout, stderr } = spawnSync("/bin/sh", [bin, "--version"], {
      encoding: "utf8",
      env: { PATH: path },
    });
    return { code: status, out: stdout, err: stderr };
  };

  const refusals: readonly (readonly [string, string | null, RegExp])[] = [
    ["says when there is no Node", null, /Node\.js is not on the PATH; Headroom needs 20\.20 or newer/],
    ["says when Node is too old", "v18.19.0", /Node\.js v18\.19\.0 is too old/],
    ["says when Node is a little too old", "v20.9.0", /Node\.js v20\.9\.0 is too old/],
    ["says when the checkout is not built", "v20.20.0", /not built yet: run "make build"/],
    ["takes newer Nodes", "v24.0.1", /not built yet/],
  ];
  for (const [promise, nodeVersion, message] of refusals) {
    test(promise, () => {
      const { bin, path } = checkout(nodeVersion);
      const { code, err } = start(bin, path);
      assert.equal(code, 1);
      assert.match(err, message);
    });
  }

  test("finds its checkout through a symbolic link", () => {
    const { bin, path } = checkout("v22.0.0");
    const link = join(folder, "linked-headroom");
    symlinkSync(bin, link);
    assert.match(start(link, path).err, /not built yet: run "make build" in .*checkout-/);
  });

  test("leaves --env-file to the program: Node has an option of that name, and takes it from behind a script's name, too", () => {
    const { bin, path } = checkout("v22.0.0");
    for (const command of ["config", "estimate"]) {
      const words = [bin, command, "--env-file", join(folder, "no-such.env")];
      const { stderr } = spawnSync("/bin/sh", words, { encoding: "utf8", env: { PATH: path } });
      assert.match(stderr, /not built yet/);
    }
  });
});
