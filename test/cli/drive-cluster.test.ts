/**
 * A generated workload drives a live cluster of three hosts: by the script that `headroom generate` makes, in a plain shell, and by
 * `headroom play`. Afterwards the cluster holds what the workload says, no VM more.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { playCommand } from "../../src/cli/commands/play.js";
import { ratio, seconds } from "../../src/core/units.js";
import { generateWorkload, type WorkloadVm } from "../../src/core/workload/generate.js";
import { seededRandom } from "../../src/core/workload/random.js";
import { SCENARIOS } from "../../src/core/workload/scenario.js";
import { createToken } from "../../src/http/auth.js";
import { type SchedulerApiClient, schedulerClient } from "../../src/http/scheduler/client.js";
import { driveScript, workloadLines } from "../../src/trace/workload/formats.js";
import { logged, Processes } from "./processes.js";

const skipWithoutCurl = spawnSync("curl", ["--version"]).status === 0 ? false : "no curl here";
/** Two "days" of four minutes, in two seconds. */
const [SLICE, DAY, DAYS, SPEED] = [60, 240, 2, 240];
const OPERATOR = createToken("operator");
const AGENT = createToken("agent");

const scenario = {
  ...SCENARIOS.get("azure2017")!,
  ratios: [
    [ratio(1), 50],
    [ratio(2), 25],
    [ratio(3), 25],
  ] as const,
};
const temporality = { slice: seconds(SLICE), day: seconds(DAY), days: DAYS };
const VMS: readonly WorkloadVm[] = [...generateWorkload(scenario, temporality, 18, seededRandom(5))];
const STAY = VMS.filter((vm) => vm.permanent);

const folder = mkdtempSync(join(tmpdir(), "headroom-drive-"));
const processes = new Processes(folder);
let url = "";
let client: SchedulerApiClient;

before(async () => {
  writeFileSync(join(folder, "tokens"), `${AGENT.line}\n${OPERATOR.line}\n`);
  const tokens = { HEADROOM_TOKENS_FILE: join(folder, "tokens") };
  const state = ["--state-folder", join(folder, "scheduler"), "--heartbeat-seconds", "0.2"];
  const scheduler = processes.start(["scheduler", "--port", "0", ...state], {
    ...tokens,
    HEADROOM_AGENT_TOKEN: AGENT.token,
  });
  url = await logged(scheduler, /"url":"([^"]+)".*"the scheduler is ready for election"/);
  client = schedulerClient({ baseUrl: url, token: OPERATOR.token, timeoutMs: 20_000 });
  const agents = ["node-a", "node-b", "node-c"].map((name) => {
    const world = `fake:///epyc-7662-2s?state=${join(folder, `${name}.json`)}`;
    const host = ["--hypervisor", world, "--host-name", name, "--port", "0"];
    const environment = { ...tokens, HEADROOM_SCHEDULER_TOKEN: AGENT.token };
    return processes.start(["agent", ...host, "--scheduler-urls", url], environment);
  });
  for (let round = 0; ; round++) {
    const { leadership, hosts } = await client.cluster();
    if (leadership.role === "leader" && hosts.up === 3) break;
    assert.ok(round < 900, `three hosts never were up: ${agents.map((agent) => agent.log()).join("\n")}`);
    await pause(250);
  }
});
after(() => {
  processes.killAll();
  rmSync(folder, { recursive: true });
});

/** What the cluster holds under names that begin so. */
async function held(prefix: string): Promise<readonly string[]> {
  const vms = (await client.vms()).filter(({ name }) => name.startsWith(prefix));
  return vms.map(({ name, vcpus, memoryMiB, ratio: at }) => `${name} ${vcpus} ${memoryMiB} ${at}`).sort();
}

const expected = (prefix: string): readonly string[] =>
  STAY.map(({ name, vcpus, memoryMiB, ratio: at }) => `${prefix}${name} ${vcpus} ${memoryMiB} ${at}`).sort();

test("the workload has VMs that come later, that leave and that stay", () => {
  assert.ok(STAY.length > 5 && STAY.length < VMS.length);
  assert.ok(VMS.some((vm) => vm.arrival > 0 && !vm.permanent));
});

describe("three live hosts", () => {
  test("a plain shell drives them", { skip: skipWithoutCurl }, async () => {
    const script = join(folder, "drive.sh");
    writeFileSync(script, [...driveScript(VMS)].join(""));
    const shell = spawn("sh", [script, url, String(SPEED)], {
      env: { PATH: process.env.PATH ?? "", HEADROOM_TOKEN: OPERATOR.token },
    });
    let [out, err] = ["", ""];
    shell.stdout.setEncoding("utf8").on("data", (piece: string) => {
      out += piece;
    });
    shell.stderr.setEncoding("utf8").on("data", (piece: string) => {
      err += piece;
    });
    assert.deepEqual(await once(shell, "close"), [0, null], err);
    assert.equal(err, "");
    assert.equal(out, `${2 * VMS.length - STAY.length} requests done, 0 not\n`);
    assert.deepEqual(await held("vm"), expected(""));
  });

  test("headroom play drives them, and says how far it is", async () => {
    const workload = join(folder, "workload.jsonl");
    writeFileSync(workload, [...workloadLines(VMS)].join(""));
    let [out, err] = ["", ""];
    const output = {
      stdout: {
        write: (text: string) => {
          out += text;
        },
      },
      stderr: {
        write: (text: string) => {
          err += text;
        },
      },
    };
    const common = ["--workload", workload, "--url", url, "--token", OPERATOR.token, "--json"];
    await playCommand(output).parseAsync([...common, "--speed", String(SPEED)], { from: "user" });
    const { vms, deployed, removed, refusals } = JSON.parse(out) as Record<string, unknown>;
    assert.deepEqual(
      { vms, deployed, removed, refusals },
      { vms: VMS.length, deployed: VMS.length, removed: VMS.length - STAY.length, refusals: {} },
    );
    assert.match(err, /^\d+ of \d+ s: \d+ deployed, \d+ removed, 0 refused$/m);
    assert.deepEqual(await held("play-"), expected("play-"));
    // A second time under the same names: every VM that is still there is refused, and none is doubled.
    const before = await held("");
    out = "";
    const some = ["--limit", "3", "--speed", "10000"];
    await playCommand(output).parseAsync([...common, ...some], { from: "user" });
    assert.deepEqual((await held("")).length, before.length);
  });

  test("a script that nobody answers says so", { skip: skipWithoutCurl }, () => {
    const script = [...driveScript(VMS.slice(0, 1))].join("");
    const { status, stderr } = spawnSync("sh", ["-s", "http://127.0.0.1:1"], { input: script, encoding: "utf8" });
    assert.equal(status, 3);
    assert.match(stderr, /^nobody answers at http:\/\/127\.0\.0\.1:1\n$/);
  });
});
