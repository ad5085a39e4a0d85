import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgent } from "./real-agent.js";
import { serveAgent, VM } from "./support.js";

test("metrics say what the API says, per host, pool and VM, in base units", async () => {
  const { agent } = await startAgent();
  const { app } = serveAgent(agent, { agentTotals: () => agent.metrics() });
  await app.inject({ method: "POST", url: "/v1/vms", payload: VM });
  await app.inject("/v1/vms/nobody");
  const answer = await app.inject("/metrics");
  assert.match(answer.headers["content-type"] as string, /^text\/plain; version=0\.0\.4/);
  const text = answer.body;
  const status = agent.status();
  const lines: readonly string[] = [
    "headroom_up 1",
    "headroom_host_pcpus 16",
    `headroom_host_free_pcpus ${status.pcpus.free}`,
    `headroom_host_memory_allocated_bytes ${2048 * 2 ** 20}`,
    'headroom_pool_allocated_vcpus{ratio="2"} 2',
    'headroom_vm_vcpus{vm="web-1"} 2',
    `headroom_vm_memory_bytes{vm="web-1"} ${2048 * 2 ** 20}`,
    'headroom_agent_requests_total{kind="deploy",outcome="accepted"} 1',
    'headroom_agent_events_total{kind="vm-deployed"} 1',
    'headroom_http_problems_total{code="unknown-vm"} 1',
    'headroom_http_request_duration_seconds_count{method="POST",route="/v1/vms",status="201"} 1',
    'headroom_build_info{version="test"} 1',
  ];
  for (const line of lines) assert.ok(text.includes(`${line}\n`), `${line} is missing in\n${text}`);
  assert.match(text, /headroom_vm_info\{vm="web-1",uuid="[0-9a-f-]{36}",state="running",ratio="2"\} 1/);
  await app.inject({ method: "DELETE", url: "/v1/vms/web-1" });
  assert.doesNotMatch((await app.inject("/metrics")).body, /vm="web-1"/);
  await app.close();
});

test("every metric has help, a type, the prefix, and no unknown value passed off as zero", async () => {
  const { agent } = await startAgent();
  const { app } = serveAgent(agent, { agentTotals: () => agent.metrics() });
  const text = (await app.inject("/metrics")).body;
  const names = new Set([...text.matchAll(/^(\w+?)(?:_bucket|_sum|_count)?(?:\{| )/gm)].map((match) => match[1] ?? ""));
  for (const name of names) {
    assert.match(name, /^headroom_[a-z_]+$/);
    assert.match(text, new RegExp(`^# HELP ${name} \\S`, "m"));
    assert.match(text, new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, "m"));
  }
  assert.equal(agent.status().usage.memoryMiB === null, !/^headroom_host_memory_usage_bytes /m.test(text));
  await app.close();
});
