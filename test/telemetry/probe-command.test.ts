/** `headroom probe` as a process on a simulated host: once, serving, with a textfile; what keeps it from starting is said. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "../../src/cli/program.js";
import { prefixOfHost } from "../../src/cli/telemetry/open-probe.js";
import { createToken } from "../../src/http/auth.js";
import { logged, Processes } from "../cli/processes.js";

let folder = "";
let processes: Processes;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "headroom-probe-"));
  processes = new Processes(folder);
});
after(() => {
  processes.killAll();
  rmSync(folder, { recursive: true });
});

const FAKE = ["--hypervisor", "fake:///i7-1185g7"];

test("serves its metrics to who has a token, keeps a textfile, and takes it away when it ends", async () => {
  const [viewer, tokens, textfile] = [createToken("viewer"), join(folder, "tokens"), join(folder, "vm.prom")];
  writeFileSync(tokens, `${viewer.line}\n`);
  const flags = ["--port", "0", "--textfile", textfile, "--probe-seconds", "1", "--form", "flat", "--prefix", "node_7"];
  const probe = processes.start(["probe", ...FAKE, ...flags, "--tokens-file", tokens, "--log-format", "json"]);
  const url = await logged(probe, /"url":"([^"]+)".*"the probe is ready"/);
  assert.equal((await fetch(`${url}/metrics`)).status, 401);
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${viewer.token}` } });
  assert.match(await answer.text(), /^node_7_global_cpu_total 8$/m);
  while (!existsSync(textfile)) await pause(20);
  assert.match(readFileSync(textfile, "utf8"), /^node_7_global_probe_epoch \d{13}\n/);
  assert.equal(statSync(textfile).mode & 0o777, 0o644);
  probe.child.kill("SIGTERM");
  assert.equal(await probe.ended, 0, probe.log());
  assert.ok(!existsSync(textfile));
});

test("an agent shows the same in its own metrics, unless it is told not to", async () => {
  const agents = ["on", "off"].map((probe, index) => {
    const world = join(folder, `world-${index}.json`);
    const flags = ["--port", "0", "--log-format", "json", "--probe-metrics", probe];
    return processes.start(["agent", "--hypervisor", `fake:///i7-1185g7?state=${world}`, ...flags]);
  });
  const texts = await Promise.all(
    agents.map(async (agent) => {
      const url = await logged(agent, /"url":"([^"]+)".*"the agent is ready"/);
      return (await fetch(`${url}/metrics`)).text();
    }),
  );
  assert.match(texts[0]!, /^headroom_host_pcpus 8$/m);
  assert.match(texts[0]!, /^headroom_host_online_pcpus 8$/m);
  const heads = texts[0]!.split("\n").filter((line) => line.startsWith("# TYPE"));
  assert.equal(new Set(heads).size, heads.length, "the agent and its probe share no name");
  assert.doesNotMatch(texts[1]!, /headroom_probe_/);
  for (const agent of agents) {
    agent.child.kill("SIGTERM");
    assert.equal(await agent.ended, 0, agent.log());
  }
});

describe("what keeps a probe from starting is said, with a code for scripts", () => {
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ["no hypervisor", ["--hypervisor", "qemu+unix:///system?socket=/nowhere/sock"], 3, /is not reachable/],
    [
      "the network without tokens",
      [...FAKE, "--address", "0.0.0.0"],
      2,
      /see the names of all VMs[\s\S]*HEADROOM_PROBE_ADDRESS/,
    ],
    ["a prefix that is none", [...FAKE, "--prefix", "7node"], 2, /--prefix is "7node"; it must be letters, digits/],
    ["a textfile that node_exporter would not read", [...FAKE, "--textfile", "/srv/vm.txt"], 2, /ends in \.prom/],
    [
      "a textfile in no folder",
      [...FAKE, "--textfile", "/nowhere/vm.prom"],
      2,
      /HEADROOM_PROBE_TEXTFILE: the folder \/nowhere/,
    ],
  ];
  for (const [name, args, code, message] of cases)
    test(name, async () => {
      let err = "";
      const ended = await run(["probe", "--port", "0", "--log-level", "error", ...args], {
        write: (text) => (err += text),
      });
      assert.equal(ended, code, err);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n\s+at /);
    });
});

test("the prefix of flat names is the host's name as far as it can be one", () => {
  assert.deepEqual(["node-7.example", "7", "münchen", ""].map(prefixOfHost), [
    "node7example",
    "host7",
    "mnchen",
    "host",
  ]);
});
