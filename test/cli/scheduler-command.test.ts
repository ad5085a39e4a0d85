/** `headroom scheduler` and agents as processes: they find each other, survive crashes, and refuse strangers. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "../../src/cli/program.js";
import { createToken } from "../../src/http/auth.js";
import { type SchedulerApiClient, schedulerClient } from "../../src/http/scheduler/client.js";
import { logged, type Process, Processes } from "./processes.js";

let folder = "";
let processes: Processes;
const AGENT = createToken("agent");
const OPERATOR = createToken("operator");
before(() => {
  folder = mkdtempSync(join(tmpdir(), "headroom-scheduler-"));
  writeFileSync(join(folder, "tokens"), `${AGENT.line}\n${OPERATOR.line}\n`);
  processes = new Processes(folder);
});
after(() => {
  processes.killAll();
  rmSync(folder, { recursive: true });
});

const tokens = () => ({ HEADROOM_TOKENS_FILE: join(folder, "tokens") });

function startScheduler(port: string, ...args: readonly string[]): Process {
  const state = ["--state-folder", join(folder, "scheduler"), "--heartbeat-seconds", "0.2", "--suspect-seconds", "1.5"];
  const environment = { ...tokens(), HEADROOM_AGENT_TOKEN: AGENT.token };
  return processes.start(["scheduler", "--port", port, ...state, ...args], environment);
}

const urlOf = (scheduler: Process): Promise<string> =>
  logged(scheduler, /"url":"([^"]+)".*"the scheduler is ready for election"/);

function startAgent(name: string, scheduler: string): Process {
  const world = `fake:///i7-1185g7?state=${join(folder, `${name}.json`)}`;
  const host = ["--hypervisor", world, "--host-name", name, "--port", "0", "--labels", `name=${name}`];
  return processes.start(["agent", ...host, "--scheduler-urls", scheduler], {
    ...tokens(),
    HEADROOM_SCHEDULER_TOKEN: AGENT.token,
  });
}

const clientOf = (baseUrl: string, token: string | null = OPERATOR.token): SchedulerApiClient =>
  schedulerClient({ baseUrl, token, timeoutMs: 10_000 });

/** Until the scheduler has taken over and hears of so many hosts. */
async function upHosts(client: SchedulerApiClient, count: number): Promise<void> {
  for (let round = 0; round < 1_500; round++) {
    const { leadership, hosts } = await client.cluster();
    if (leadership.role === "leader" && hosts.up === count) return;
    await pause(20);
  }
  assert.fail(`${count} hosts never were up: ${JSON.stringify(await client.cluster())}`);
}

test("agents register themselves; a rival on the same folder ends; VMs and events outlive a killed scheduler", async () => {
  const first = startScheduler("0");
  const url = await urlOf(first);
  const client = clientOf(url);
  const agents = [startAgent("node-a", url), startAgent("node-b", url)];
  await upHosts(client, 2);
  const vm = { name: "web", vcpus: 2, memoryMiB: 1024, ratio: 2, constraints: { labels: { name: "node-b" } } };
  const made = await client.createVm(vm, "key-1");
  assert.equal(made.host, "node-b");
  await assert.rejects(clientOf(url, null).vms(), { code: "unauthenticated" });
  const rival = startScheduler("0");
  assert.equal(await rival.ended, 1);
  assert.match(rival.log(), /store .* is in use by process \d+ .*: stop that scheduler first, or use etcd for several/);
  first.child.kill("SIGKILL");
  await first.ended;

  const second = startScheduler(new URL(url).port);
  await urlOf(second);
  await upHosts(client, 2);
  assert.equal((await client.createVm(vm, "key-1")).uuid, made.uuid);
  assert.equal((await client.cluster()).leadership.epoch, 2);
  assert.equal((await client.removeVm("web")).host, "node-b");
  second.child.kill("SIGTERM");
  assert.equal(await second.ended, 0, second.log());
  assert.match(second.log(), /VMs stay where they are/);
  const events = readFileSync(join(folder, "scheduler", "cluster-events.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  const kinds = events.map((line) => (JSON.parse(line) as { kind: string }).kind);
  for (const kind of ["host-registered", "vm-placed", "vm-removed"]) assert.ok(kinds.includes(kind), kind);
  for (const agent of agents) {
    agent.child.kill("SIGTERM");
    assert.equal(await agent.ended, 0, agent.log());
  }
});

describe("what keeps a scheduler from starting is said, with a code for scripts", () => {
  const cases: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    [
      "the network without tokens",
      ["--address", "0.0.0.0"],
      2,
      /Refusing to listen on 0\.0\.0\.0[\s\S]*HEADROOM_SCHEDULER_ADDRESS/,
    ],
    ["a tokens file that is not there", ["--tokens-file", "/nowhere/tokens"], 2, /HEADROOM_TOKENS_FILE: ENOENT/],
    ["an authority that is not there", ["--cluster-authority", "/nowhere/ca"], 2, /HEADROOM_CLUSTER_AUTHORITY: ENOENT/],
    ["a list that is none", ["--list", "node-7:8099,ftp://x"], 2, /--list is .*comma list of URLs/],
    [
      "an etcd authority that is not there",
      ["--etcd-endpoints", "https://127.0.0.1:1", "--etcd-authority", "/nowhere/ca"],
      2,
      /HEADROOM_ETCD_AUTHORITY: ENOENT/,
    ],
  ];
  for (const [name, args, code, message] of cases) {
    test(name, async () => {
      let err = "";
      const state = join(folder, "refused");
      const common = ["scheduler", "--port", "0", "--log-level", "error", "--state-folder", state];
      const ended = await run([...common, ...args], { write: (text) => (err += text) });
      assert.equal(ended, code, err);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n\s+at /, "no stack for an operator's mistake");
    });
  }
});
