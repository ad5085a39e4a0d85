/** What OpenStack is told: the ratio that an estimate asks for, providers' names, and tokens of Keystone. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Agent } from "undici";
import { nextAllocationRatio } from "../../src/core/estimator/online/allocation-ratio.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { keystoneTokens } from "../../src/drivers/sinks/openstack/keystone.js";
import { PlacementApi } from "../../src/drivers/sinks/openstack/placement.js";
import { providerName } from "../../src/drivers/sinks/openstack/sink.js";
import fc from "../support/property.js";

const never = new AbortController().signal;

test("the ratio is within its bounds, moves by a step at most, and is never lowered below what is allocated", () => {
  const number = (max: number) => fc.double({ min: 0, max, noNaN: true });
  const bounds = fc.record({
    least: fc.double({ min: 0.5, max: 2, noNaN: true }),
    width: number(10),
    largestStep: fc.double({ min: 0.01, max: 4, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.record({
        total: fc.integer({ min: 0, max: 1e6 }),
        reserved: fc.nat(1000),
        allocationRatio: fc.double({ min: 0.1, max: 16, noNaN: true }),
      }),
      fc.record({ need: number(1e6), booked: number(2e6), used: fc.nat(3_000_000) }),
      bounds,
      (inventory, demand, { least, width, largestStep }) => {
        const within = { least, most: least + width, largestStep };
        const now = inventory.allocationRatio;
        const next = nextAllocationRatio(inventory, demand, within);
        const net = inventory.total - inventory.reserved;
        if (next === now) return;
        assert.ok(Math.abs(next - now) <= largestStep + 1e-4);
        // Out of its bounds it only ever moves towards them.
        assert.ok(next >= Math.min(now, within.least) - 1e-4 && next <= Math.max(now, within.most) + 1e-4);
        if (next < now) assert.ok(net * Math.fround(next) >= demand.used, `${net} * ${next} < ${demand.used}`);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("the capacity is what is allocated and what is free beside the peak; who is not known may use all of its size", () => {
  const inventory = { total: 64, reserved: 4, allocationRatio: 2 };
  const bounds = { least: 1, most: 16, largestStep: 16 };
  const ratio = (need: number, booked: number, used: number) =>
    nextAllocationRatio(inventory, { need, booked, used }, bounds);
  assert.equal(ratio(20, 120, 120), 2.6667);
  assert.equal(ratio(60, 90, 120), 2);
  assert.equal(ratio(20, 80, 120), 2, "(120 + 60 - 20 - 40) / 60");
  assert.equal(ratio(500, 30, 30), 1);
});

test("providers go by their host's name, by the name in its address, or by what is told", () => {
  const told = new Map([["node-7", "compute7.example"]]);
  assert.deepEqual(
    ["node-1", "http://worker1.lan:9100/metrics", "node-7"].map((host) => providerName(host, told)),
    ["node-1", "worker1.lan", "compute7.example"],
  );
});

test("a token of Keystone is kept until its last minute, renewed when it is turned away, and says where Placement is", async (context) => {
  const asked: string[] = [];
  let valid = "";
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    if (request.url === "/v3/auth/tokens") {
      asked.push(body);
      valid = `token-${asked.length}`;
      const endpoints = [
        { interface: "public", region: "other", url: "http://127.0.0.1:1" },
        { interface: "public", region: "one", url: `${url}/placement/` },
      ];
      const token = { expires_at: "1970-01-01T01:00:00.000000Z", catalog: [{ type: "placement", endpoints }] };
      response.writeHead(201, { "x-subject-token": valid }).end(JSON.stringify({ token }));
    } else if (request.headers["x-auth-token"] !== valid) response.writeHead(401).end("{}");
    else response.end(JSON.stringify({ resource_providers: [{ uuid: request.url }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dispatcher = new Agent();
  context.after(async () => {
    await dispatcher.close();
    server.closeAllConnections();
    server.close();
  });
  const clock = virtualClock();
  const sinkServer = { name: "Keystone", deadlineMs: 5_000, dispatcher };
  const credentials = {
    kind: "password",
    user: "u",
    password: "p",
    userDomain: "d",
    project: "x",
    projectDomain: "e",
  } as const;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`;
  const tokens = keystoneTokens({ url, credentials, region: "one", interface: "public" }, sinkServer, clock);
  const api = new PlacementApi(sinkServer, tokens, null);
  assert.equal(await api.find("node 1", never), "/placement/resource_providers?name=node%201");
  await api.find("node-1", never);
  assert.equal(asked.length, 1);
  assert.deepEqual(JSON.parse(asked[0]!).auth.scope, { project: { name: "x", domain: { name: "e" } } });
  valid = "revoked";
  await api.find("node-1", never);
  assert.equal(asked.length, 2);
  await clock.advance(59 * 60_000 + 1);
  await api.find("node-1", never);
  assert.equal(asked.length, 3);
});
