/** `headroom agent` as a process: starts, says where it listens, ends in order on a signal, and refuses what cannot be. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run } from "../../src/cli/program.js";
import { agentClient } from "../../src/http/client.js";
import { logged, type Process, Processes } from "./processes.js";

let folder = "";
let processes: Processes;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "headroom-agent-"));
  processes = new Processes(folder);
});
after(() => {
  processes.killAll();
  rmSync(folder, { recursive: true });
});

const start = (...args: readonly string[]): Process => processes.start(["agent", ...args]);
/** The URL of a ready agent. */
const ready = (agent: Process): Promise<string> => logged(agent, /"url":"([^"]+)".*"the agent is ready"/);
const clientOf = (url: string) => agentClient({ baseUrl: url, timeoutMs: 10_000 });

describe("an agent on a simulated host", () => {
  test("serves, ends in order on SIGTERM, and finds its guests again", async () => {
    const hypervisor = `fake:///i7-1185g7?state=${join(folder, "world.json")}`;
    const first = start("--hypervisor", hypervisor, "--port", "0");
    const made = await clientOf(await ready(first)).createVm({ name: "web", vcpus: 2, memoryMiB: 1024, ratio: 1 });
    first.child.kill("SIGTERM");
    assert.equal(await first.ended, 0, first.log());
    assert.match(first.log(), /"stopping: the step in progress is finished, guests are left running"/);

    const second = start("--hypervisor", hypervisor, "--port", "0");
    const [found] = await clientOf(await ready(second)).vms();
    assert.equal(found?.name, "web");
    assert.equal(found?.uuid, made.uuid);
    assert.deepEqual(found?.pins, made.pins);
    second.child.kill("SIGINT");
    assert.equal(await second.ended, 0, second.log());
  });

  test("a second one on the same port ends with 2, before it touches the hypervisor", async () => {
    const first = start("--hypervisor", "fake:///i7-1185g7", "--port", "0");
    const port = new URL(await ready(first)).port;
    const second = start(
      "--hypervisor",
      "qemu+unix:///system?socket=/nowhere",
      "--port",
      port,
      "--topology",
      "i7-1185g7",
    );
    assert.equal(await second.ended, 2);
    assert.match(second.log(), /Cannot listen on 127\.0\.0\.1 port \d+: another program listens there/);
    first.child.kill("SIGTERM");
    await first.ended;
  });

  test("--record writes a trace that begins with its header and holds the VM, and --load replays it", async () => {
    const trace = join(folder, "trace.csv");
    const agent = start("--hypervisor", "fake:///i7-1185g7", "--port", "0", "--record", trace);
    await clientOf(await ready(agent)).createVm({ name: "web", vcpus: 1, memoryMiB: 512, ratio: 1 });
    agent.child.kill("SIGTERM");
    assert.equal(await agent.ended, 0, agent.log());
    const lines = readFileSync(trace, "utf8").trimEnd().split("\n");
    assert.match(lines[0]!, /^tmp\trec\tres\tval\tconfig\t/);
    assert.ok(lines.some((line) => /\tvm\tcpu\t/.test(line) && line.includes("\tweb\t")));

    const replay = start("--topology", "i7-1185g7", "--load", trace, "--debug=1");
    assert.equal(await replay.ended, 0, replay.log());
    const recomputed = readFileSync(join(folder, "debug", "monitoring.csv"), "utf8");
    assert.ok(recomputed.includes("\tweb\t"), recomputed);
  });
});

describe("what keeps an agent from starting is said, with a code for scripts", () => {
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      "libvirt that is not there",
      ["--hypervisor", "qemu+unix:///system?socket=/nowhere/libvirt-sock", "--topology", "i7-1185g7"],
      3,
      /libvirt at .* is not reachable/,
    ],
    ["an unknown preset", ["--hypervisor", "fake:///nonesuch"], 2, /there is no preset "nonesuch"/],
    [
      "the network without tokens",
      ["--hypervisor", "fake:///", "--address", "0.0.0.0"],
      2,
      /Refusing to listen on 0\.0\.0\.0/,
    ],
    [
      "a tokens file that is not there",
      ["--hypervisor", "fake:///", "--tokens-file", "/nowhere/tokens"],
      2,
      /HEADROOM_TOKENS_FILE: ENOENT/,
    ],
    [
      "another machine's host without its topology",
      ["--hypervisor", "qemu+ssh://root@elsewhere/system"],
      2,
      /its topology must be named.*headroom topology --record/,
    ],
    [
      "a topology that is not there",
      ["--hypervisor", "fake:///", "--topology", "none.json"],
      2,
      /there is no such file or preset/,
    ],
  ];
  for (const [name, args, code, message] of cases) {
    test(name, async () => {
      let err = "";
      const ended = await run(["agent", "--port", "0", "--log-level", "error", ...args], {
        write: (text) => (err += text),
      });
      assert.equal(ended, code, err);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n\s+at /, "no stack for an operator's mistake");
    });
  }
});
