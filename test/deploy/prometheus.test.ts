/** Rules and dashboard hold what they say: a real Prometheus takes them, and finds what they ask for on running daemons. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { agentClient } from "../../src/http/client.js";
import { logged, Processes } from "../cli/processes.js";
import { skipWithoutPrometheus, startPrometheus } from "../samples/servers.js";
import { eventually } from "../stores/support.js";
import { ROOT } from "../style/source-files.js";
import type { RealServer } from "../support/servers.js";
import {
  CONFIG,
  dashboard,
  type Expression,
  metricsIn,
  panelExpressions,
  RULES,
  ruleExpressions,
} from "./expressions.js";

const promtool = (...args: readonly string[]) => spawnSync("promtool", args, { encoding: "utf8" });

test("promtool accepts rules and configuration, and the alerts fire when they should", {
  skip: skipWithoutPrometheus,
}, () => {
  for (const args of [
    ["check", "rules", RULES],
    ["check", "config", CONFIG],
    ["test", "rules", `${ROOT}test/deploy/alerts.yml`],
  ]) {
    const { status, stdout, stderr } = promtool(...args);
    assert.equal(status, 0, `promtool ${args.join(" ")}:\n${stdout}${stderr}`);
  }
  assert.ok(ruleExpressions().length > 20);
});

test("the dashboard is one that Grafana can import: panels of known kinds, side by side, with a datasource to choose", () => {
  const { panels, templating } = dashboard();
  const kinds = new Set(["row", "stat", "timeseries", "table"]);
  const taken = new Set<string>();
  for (const panel of panels as readonly (ReturnType<typeof dashboard>["panels"][number] & {
    readonly type: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  })[]) {
    assert.ok(kinds.has(panel.type), panel.title);
    const { x, y, w, h } = panel.gridPos;
    assert.ok(x + w <= 24, panel.title);
    for (let column = x; column < x + w; column++)
      for (let row = y; row < y + h; row++) {
        assert.ok(!taken.has(`${column},${row}`), `${panel.title} lies over another panel`);
        taken.add(`${column},${row}`);
      }
  }
  assert.deepEqual(
    templating.list.map(({ name }) => name),
    ["datasource", "instance"],
  );
});

describe("on running daemons", { skip: skipWithoutPrometheus }, () => {
  const folder = mkdtempSync(join(tmpdir(), "headroom-deploy-"));
  const processes = new Processes(folder);
  let server: RealServer | null = null;
  const urls = new Map<string, string>();

  before(async () => {
    const state = (name: string): readonly string[] => ["--port", "0", "--state-folder", join(folder, name)];
    const scheduler = processes.start(["scheduler", ...state("scheduler")]);
    urls.set("headroom-scheduler", await logged(scheduler, /"url":"([^"]+)".*"the scheduler is ready for election"/));
    const membership = ["--scheduler-urls", urls.get("headroom-scheduler")!];
    const host = ["--hypervisor", "fake:///i7-1185g7?load=mixed", "--tick-seconds", "1"];
    const agent = processes.start(["agent", ...host, ...membership, ...state("agent")]);
    urls.set("headroom-agent", await logged(agent, /"url":"([^"]+)".*"the agent is ready"/));
    const client = agentClient({ baseUrl: urls.get("headroom-agent")!, timeoutMs: 30_000 });
    for (const [name, ratio] of [
      ["web", 1],
      ["db", 2],
    ] as const)
      await client.createVm({ name, vcpus: 2, memoryMiB: 1024, ratio });
    const collector = processes.start([
      "collect",
      ...["--endpoints", `${urls.get("headroom-agent")}/metrics`, "--port", "0"],
      ...["--sample-folder", join(folder, "samples"), "--scrape-seconds", "1"],
    ]);
    urls.set("headroom-collector", await logged(collector, /"url":"([^"]+)".*"the collector is ready"/));
    const estimator = processes.start([
      ...["estimate", "--watch", "--port", "0", "--sample-folder", join(folder, "samples")],
      ...["--estimator-folder", join(folder, "estimator"), "--estimate-file", join(folder, "estimates.json")],
    ]);
    urls.set("headroom-estimator", await logged(estimator, /"url":"([^"]+)".*"the estimator is ready"/));
    const jobs = [...urls].map(
      ([job, url]) => `  - job_name: ${job}\n    static_configs: [{ targets: ["${new URL(url).host}"] }]\n`,
    );
    copyFileSync(RULES, join(folder, "headroom.rules.yml"));
    const config = [
      "global: { scrape_interval: 1s, evaluation_interval: 1s }\n",
      `rule_files: ["${join(folder, "headroom.rules.yml")}"]\n`,
      `scrape_configs:\n${jobs.join("")}`,
    ];
    server = await startPrometheus({ config: config.join("") });
    // Rates want several scrapes, recorded rules an evaluation behind them.
    await eventually(async () => (await ask("count_over_time(headroom_vm_vcpus[1m]) > 5")).length > 0, "scrapes", 120);
  });

  after(async () => {
    await server?.stop();
    processes.killAll();
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(query: string): Promise<readonly unknown[]> {
    const response = await fetch(`${server?.url}/api/v1/query?${new URLSearchParams({ query })}`);
    const answer = (await response.json()) as { status: string; error?: string; data?: { result: unknown[] } };
    assert.equal(answer.status, "success", `${query}: ${answer.error}`);
    return answer.data?.result ?? [];
  }

  test("Prometheus scrapes every daemon and evaluates every rule", async () => {
    assert.equal((await ask('up{job=~"headroom-.+"} == 1')).length, urls.size);
    const response = await fetch(`${server?.url}/api/v1/rules`);
    const { data } = (await response.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    assert.equal(rules.length, ruleExpressions().length);
    assert.deepEqual(
      rules.filter(({ health }) => health !== "ok"),
      [],
    );
  });

  test("every metric that an expression names is one that a daemon shows", async () => {
    const shown = new Set<string>();
    for (const url of urls.values()) {
      const text = await (await fetch(`${url}/metrics`)).text();
      for (const [, name = "", kind] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
        shown.add(name);
        if (kind === "histogram") for (const part of ["bucket", "count", "sum"]) shown.add(`${name}_${part}`);
      }
    }
    // What the machine lacks is not shown: see core/telemetry/metrics.ts.
    const { READING_METRICS } = await import("../../src/core/telemetry/metrics.js");
    for (const { name } of READING_METRICS) shown.add(name);
    const unknown = [...ruleExpressions(), ...panelExpressions()].flatMap((expression) =>
      metricsIn(expression).flatMap((name) => (shown.has(name) ? [] : [`${expression.where}: ${name}`])),
    );
    assert.deepEqual(unknown, []);
  });

  test("every expression runs, and what a host without real guests can show is there", async (context) => {
    const without: string[] = [];
    const run = async (expression: Expression): Promise<void> => {
      if ((await ask(expression.text)).length === 0) without.push(expression.where);
    };
    for (const expression of panelExpressions()) await run(expression);
    const panelsWithout = [...without];
    for (const expression of ruleExpressions()) await run(expression);
    context.diagnostic(`without data: ${without.join(", ")}`);
    const allowed = /that some task waited|annotations/;
    assert.deepEqual(
      panelsWithout.filter((where) => !allowed.test(where)),
      [],
    );
    const alerting = await ask('ALERTS{alertstate="firing",severity!="info"}');
    assert.deepEqual(alerting, [], "nothing is wrong, and nothing alarms");
  });
});
