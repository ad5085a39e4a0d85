/** The scheduler's client of agents, against the real agent's HTTP interface: every outcome has its kind. */
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import { agentClients } from "../../src/http/agent-client/client.js";
import { agentConnections } from "../../src/http/agent-client/pool.js";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { listen } from "../../src/http/server.js";
import { type AgentClient, type AgentDeploy, reportTag } from "../../src/ports/agent-client.js";
import { startAgent } from "../http/real-agent.js";
import { selfSigned } from "../http/self-signed.js";
import { IMAGE, serveAgent } from "../http/support.js";
import { TestHost } from "./host.js";

const dispatcher = agentConnections({ connectMs: 500 });
after(() => dispatcher.close());
const clientOf = (url: string, token: string | null = null, deadlineMs = 5_000): AgentClient =>
  agentClients({ token, dispatcher, changeMs: deadlineMs, questionMs: deadlineMs })(url);

let count = 0;
const wanted = (name: string, change: Partial<AgentDeploy> = {}): AgentDeploy => ({
  requestId: `request-${++count}`,
  epoch: 5,
  name,
  vcpus: 2,
  memoryMiB: mib(2048),
  ratio: ratio(2),
  image: IMAGE,
  ...change,
});

/** The outcome, which must be of this kind. */
function of<K extends string, O extends { readonly kind: string }>(kind: K, outcome: O): Extract<O, { kind: K }> {
  assert.equal(outcome.kind, kind, JSON.stringify(outcome));
  return outcome as Extract<O, { kind: K }>;
}

describe("an agent that answers", () => {
  const host = new TestHost("host-a");
  let client: AgentClient;
  before(async () => {
    await host.start();
    client = clientOf(host.url);
  });
  after(() => host.kill());

  test("accepts a VM and tells how the host is now; asked again with the same id, it gives the same VM", async () => {
    const request = wanted("web");
    const first = of("accepted", await client.deploy(request));
    assert.equal(first.vm.name, "web");
    assert.ok(first.status.vmCount === 1 && first.status.counts.pools.length === 1);
    assert.equal(of("accepted", await client.deploy(request)).vm.uuid, first.vm.uuid);
    const seen = of("vm", await client.vm("web", 5));
    assert.deepEqual([seen.vm?.uuid, seen.vm?.requestId], [first.vm.uuid, request.requestId]);
    assert.equal(of("vm", await client.vm("nobody", 5)).vm, null);
  });

  test("refuses with its reason, and its status", async () => {
    const taken = of("refused", await client.deploy(wanted("web")));
    assert.deepEqual([taken.refusal.code, taken.status.vmCount], ["name-taken", 1]);
    const huge = of("refused", await client.deploy(wanted("huge", { memoryMiB: mib(64_000) })));
    assert.equal(huge.refusal.code, "no-memory-capacity");
    assert.match(huge.refusal.reason, /63488 of 65536 MiB are free/);
    const gone = { requestId: "r-gone", epoch: 5, name: "nobody", uuid: null };
    assert.equal(of("refused", await client.remove(gone)).refusal.code, "unknown-vm");
  });

  test("what its own limits forbid is a refusal of this host, not a failure", async () => {
    const cases = [
      [{ vcpus: 64 }, "vm-larger-than-host"],
      [{ ratio: ratio(17) }, "ratio-not-offered"],
      [{ image: "/elsewhere/a.qcow2" }, "image-not-found"],
    ] as const;
    for (const [change, code] of cases) {
      const refused = of("refused", await client.deploy(wanted("odd", change)));
      assert.equal(refused.refusal.code, code);
      assert.equal(refused.status.host, "host-a");
    }
  });

  test("resizes and removes only the VM that is meant", async () => {
    const { vm } = of("accepted", await client.deploy(wanted("two")));
    const other = "00000000-0000-4000-8000-000000000000";
    const resize = { epoch: 5, name: "two", vcpus: 3 };
    const wrong = await client.resize({ ...resize, requestId: "r1", uuid: other });
    assert.equal(of("refused", wrong).refusal.code, "unknown-vm");
    assert.equal(of("accepted", await client.resize({ ...resize, requestId: "r2", uuid: vm.uuid })).vm.vcpus, 3);
    const remove = { epoch: 5, name: "two" };
    of("refused", await client.remove({ ...remove, requestId: "r3", uuid: other }));
    assert.equal(of("accepted", await client.remove({ ...remove, requestId: "r4", uuid: vm.uuid })).vm.uuid, vm.uuid);
  });

  test("reports everything once, and nothing while nothing changes", async () => {
    const { report } = of("report", await client.report(null));
    assert.deepEqual(
      report.vms.map((vm) => vm.name),
      ["web"],
    );
    const tag = reportTag(report.status);
    of("unchanged", await client.report(tag));
    of("accepted", await client.deploy(wanted("three")));
    assert.equal(of("report", await client.report(tag)).report.vms.length, 2);
  });

  test("a request that is revoked before it comes is never carried out; one that was done is said to be", async () => {
    const late = wanted("late");
    const { requestId, epoch, name } = late;
    const revoked = of("revoked", await client.revoke({ requestId, epoch, name }));
    assert.equal(revoked.vm, null);
    assert.equal(of("refused", await client.deploy(late)).refusal.code, "request-revoked");
    const made = wanted("made");
    of("accepted", await client.deploy(made));
    const done = of("done", await client.revoke({ requestId: made.requestId, epoch, name: "made" }));
    assert.deepEqual([done.vm?.name, done.vm?.requestId], ["made", made.requestId]);
  });

  test("a leader that was replaced changes nothing, and learns it", async () => {
    of("vm", await client.vm("web", 9));
    const stale = of("stale-leader", await client.deploy(wanted("stale", { epoch: 8 })));
    assert.equal(stale.epoch, 9);
    assert.ok(!host.names().includes("stale"));
    of("stale-leader", await client.vm("web", 8));
  });

  test("names and ids are escaped: they ask for no other path", async () => {
    const outcome = await client.remove({ requestId: "r5", epoch: 9, name: "../hosts/host-a", uuid: null });
    assert.equal(of("failed", outcome).code, "invalid-parameters");
  });

  test("a caller that is gone gets its answer at once", async () => {
    const outcome = await client.report(null, AbortSignal.abort(new Error("gone")));
    assert.equal(of("unanswered", outcome).notSent, false);
  });
});

