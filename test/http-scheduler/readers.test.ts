/** What a cluster's readers can ask beside lists: what a host is made of, what happened to a VM and why, how many more fit. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { TestCluster } from "./cluster.js";

const agent = createToken("operator");
const viewer = createToken("viewer");
const tokens = parseTokens(`${agent.line}\n${viewer.line}\n`, "tokens");

describe("a reader of the cluster", () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await new TestCluster({ hosts: 2, tokens, token: agent.token }).start();
  });
  after(() => cluster.end());

  const ask = async (path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(cluster.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${viewer.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  test("sees what a host is made of with a token of the cluster's; its agent's own is not needed", async () => {
    const { status, body } = await ask("/v1/hosts/host-1/topology");
    assert.equal(status, 200);
    assert.equal(body.host, "host-1");
    assert.equal((body.pcpus as unknown[]).length, body.totalPcpus);
    assert.equal((await ask("/v1/hosts/nowhere/topology")).body.code, "unknown-host");
  });

  test("reads where a VM was placed and why, and that it was removed, when it is gone", async () => {
    await cluster.scheduler.deploy({
      name: "a",
      vcpus: 1,
      memoryMiB: mib(512),
      ratio: ratio(1),
      image: null,
    });
    await cluster.scheduler.remove("a");
    const { body } = await ask("/v1/vms/a/events");
    const items = body.items as { kind: string; message: string }[];
    assert.deepEqual(
      items.map(({ kind }) => kind),
      ["vm-placed", "vm-removed"],
    );
    assert.match(items[0]!.message, /^1 vCPU and 512 MiB at ratio 1: best score, [\d.-]+ \(balance /);
    const unknown = await ask("/v1/vms/never/events");
    assert.deepEqual([unknown.status, unknown.body.code], [404, "unknown-vm"]);
  });

  test("is told how many more fit, and they do", async () => {
    const wanted = { vcpus: 2, memoryMiB: 256, ratio: 1 };
    const { body } = await ask("/v1/placements:explain", wanted);
    const hosts = body.hosts as { room: number }[];
    assert.equal(
      body.room,
      hosts.reduce((sum, { room }) => sum + room, 0),
    );
    assert.ok(Number(body.room) > 1);
    await cluster.scheduler.deploy({ name: "one", vcpus: 2, memoryMiB: mib(256), ratio: ratio(1), image: null });
    assert.equal((await ask("/v1/placements:explain", wanted)).body.room, Number(body.room) - 1);
  });

  test("is told that an agent does not answer, and which", async () => {
    await cluster.hosts[1]!.kill();
    const { status, body } = await ask("/v1/hosts/host-1/topology");
    assert.deepEqual([status, body.code], [503, "agent-unreachable"]);
    assert.match(String(body.detail), /^Host host-1 does not say: the agent at http:.* did not answer/);
  });
});
