/** A day of estimates moves the allocation ratios of a real OpenStack Placement, beside somebody who allocates all the time. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { Agent } from "undici";
import type { RatioBounds } from "../../src/core/estimator/online/allocation-ratio.js";
import { milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { fixedToken } from "../../src/drivers/sinks/openstack/keystone.js";
import { PlacementApi } from "../../src/drivers/sinks/openstack/placement.js";
import { placementSink } from "../../src/drivers/sinks/openstack/sink.js";
import type { HostEstimate } from "../../src/ports/estimates.js";
import { estimateOf } from "../estimator-online/estimates.js";
import { afterwards, failsWith } from "../stores/support.js";
import { rememberingLog } from "../support/quiet-log.js";
import { skipWithoutPlacement as skip, startPlacement } from "./openstack.js";

const HOUR_MS = 3_600_000;
const BOUNDS: RatioBounds = { least: 1, most: 4, largestStep: 0.5 };
const HEADERS = {
  "x-auth-token": "admin",
  "openstack-api-version": "placement 1.26",
  "content-type": "application/json",
};
const never = new AbortController().signal;

/** Placement as its other users speak to it. */
class Neighbour {
  constructor(
    readonly url: string,
    readonly uuid: string,
  ) {}

  static async with(url: string, name: string): Promise<Neighbour> {
    const uuid = randomUUID();
    const neighbour = new Neighbour(url, uuid);
    await neighbour.call("POST", "/resource_providers", { name, uuid });
    const inventory = { reserved: 0, min_unit: 1, step_size: 1, allocation_ratio: 2 };
    await neighbour.call("PUT", `/resource_providers/${uuid}/inventories`, {
      resource_provider_generation: 0,
      inventories: {
        VCPU: { ...inventory, total: 64, max_unit: 64, reserved: 4 },
        MEMORY_MB: { ...inventory, total: 262_144, max_unit: 262_144, allocation_ratio: 1 },
        DISK_GB: { ...inventory, total: 1000, max_unit: 500, min_unit: 10, allocation_ratio: 1 },
      },
    });
    return neighbour;
  }

  async call(method: string, path: string, body?: object): Promise<{ status: number; json: Record<string, never> }> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: HEADERS,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, json: text === "" ? {} : (JSON.parse(text) as Record<string, never>) };
  }

  /** 204: allocated; 409: there is no room. */
  async allocate(vcpus: number, memory: number): Promise<number> {
    const allocations = { [this.uuid]: { resources: { VCPU: vcpus, MEMORY_MB: memory } } };
    const body = { allocations, project_id: "p", user_id: "u" };
    const server = randomUUID();
    const { status } = await this.call("PUT", `/allocations/${server}`, body);
    assert.ok(status === 204 || status === 409, `allocations are answered ${status}`);
    if (status === 204) this.servers.push(server);
    return status;
  }

  async leave(): Promise<void> {
    const server = this.servers.shift();
    if (server !== undefined) await this.call("DELETE", `/allocations/${server}`);
  }

  readonly servers: string[] = [];

  async look() {
    const path = `/resource_providers/${this.uuid}`;
    const inventories = (await this.call("GET", `${path}/inventories`)).json.inventories as unknown as Record<
      string,
      { total: number; reserved: number; allocation_ratio: number; min_unit: number }
    >;
    const used = (await this.call("GET", `${path}/usages`)).json.usages as unknown as Record<string, number>;
    return { inventories, used };
  }

  /** What this test is about. */
  async holds(): Promise<{ readonly cpu: number; readonly memory: number }> {
    const { inventories, used } = await this.look();
    for (const [name, { total, reserved, allocation_ratio: ratio }] of Object.entries(inventories))
      assert.ok((total - reserved) * ratio >= used[name]!, `${name}: ${total - reserved} * ${ratio} < ${used[name]}`);
    return { cpu: inventories.VCPU!.allocation_ratio, memory: inventories.MEMORY_MB!.allocation_ratio };
  }
}

/** Passes on to Placement; `before` happens just before each replacement of inventories is passed on. Counts what was answered 409. */
async function between(context: TestContext, target: string, before: () => Promise<void>) {
  const seen = { replacements: 0, conflicts: 0 };
  const proxy = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const isReplacement = request.method === "PUT";
    if (isReplacement) await before();
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? "GET",
      headers: { ...HEADERS, "x-auth-token": String(request.headers["x-auth-token"]) },
      ...(body === "" ? {} : { body }),
    });
    if (isReplacement) seen.replacements += 1;
    if (answer.status === 409) seen.conflicts += 1;
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  afterwards(context, async () => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, seen };
}

interface SinkOptions {
  readonly dryRun?: boolean;
  readonly providers?: ReadonlyMap<string, string>;
}

function sinkAt(context: TestContext, url: string, { dryRun = false, providers = new Map() }: SinkOptions = {}) {
  const clock = virtualClock();
  const log = rememberingLog();
  const dispatcher = new Agent();
  const server = { name: "Placement", deadlineMs: 10_000, dispatcher };
  const api = new PlacementApi(server, fixedToken("admin"), url);
  const bounds = { cpu: BOUNDS, memory: { ...BOUNDS, most: 1.5, largestStep: 0.1 } };
  const sink = placementSink({ api, dispatcher, dryRun, bounds, providers, clock, log });
  afterwards(context, async () => sink.close?.());
  return { sink, clock, log };
}