test("an agent that does not take the token is unauthorised, whatever is asked", async () => {
  const { token, line } = createToken("agent");
  const viewer = createToken("viewer");
  const host = await new TestHost("host-a", parseTokens(`${line}\n${viewer.line}`, "tokens")).start();
  of("accepted", await clientOf(host.url, token).deploy(wanted("web")));
  of("unauthorised", await clientOf(host.url).deploy(wanted("other")));
  of("unauthorised", await clientOf(host.url, "wrong").report(null));
  of("unauthorised", await clientOf(host.url, viewer.token).deploy(wanted("other")));
  assert.deepEqual(host.names(), ["web"]);
  await host.kill();
});

test("TLS: an agent that the operator's authority vouches for is asked, any other is not told the token", async (t) => {
  const tls = selfSigned();
  if (tls === null) {
    t.skip("openssl is not on this machine");
    return;
  }
  const { agent } = await startAgent();
  const { app } = serveAgent(agent, { tls });
  const { url, close } = await listen(app, { host: "127.0.0.1", port: 0 });
  const trusting = agentConnections({ authority: tls.certificate });
  const settings = { token: "secret", changeMs: 5_000, questionMs: 5_000 };
  of("report", await agentClients({ ...settings, dispatcher: trusting })(url).report(null));
  const stranger = of("unauthorised", await agentClients({ ...settings, dispatcher })(url).deploy(wanted("web")));
  assert.match(stranger.reason, /certificate that the cluster's authority does not vouch for/);
  assert.deepEqual(agent.vms(), []);
  await trusting.close();
  await close();
});

test("an agent that is not there was certainly not asked", async () => {
  const host = await new TestHost("host-a").start();
  const { url } = host;
  await host.kill();
  const outcome = of("unanswered", await clientOf(url).deploy(wanted("web")));
  assert.equal(outcome.notSent, true);
  assert.match(outcome.reason, /nothing listens there/);
});

async function other(listener: RequestListener): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

describe("an answer that is not the agent's says nothing about what happened", () => {
  const json = { "content-type": "application/problem+json" };
  const problem = { type: "/problems/x", title: "x", detail: "x", retryable: true };
  const cases: readonly (readonly [what: string, listener: RequestListener, reason: RegExp])[] = [
    ["silence until the deadline", () => undefined, /no answer within 150 ms/],
    ["a connection cut after the question", (request) => request.socket.destroy(), /the connection was cut/],
    ["a proxy's 502", (_, response) => response.writeHead(502).end("<html>"), /not a Headroom agent: status 502/],
    [
      "half an answer",
      (_, response) => response.writeHead(201).end('{"name":"web"'),
      /no Headroom agent of this version/,
    ],
    [
      "an answer of another shape",
      (_, response) => response.end('{"name":"web"}'),
      /no Headroom agent of this version/,
    ],
    [
      "a change that goes on",
      (_, response) =>
        response.writeHead(503, json).end(JSON.stringify({ ...problem, status: 503, code: "deadline-exceeded" })),
      /: x$/,
    ],
  ];
  for (const [what, listener, reason] of cases) {
    test(what, async () => {
      const { url, server } = await other(listener);
      const outcome = of("unanswered", await clientOf(url, null, 150).deploy(wanted("web")));
      assert.equal(outcome.notSent, false);
      assert.match(outcome.reason, reason);
      server.closeAllConnections();
      server.close();
    });
  }

  test("an agent's own failure is one, with its code", async () => {
    const body = JSON.stringify({ ...problem, status: 503, code: "hypervisor-unreachable" });
    const { url, server } = await other((_, response) => void response.writeHead(503, json).end(body));
    assert.equal(of("failed", await clientOf(url).deploy(wanted("web"))).code, "hypervisor-unreachable");
    server.closeAllConnections();
    server.close();
  });

  test("a host that answers under another id is found again", async () => {
    const first = await new TestHost("host-a").start();
    const client = clientOf(first.url);
    of("report", await client.report(null));
    await first.kill();
    const second = new TestHost("host-b");
    Object.assign(second, { port: Number(new URL(first.url).port) });
    await second.start();
    // The kept connection is gone, then the id, and then it is known.
    const outcomes = [await client.report(null), await client.report(null), await client.report(null)];
    assert.deepEqual(
      outcomes.map(({ kind }) => kind).filter((kind) => kind === "unchanged"),
      [],
    );
    assert.equal(of("report", outcomes[2]!).report.status.host, "host-b");
    await second.kill();
  });
});
