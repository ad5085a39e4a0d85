/** `headroom estimate --watch`, `--once` and `--list` on an embedded store: as a user runs them, and when they are killed. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { emptyProgram, inherited, runProgram } from "../../src/cli/assemble.js";
import { estimateCommand } from "../../src/cli/commands/estimate.js";
import { ONLINE_FORM } from "../../src/cli/commands/estimate-online.js";
import { milliseconds, seconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedSamples } from "../../src/drivers/stores/samples/embedded/store.js";
import type { StateFile } from "../../src/estimator/state-file.js";
import { logged, Processes } from "../cli/processes.js";
import { quietLog } from "../support/quiet-log.js";
import { HOUR_MS, hostHistory, START } from "./histories.js";

const HOURS = 30;
const HOSTS = ["node-1", "node-2", "http://10.0.0.7:8099/metrics"];
let folder = "";
let processes: Processes;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "headroom-online-"));
  processes = new Processes(folder);
  const shift = (Math.floor(Date.now() / HOUR_MS) - START - HOURS) * HOUR_MS;
  const retention = { keptDays: 400, fineDays: 400, coarseSeconds: seconds(300) };
  const store = await openEmbeddedSamples({
    folder: join(folder, "samples"),
    retention,
    clock: realClock(),
    log: quietLog(),
  });
  for (const [i, host] of HOSTS.entries()) {
    const samples = hostHistory(host, HOURS, i + 1);
    await store.write(samples.map((one) => ({ ...one, at: milliseconds(one.at + shift) })));
  }
  await store.close();
});
after(() => {
  processes.killAll();
  rmSync(folder, { recursive: true });
});

const optionsFor = (name: string): readonly string[] => [
  ...["--sample-folder", join(folder, "samples"), "--estimator-folder", join(folder, name)],
  ...["--estimate-file", join(folder, `${name}.json`), "--delay-seconds", "0"],
];

async function headroom(...args: readonly string[]): Promise<{ code: number; output: string; errors: string }> {
  const texts = { output: "", errors: "" };
  const into = (key: keyof typeof texts) => ({
    write: (text: string) => {
      texts[key] += text;
    },
  });
  const [stdout, stderr] = [into("output"), into("errors")];
  const program = inherited(emptyProgram().addCommand(estimateCommand({ stdout, stderr }, ONLINE_FORM)));
  const code = await runProgram(program, ["estimate", ...args], stderr);
  return { code, ...texts };
}

const stateOf = (name: string): StateFile =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as StateFile;

test("--once takes in all windows, and --list shows what it found", async () => {
  const quiet = ["--log-level", "error"];
  const { code, output, errors } = await headroom("--once", ...optionsFor("once"), ...quiet);
  assert.equal(code, 0, errors);
  for (const host of HOSTS) assert.match(output, new RegExp(`│ ${host.replaceAll(/[./]/g, "\\$&")} +│ \\d`));
  const listed = await headroom("--list", "--json", ...optionsFor("once"));
  assert.deepEqual(JSON.parse(listed.output), stateOf("once"));
  const other = await headroom("--once", "--strategy", "borg", ...optionsFor("borg"), ...quiet);
  assert.equal(other.code, 0);
  assert.equal(stateOf("borg")["node-1"]?.strategy, "borg");
});

test("--once keeps the promise that it is asked for, on the command line as in the environment", async () => {
  const quiet = ["--log-level", "error"];
  const needOf = (name: string): number => stateOf(name)["node-1"]!.cpu.tier0;
  await headroom("--once", "--promise", "4", ...optionsFor("bold"), ...quiet);
  await headroom("--once", "--promise", "200", ...optionsFor("careful"), ...quiet);
  assert.ok(needOf("bold") < needOf("careful"));
  process.env.HEADROOM_ESTIMATE_PROMISE = "4";
  try {
    await headroom("--once", ...optionsFor("by-environment"), ...quiet);
  } finally {
    delete process.env.HEADROOM_ESTIMATE_PROMISE;
  }
  assert.equal(needOf("by-environment"), needOf("bold"));
});

test("a store without fresh samples is no failure: there is nothing to estimate yet", async () => {
  const options = ["--estimator-folder", join(folder, "idle"), "--estimate-file", join(folder, "idle.json")];
  const store = ["--sample-folder", join(folder, "samples"), "--estimate-hosts", "nobody"];
  const { code, output, errors } = await headroom("--once", ...options, ...store, "--log-level", "error");
  assert.deepEqual([code, output, errors], [0, "no host was estimated yet\n", ""]);
});

test("mistakes are told, and change nothing", async () => {
  const fails = async (...args: readonly string[]) => {
    const { code, errors } = await headroom(...args);
    return `${code} ${errors}`;
  };
  assert.match(await fails("--watch", "--once"), /^2 .*exclude each other/);
  assert.match(await fails("--watch", "--load", "x"), /^2 .*--load reads a recorded host/);
  assert.match(await fails(), /^2 .*--load.*--watch/s);
  assert.match(await fails("--once", "--window-seconds", "5"), /^2 .*--window-seconds is "5"; it must be .*20/s);
  assert.match(await fails("--once", "--scope-seconds", "5000"), /^2 .*must be a multiple of/s);
  assert.match(await fails("--once", "--promise", "3"), /^2 .*--promise.*2, 4, 10, 20, 40/s);
  assert.match(
    await fails("--list", "--estimate-file", join(folder, "none.json")),
    /^1 .*none\.json.*--watch writes it/s,
  );
  assert.match(
    await fails("--once", ...optionsFor("none"), "--sample-folder", "/nowhere"),
    /^1 .*headroom collect makes it/,
  );
  const blocked = join(folder, "a-file");
  writeFileSync(blocked, "");
  assert.match(
    await fails("--once", ...optionsFor("none"), "--estimator-folder", blocked),
    /^1 headroom: HEADROOM_ESTIMATOR_FOLDER \(--estimator-folder\): the estimator's folder \S+a-file cannot be used: EEXIST[^\n]*\n$/,
  );
  // The kernel says ENOENT below a folder that is there: Node's own mkdir -p would ask for ever.
  assert.match(
    await fails("--once", ...optionsFor("none"), "--estimator-folder", "/proc/headroom/states"),
    /^1 headroom: HEADROOM_ESTIMATOR_FOLDER \(--estimator-folder\): .*\/proc\/headroom\/states cannot be used: E/,
  );
  assert.match(
    await fails("--once", ...optionsFor("none"), "--estimate-file", "/proc/headroom/estimates.json"),
    /^2 headroom: HEADROOM_ESTIMATE_FILE \(--estimate-file\): the folder \/proc\/headroom cannot be made: E/,
  );
});

test("killed in the middle of its work and started anew, it comes to the same estimates", async () => {
  const args = ["estimate", "--watch", "--port", "0", "--log-format", "json", ...optionsFor("killed")];
  const states = join(folder, "killed");
  for (let kills = 0; kills < 2; kills++) {
    const one = processes.start(args);
    await logged(one, /the estimator is ready/);
    // Killed as soon as another state is written.
    const count = (): number =>
      existsSync(states) ? readdirSync(states).filter((name) => name.endsWith("state.json")).length : 0;
    for (let round = 0; count() <= kills && round < 2_000; round++) await pause(2);
    one.child.kill("SIGKILL");
    await one.ended;
  }
  const last = processes.start(args);
  const url = await logged(last, /"url":"([^"]+)".*"the estimator is ready"/);
  const fresh = async (): Promise<number> => {
    const { items } = (await (await fetch(`${url}/v1/estimates`)).json()) as { items: readonly { stale: boolean }[] };
    return items.filter(({ stale }) => !stale).length;
  };
  for (let round = 0; (await fresh()) < HOSTS.length && round < 1_000; round++) await pause(100);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.match(await (await fetch(`${url}/metrics`)).text(), /headroom_estimate_cpu_needed_pcpus\{host="node-1"\} \d/);
  assert.equal((await fetch(`${url}/v1/estimates/${encodeURIComponent(HOSTS[2]!)}`)).status, 200);
  assert.equal((await fetch(`${url}/v1/estimates/nobody`)).status, 404);
  const rival = await headroom("--once", ...optionsFor("killed"), "--log-level", "error");
  assert.deepEqual([rival.code, /in use by process/.test(rival.errors)], [1, true], "one process estimates all hosts");
  last.child.kill("SIGTERM");
  assert.equal(await last.ended, 0, last.log());
  const clean = await headroom("--once", ...optionsFor("clean"), "--log-level", "error");
  assert.equal(clean.code, 0, clean.errors);
  assert.deepEqual(stateOf("killed"), stateOf("clean"));
});
