/** `headroom collect` as a process: follows a scheduler's hosts and a file, keeps what it scrapes, and ends in order. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { run } from "../../src/cli/program.js";
import { COLLECTOR_PROGRAM } from "../../src/cli/settings/program.js";
import { resolveFor } from "../../src/cli/settings/resolve.js";
import { printFlat } from "../../src/core/telemetry/flat-form.js";
import { printIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { milliseconds } from "../../src/core/units.js";
import { openEmbeddedReader } from "../../src/drivers/stores/samples/embedded/reader.js";
import { listen } from "../../src/http/server.js";
import type { Sample } from "../../src/ports/sample-store.js";
import { logged, Processes } from "../cli/processes.js";
import { SchedulerDouble, schedulerApp } from "../http-scheduler/scheduler-double.js";
import { reading } from "./readings.js";

let folder = "";
let processes: Processes;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "headroom-collect-"));
  processes = new Processes(folder);
});
after(() => {
  processes.killAll();
  rmSync(folder, { recursive: true });
});

async function stored(host: string): Promise<readonly Sample[]> {
  const store = await openEmbeddedReader(join(folder, "samples"));
  const range = { from: milliseconds(0), to: milliseconds(Date.now() + 3_600_000) };
  const found: Sample[] = [];
  for await (const sample of store.read({ host, of: "host", metrics: [], ...range })) found.push(sample);
  await store.close();
  return found;
}

/** A scheduler that knows one host, whose agent answers at `url`. */
function oneHost(url: string): SchedulerDouble {
  const scheduler = new SchedulerDouble();
  const [host] = scheduler.hosts();
  scheduler.hosts = () => [{ ...host!, id: "node-7", url }];
  return scheduler;
}

/** Serves what a probe would say now, in either form; gives its address. */
async function startEndpoint(context: TestContext, print: (now: number) => string): Promise<string> {
  const server = createServer((_request, response) => response.end(print(Date.now())));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const valuesAt = (now: number) => reading(now, { cpu_total: 8, cpu_kernel: now * 1e6, cpu_user: 0 });

test("hosts of a scheduler and of a file are scraped into the embedded store, by their names; SIGTERM loses nothing", async (context) => {
  const agent = await startEndpoint(context, (now) => printIdiomatic(valuesAt(now)));
  const probe = await startEndpoint(context, (now) => printFlat(valuesAt(now), "old_1"));
  const { app } = schedulerApp(oneHost(agent));
  const scheduler = await listen(app, { host: "127.0.0.1", port: 0 });
  context.after(() => scheduler.close());
  writeFileSync(join(folder, "targets.yml"), `- targets: ["${new URL(probe).host}"]\n  labels: {host: node-8}\n`);
  const sources = ["--inventory-urls", scheduler.url, "--endpoint-files", join(folder, "*.yml")];
  const common = ["--port", "0", "--sample-folder", join(folder, "samples"), "--scrape-seconds", "1"];
  const collector = processes.start(["collect", "--log-format", "json", ...common, ...sources]);
  const url = await logged(collector, /"url":"([^"]+)".*"the collector is ready"/);
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  for (let [written, round] = [0, 0]; written < 8; await pause(50)) {
    assert.ok(round++ < 2_000, collector.log());
    const text = await metrics();
    const up = /endpoints\{state="up"\} 2\n/.test(text);
    written = up ? Number(/^headroom_collector_written_samples_total (\d+)$/m.exec(text)?.[1]) : 0;
  }
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  let rival = "";
  assert.equal(
    await run(["collect", ...common, ...sources, "--log-level", "error"], { write: (text) => (rival += text) }),
    1,
  );
  assert.match(rival, /is in use by process/);
  const made = Number(/^headroom_collector_samples_total (\d+)$/m.exec(await metrics())?.[1]);
  collector.child.kill("SIGTERM");
  assert.equal(await collector.ended, 0, collector.log());
  const [seven, eight] = [await stored("node-7"), await stored("node-8")];
  assert.ok(seven.length + eight.length >= made, `${seven.length} and ${eight.length} of ${made}`);
  for (const samples of [seven, eight]) {
    const { cpu, vm_number, cpu_usage } = samples.at(-1)!.values;
    assert.deepEqual([cpu, vm_number], [8, 0]);
    assert.ok(Math.abs(cpu_usage! - 1) < 1e-3);
  }
});

test("an .env file of the seed works as it is", () => {
  const environment = { AGGREG_STUB_LIST: '[["http://w:9100/metrics", "example"]]', AGGREG_FETCH_DELAY: "0" };
  const { settings, problems, warnings } = resolveFor(COLLECTOR_PROGRAM, {
    flags: {},
    environment,
    envFile: null,
    configFile: { path: "/c.json", values: { collector: { port: 1 }, samples: { sampleDays: 31 } } },
  });
  assert.deepEqual([problems, warnings], [[], []]);
  assert.deepEqual([settings.endpoints, settings.scrapeSeconds], [environment.AGGREG_STUB_LIST, 0]);
  assert.deepEqual([settings.port, settings.sampleDays], [1, 31]);
});

describe("what keeps a collector from starting is said, with a code for scripts", () => {
  const endpoint = ["--endpoints", "http://127.0.0.1:1/metrics"];
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["nothing to collect", [], /There is nothing to collect\. Name endpoints/],
    [
      "a list that is none",
      ["--endpoints", "[[1]]"],
      /--endpoints is "\[\[1\]\]"; it must be a comma list.*no http URL/,
    ],
    [
      "a pattern in a folder",
      ["--endpoint-files", "/etc/*/a.json"],
      /--endpoint-files .* must be a comma list of absolute paths/,
    ],
    [
      "half a second",
      [...endpoint, "--scrape-seconds", "0.5"],
      /--scrape-seconds is "0\.5"; it must be 0, or a number of seconds from 1/,
    ],
    [
      "the network without tokens",
      [...endpoint, "--address", "0.0.0.0"],
      /see the addresses of all hosts[\s\S]*HEADROOM_COLLECTOR_ADDRESS/,
    ],
  ];
  for (const [name, args, message] of cases)
    test(name, async () => {
      let err = "";
      const common = ["--port", "0", "--log-level", "error", "--sample-folder", join(folder, "none")];
      assert.equal(await run(["collect", ...common, ...args], { write: (text) => (err += text) }), 2, err);
      assert.match(err, message);
      assert.doesNotMatch(err, /\n\s+at /);
    });
});