/** Of the hour; needs follow a day's shape. */
function estimateAt(hour: number, used: Readonly<Record<string, number>>): HostEstimate {
  const load = 0.45 - 0.4 * Math.cos((hour / 24) * 2 * Math.PI);
  const { cpu, memory } = estimateOf("node-1");
  return estimateOf("node-1", {
    at: milliseconds(hour * HOUR_MS),
    validUntil: milliseconds((hour + 2) * HOUR_MS),
    cpu: { ...cpu, booked: used.VCPU ?? 0, need: load * 64 },
    memory: { ...memory, capacity: 262_144, booked: used.MEMORY_MB ?? 0, need: load * 262_144 },
  });
}

test("through a day of estimates the capacity is never below what is allocated, whoever allocates meanwhile", {
  skip,
}, async (context) => {
  const server = await startPlacement();
  afterwards(context, () => server.stop());
  const neighbour = await Neighbour.with(server.url, "node-1");
  let hour = 0;
  /** Twice in a row at some hours: the second attempt meets a conflict too. */
  let pending = 0;
  const { url, seen } = await between(context, server.url, async () => {
    if (pending === 0) return;
    pending -= 1;
    // As much as there is room for: what the sink is about to lower the capacity to would not do any more.
    while ((await neighbour.allocate(8, 16_384)) === 204);
  });
  const { sink, clock } = sinkAt(context, url);
  const ratios: number[] = [];
  let before = await neighbour.holds();
  for (; hour < 24; hour++) {
    const { used } = await neighbour.look();
    pending = hour % 3 === 0 ? 1 + (hour % 2) : 0;
    await sink.deliver([estimateAt(hour, used)], never);
    const now = await neighbour.holds();
    // Told again, it does not take another step.
    await sink.deliver([estimateAt(hour, used)], never);
    assert.deepEqual(await neighbour.holds(), now);
    assert.ok(Math.abs(now.cpu - before.cpu) < BOUNDS.largestStep + 1e-4, `${before.cpu} to ${now.cpu}`);
    assert.ok(Math.abs(now.memory - before.memory) < 0.1 + 1e-4, `${before.memory} to ${now.memory}`);
    assert.ok(now.cpu >= 1 && now.cpu <= 4 && now.memory >= 1 && now.memory <= 1.5);
    before = now;
    ratios.push(now.cpu);
    // Some leave over the day, and a few come.
    if (hour >= 8 && hour < 18) for (let i = 0; i < 1 + (hour % 2); i++) await neighbour.leave();
    if (hour % 5 === 1) await neighbour.allocate(2, 4096);
    await neighbour.holds();
    await clock.advance(HOUR_MS);
  }
  const rises = ratios.filter((ratio, i) => i > 0 && ratio > ratios[i - 1]!).length;
  const falls = ratios.filter((ratio, i) => i > 0 && ratio < ratios[i - 1]!).length;
  assert.ok(rises >= 2 && falls >= 2, `${ratios.join(" ")}`);
  assert.ok(seen.conflicts >= 3, `${seen.conflicts} conflicts`);
  assert.equal(seen.replacements > seen.conflicts, true);
  const disk = (await neighbour.look()).inventories.DISK_GB!;
  assert.deepEqual(
    [disk.allocation_ratio, disk.min_unit, disk.total],
    [1, 10, 1000],
    "the rest of the inventories is as it was",
  );
  context.diagnostic(`${seen.replacements} replacements, ${seen.conflicts} met 409; VCPU ${ratios.join(" ")}`);
});

test("a dry run changes nothing and says what it would", { skip }, async (context) => {
  const server = await startPlacement();
  afterwards(context, () => server.stop());
  const neighbour = await Neighbour.with(server.url, "node-1");
  const before = await neighbour.look();
  const { sink, log } = sinkAt(context, server.url, { dryRun: true });
  await sink.deliver([estimateAt(12, {})], never);
  assert.deepEqual(await neighbour.look(), before);
  const [line] = log.lines.filter(({ message }) => message.startsWith("dry run"));
  assert.deepEqual(line?.fields, { host: "node-1", resource: "cpu", from: 2, to: 1.5, used: 0 });

  const { sink: acting, log: told, clock } = sinkAt(context, server.url, { providers: new Map([["h1", "node-1"]]) });
  await acting.deliver([{ ...estimateAt(12, {}), host: "nobody" }], never);
  assert.match(told.lines.map(({ message }) => message).join(), /no such provider/);
  // Stale: what is booked counts, which is more than the need.
  await clock.advance(24 * HOUR_MS);
  const stale = estimateAt(12, { VCPU: 60 });
  await acting.deliver([{ ...stale, host: "h1", cpu: { ...stale.cpu, need: 0 } }], never);
  assert.equal((await neighbour.holds()).cpu, 1.5);

  const { sink: lost } = sinkAt(context, "http://127.0.0.1:1");
  await assert.rejects(lost.deliver([estimateAt(1, {})], never), failsWith("sink-unreachable"));
});
