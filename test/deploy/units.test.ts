/** The units are ones that systemd reads without a complaint, for commands that there are. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildProgram } from "../../src/cli/program.js";
import { ROOT } from "../style/source-files.js";
import { isInstalled } from "../support/servers.js";

const UNITS = `${ROOT}deploy/systemd/`;
const INSTALLED = "/opt/headroom/bin/headroom";
const units = readdirSync(UNITS).filter((name) => name.endsWith(".service"));
const skip = isInstalled("systemd-analyze") ? false : "systemd-analyze is not installed (systemd)";

test("every daemon has a unit, and every unit runs a command that there is", () => {
  const commands = units.map(
    (name) => /^ExecStart=\S+ (\w+)(?: --watch)?$/m.exec(readFileSync(UNITS + name, "utf8"))?.[1],
  );
  assert.deepEqual(commands.sort(), ["agent", "collect", "estimate", "probe", "scheduler"]);
  const known = buildProgram().commands.map((command) => command.name());
  for (const command of commands) assert.ok(known.includes(command ?? ""), command);
});

test("systemd-analyze verify accepts them", { skip }, (context) => {
  const folder = mkdtempSync(join(tmpdir(), "headroom-units-"));
  context.after(() => rmSync(folder, { recursive: true }));
  // The program of an installation, which systemd looks for.
  const program = join(folder, "headroom");
  writeFileSync(program, "#!/bin/sh\n");
  chmodSync(program, 0o755);
  for (const name of units)
    writeFileSync(join(folder, name), readFileSync(UNITS + name, "utf8").replaceAll(INSTALLED, program));
  const paths = units.map((name) => join(folder, name));
  const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...paths], {
    encoding: "utf8",
  });
  const about = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("headroom"));
  assert.deepEqual({ status, about }, { status: 0, about: [] });
});
