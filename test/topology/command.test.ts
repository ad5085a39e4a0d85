/** `headroom topology` and the source of topologies that all commands share: what they print, and what they answer to bad requests. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { topologyCommand } from "../../src/cli/commands/topology.js";
import { exitCodeOf, UsageError } from "../../src/cli/exit.js";
import { loadTopology } from "../../src/cli/topology-source.js";
import { parseTopologyText } from "../../src/core/topology/parse-text.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { formatSeedTopology } from "../../src/core/topology/seed-json.js";
import { hostText, recordedHost } from "./hosts.js";

const folder = mkdtempSync(join(tmpdir(), "headroom-topology-"));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

async function run(...argv: string[]): Promise<{ out: string; err: string }> {
  const printed = { out: "", err: "" };
  const command = topologyCommand({
    stdout: { write: (text: string) => (printed.out += text), columns: 80 },
    stderr: { write: (text: string) => (printed.err += text) },
  });
  await command.exitOverride().parseAsync(argv, { from: "user" });
  return printed;
}

describe("headroom topology", () => {
  test("draws a recorded host, and tells on stderr what it assumed", async () => {
    const { out, err } = await run("--topology", file("a.host", hostText("xeon-e2288g-offline")));
    assert.match(out, /^13 pCPUs on 8 cores/);
    assert.equal(err, "warning: pCPUs 5,10-11 are offline: left out\n");
  });
  test("draws this machine by default", {
    skip: process.platform === "linux" ? false : "sysfs is Linux's",
  }, async () => {
    assert.match((await run()).out, /^\d+ pCPUs? on \d+ cores?, .*package/);
  });
  test("prints either JSON, which loads again", async () => {
    const own = await run("--topology", "i7-1185g7", "--exclude", "0,4", "--json");
    assert.deepEqual(parseTopologyText(own.out).topology, loadTopology("i7-1185g7", [0, 4]).topology);
    const seed = await run("--topology", "i7-1185g7", "--format", "seed");
    assert.equal(seed.out, formatSeedTopology(presetTopology("i7-1185g7")!));
  });
  test("writes a file and prints nothing", async () => {
    const path = join(folder, "out.json");
    assert.deepEqual(await run("--topology", "epyc-7662-2s", "--out", path), { out: "", err: "" });
    assert.deepEqual(loadTopology(path).topology, presetTopology("epyc-7662-2s"));
  });
  test("prints distances on request, and keeps to the width", async () => {
    const { out } = await run("--topology", "epyc-7662-2s", "--distances", "--width", "60", "--ascii");
    assert.match(out, /72 {3}16384 pairs {2}packages \(0 and 64\)/);
    assert.match(out, /^[\n -~]*$/);
    assert.ok(out.split("\n").every((line) => line.length <= 60));
  });
  test("records this machine so that it reads the same", {
    skip: process.platform === "linux" ? false : "Linux",
  }, async () => {
    const path = join(folder, "self.host");
    await run("--record", path);
    assert.match(readFileSync(path, "utf8"), /^# headroom recorded host\n/);
    assert.deepEqual(loadTopology(path), loadTopology(null));
  });
});

describe("a bad request is told in one line and ends with code 2", () => {
  const broken = file("broken.json", '{"cpuset": 7}');
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["an unknown source", ["--topology", "pdp-11"], /pdp-11: there is no such file or preset; allowed: .*epyc-7662-2s/],
    ["a broken file", ["--topology", broken], /broken\.json: topology: cpuset is 7; allowed: an object/],
    ["an empty file", ["--topology", file("empty.json", "")], /the document is no JSON/],
    ["a folder without a host", ["--topology", folder], /without an online pCPU/],
    ["a set that is none", ["--exclude", "3-1"], /--exclude: CPU set "3-1"/],
    ["a pCPU that is not there", ["--topology", "i7-1185g7", "--exclude", "8"], /pCPU 8, which the host does not have/],
    ["every pCPU", ["--topology", "i7-1185g7", "--exclude", "0-7"], /every pCPU of the host/],
    ["no width", ["--width", "wide"], /--width is "wide"; allowed: a whole number from 40 to 400/],
    ["a place that cannot be written", ["--topology", "i7-1185g7", "--out", join(folder, "no", "x")], /--out: ENOENT/],
    ["recording a preset", ["--topology", "i7-1185g7", "--record", join(folder, "r")], /--record records this machine/],
  ];
  for (const [what, argv, message] of cases) {
    test(what, async () => {
      await assert.rejects(run(...argv), (error: unknown) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.equal(exitCodeOf(error), 2);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
    });
  }
});

test("loadTopology takes the word of the settings for this machine", { skip: process.platform !== "linux" }, () => {
  assert.deepEqual(loadTopology("auto"), loadTopology(null));
});

test("loadTopology gives a recorded host with its warnings", () => {
  const path = file("qemu.host", hostText("qemu-16-sockets"));
  assert.deepEqual(loadTopology(path), recordedHost("qemu-16-sockets"));
});
