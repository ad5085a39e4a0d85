/** What schedulers ask of an agent over HTTP: epochs, host status with every answer, tags, reports, revocations. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { InjectOptions } from "fastify";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { noneMatch, weakTag } from "../../src/http/entity-tag.js";
import { problemAnswer } from "../../src/http/schemas/answers.js";
import { hostReport, hostStatus } from "../../src/http/schemas/report.js";
import { problemWithStatus, revocationAnswer, vmWithStatus } from "../../src/http/schemas/scheduler-calls.js";
import { reportTag } from "../../src/ports/agent-client.js";
import { type RealAgent, startAgent } from "./real-agent.js";
import { type Served, serve, serveAgent, VM } from "./support.js";

let served: Served<RealAgent["agent"]>;
before(async () => {
  served = serveAgent((await startAgent()).agent);
});
beforeEach(async () => {
  for (const vm of served.agent.vms()) await served.agent.remove(vm.name);
});
after(() => served.app.close());

let epoch = 100;
let ids = 0;
const newId = (): string => `request-${++ids}`;

const ask = (request: InjectOptions) => served.app.inject(request);
const codeOf = (response: { json: () => unknown }): string => problemAnswer.parse(response.json()).code;
const from = (of: number, key?: string) => ({
  "headroom-epoch": String(of),
  ...(key === undefined ? {} : { "idempotency-key": key }),
});
const deploy = (headers: Record<string, string>, change: object = {}) =>
  ask({ method: "POST", url: "/v1/vms?status=1", payload: { ...VM, ...change }, headers });

test("an answer carries the host's tag, and on request its whole status: deploy, resize, show, remove", async () => {
  const key = newId();
  const made = await deploy(from(epoch, key));
  assert.equal(made.statusCode, 201, made.body);
  const answer = vmWithStatus.strict().parse(made.json());
  const status = hostStatus.strict().parse(answer.hostStatus);
  assert.equal(made.headers["headroom-generation"], reportTag(status));
  assert.equal(answer.requestId, key);
  assert.deepEqual([status.vmCount, status.ready, status.host], [1, true, "host-a"]);
  const resized = await ask({
    method: "POST",
    url: `/v1/vms/web-1/resize?status=1&uuid=${answer.uuid}`,
    payload: { memoryMiB: 1024 },
    headers: from(epoch, newId()),
  });
  assert.equal(vmWithStatus.parse(resized.json()).hostStatus?.memory.allocatedMiB, 1024);
  const shown = await ask({ url: "/v1/vms/web-1?status=1", headers: from(epoch) });
  assert.equal(vmWithStatus.parse(shown.json()).requestId, key);
  const removed = await ask({
    method: "DELETE",
    url: `/v1/vms/web-1?status=1&uuid=${answer.uuid}`,
    headers: from(epoch, newId()),
  });
  assert.equal(vmWithStatus.parse(removed.json()).hostStatus?.vmCount, 0);
});

test("without being asked for it, an answer is the VM alone", async () => {
  const made = await ask({ method: "POST", url: "/v1/vms", payload: VM });
  assert.deepEqual(Object.keys(made.json<object>()).sort(), Object.keys(served.agent.vm("web-1")!).sort());
  assert.equal(made.headers["headroom-generation"], served.agent.tag());
});

test("a refusal carries the status as well", async () => {
  const refused = await deploy(from(epoch, newId()), { memoryMiB: 10_000_000 });
  assert.equal(refused.statusCode, 409);
  const problem = problemWithStatus.parse(refused.json());
  assert.equal(problem.hostStatus?.vmCount, 0);
  const nobody = await ask({ url: "/v1/vms/nobody?status=1", headers: from(epoch) });
  assert.equal(nobody.statusCode, 404);
  assert.equal(problemWithStatus.parse(nobody.json()).hostStatus?.host, "host-a");
});

test("a lower epoch is 409 stale-leader with the latest; the same request under a higher one is decided anew", async () => {
  const key = newId();
  epoch += 10;
  await ask({ url: "/v1/vms/web-1", headers: from(epoch) });
  const stale = await deploy(from(epoch - 1, key));
  assert.equal(stale.statusCode, 409);
  const problem = problemAnswer.parse(stale.json());
  assert.deepEqual([problem.code, problem.details], ["stale-leader", { epoch }]);
  const made = await deploy(from(epoch + 1, key));
  assert.equal(made.statusCode, 201, made.body);
  epoch += 1;
});

test("a repeated request of a scheduler is answered by the agent, with the status of now", async () => {
  const key = newId();
  await deploy(from(epoch, key));
  await ask({ method: "POST", url: "/v1/vms", payload: { ...VM, name: "web-2" } });
  const again = await deploy(from(epoch, key));
  assert.equal(again.statusCode, 201);
  assert.equal(vmWithStatus.parse(again.json()).hostStatus?.vmCount, 2);
  const other = await deploy(from(epoch, key), { name: "web-3" });
  assert.equal(codeOf(other), "idempotency-key-reused");
});

test("a removal with an Idempotency-Key is done once", async () => {
  await ask({ method: "POST", url: "/v1/vms", payload: VM });
  const remove = { method: "DELETE", url: "/v1/vms/web-1", headers: { "idempotency-key": newId() } } as const;
  const first = await ask(remove);
  await ask({ method: "POST", url: "/v1/vms", payload: VM });
  const second = await ask(remove);
  assert.deepEqual([second.statusCode, second.body], [200, first.body]);
  assert.notEqual(served.agent.vm("web-1"), null);
});

test("a revoked deploy is 409 request-revoked when it comes; one that was done answers its VM", async () => {
  const [late, done] = [newId(), newId()];
  const revoke = (id: string) =>
    ask({
      method: "POST",
      url: `/v1/requests/${encodeURIComponent(id)}/revoke?status=1`,
      payload: { name: "web-1" },
      headers: from(epoch),
    });
  const promised = revocationAnswer.strict().parse((await revoke(late)).json());
  assert.deepEqual([promised.outcome, promised.vm, promised.requestId], ["revoked", null, null]);
  assert.equal(codeOf(await deploy(from(epoch, late))), "request-revoked");
  await deploy(from(epoch, done));
  const known = revocationAnswer.parse((await revoke(done)).json());
  assert.deepEqual([known.outcome, known.vm?.name, known.requestId], ["done", "web-1", done]);
  assert.equal(known.hostStatus?.vmCount, 1);
  const odd = "any/visible:ascii?&%#";
  assert.equal(revocationAnswer.parse((await revoke(odd)).json()).outcome, "revoked");
  assert.equal(codeOf(await deploy(from(epoch, odd), { name: "web-9" })), "request-revoked");
});

test("an unchanged host is 304 without a body, for the host and for its report", async () => {
  for (const url of ["/v1/hosts/host-a", "/v1/hosts/host-a/report"]) {
    const first = await ask({ url });
    const tag = first.headers.etag as string;
    assert.match(tag, /^W\/"[^"/]+\/\d+"$/);
    assert.equal(first.headers["cache-control"], "no-store");
    const again = await ask({ url, headers: { "if-none-match": tag } });
    assert.deepEqual([again.statusCode, again.body, again.headers.etag], [304, "", tag]);
    await ask({ method: "POST", url: "/v1/vms", payload: { ...VM, name: `for-${url.length}` } });
    const changed = await ask({ url, headers: { "if-none-match": tag } });
    assert.equal(changed.statusCode, 200);
  }
  assert.equal(codeOf(await ask({ url: "/v1/hosts/other/report" })), "unknown-host");
});

test("a report is what its schema says, no more and no less", async () => {
  await deploy(from(epoch, newId()));
  const report = hostReport.strict().parse((await ask({ url: "/v1/hosts/host-a/report" })).json());
  hostStatus.strict().parse(report.status);
  assert.deepEqual(
    report.vms.map((vm) => vm.name),
    ["web-1"],
  );
  assert.deepEqual(report, JSON.parse(JSON.stringify(served.agent.hostReport())));
});

test("entity tags compare weakly, and a list or * matches too", () => {
  const tag = weakTag("i/1");
  for (const header of [tag, '"i/1"', `"x", ${tag}`, "*", ` ${tag} `]) assert.ok(noneMatch(header, tag), header);
  for (const header of ['"i/2"', "", "i/1", 'W/"i/11"']) assert.ok(!noneMatch(header, tag), header);
  assert.ok(!noneMatch(undefined, tag));
});

test("only who may change things may tell an agent an epoch", async () => {
  const tokens = { viewer: createToken("viewer"), agent: createToken("agent") };
  const table = parseTokens(`${tokens.viewer.line}\n${tokens.agent.line}\n`, "tokens");
  const { app } = serve({ tokens: table });
  const look = async (role: "viewer" | "agent", of: number | null) => {
    const authorization = `Bearer ${tokens[role].token}`;
    const headers = of === null ? { authorization } : { authorization, ...from(of) };
    return (await app.inject({ url: "/v1/vms/web-1", headers })).statusCode;
  };
  assert.deepEqual(await Promise.all([look("viewer", null), look("viewer", 9), look("agent", 9)]), [404, 403, 404]);
  const revoke = { method: "POST", url: "/v1/requests/r/revoke", payload: { name: "web-1" } } as const;
  const asViewer = await app.inject({ ...revoke, headers: { authorization: `Bearer ${tokens.viewer.token}` } });
  assert.equal(asViewer.statusCode, 403);
  await app.close();
});

const BAD: readonly { readonly what: string; readonly request: InjectOptions; readonly field: string }[] = [
  ...["", "0", "-1", "1.5", "1e3", "abc", "9007199254740992", "99999999999999999999"].map((of) => ({
    what: `epoch "${of}"`,
    request: { method: "POST" as const, url: "/v1/vms", payload: VM, headers: { "headroom-epoch": of } },
    field: "headroom-epoch",
  })),
  { what: "status=yes", request: { url: "/v1/vms/web-1?status=yes" }, field: "status" },
  { what: "a short uuid", request: { method: "DELETE", url: "/v1/vms/web-1?uuid=12" }, field: "uuid" },
  {
    what: "a revocation without a name",
    request: { method: "POST", url: "/v1/requests/r/revoke", payload: {} },
    field: "name",
  },
  {
    what: "a revocation of a control character",
    request: { method: "POST", url: "/v1/requests/a%07/revoke", payload: { name: "web-1" } },
    field: "requestId",
  },
];

for (const { what, request, field } of BAD) {
  test(`${what} is bad input that names ${field}`, async () => {
    const response = await ask(request);
    assert.ok([400, 422].includes(response.statusCode), response.body);
    assert.equal(problemAnswer.parse(response.json()).errors?.[0]?.field, field);
  });
}
