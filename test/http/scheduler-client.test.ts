/** The agent's client of schedulers, against small servers that answer as schedulers, standbys and strangers do. */
import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { milliseconds } from "../../src/core/units.js";
import { outcomeOf, schedulerClients } from "../../src/http/scheduler-client.js";
import { AgentDouble } from "./agent-double.js";

const BEAT = { host: "host a", machineId: "m", tag: "i/1", at: milliseconds(1) };
const ANSWER = { wants: "nothing", epoch: 4, next: 2_000 };

async function served(listener: RequestListener): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

const clientOf = (url: string, deadlineMs = 2_000) => schedulerClients({ token: "t", deadlineMs })(url);

test("a beat and a registration go where schedulers take them, with the token", async () => {
  const seen: unknown[] = [];
  const { url, server } = await served((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      const parsed = JSON.parse(body) as Record<string, unknown>;
      seen.push([request.method, request.url, request.headers.authorization, Object.keys(parsed).sort()]);
      response.end(JSON.stringify(ANSWER));
    });
  });
  const client = clientOf(`${url}/`);
  const agent = new AgentDouble();
  const registration = { url: "http://h:1", report: agent.hostReport(), at: milliseconds(1) };
  assert.deepEqual(await client.register(registration), { kind: "answered", answer: ANSWER });
  assert.deepEqual(await client.heartbeat(BEAT), { kind: "answered", answer: ANSWER });
  assert.deepEqual(seen, [
    ["POST", "/v1/hosts", "Bearer t", ["at", "report", "url"]],
    ["POST", "/v1/hosts/host%20a/heartbeat", "Bearer t", ["at", "machineId", "tag"]],
  ]);
  server.close();
});

test("a scheduler that does not answer in time, hangs up or is not there counts as silent", async () => {
  const { url, server } = await served((request, response) => {
    if (request.url?.includes("cut")) response.destroy();
  });
  const late = await clientOf(url, 30).heartbeat(BEAT);
  assert.equal(late.kind, "unanswered");
  const cut = await clientOf(url).heartbeat({ ...BEAT, host: "cut" });
  assert.equal(cut.kind, "unanswered");
  const stop = new AbortController();
  stop.abort();
  assert.equal((await clientOf(url).heartbeat(BEAT, stop.signal)).kind, "unanswered");
  server.closeAllConnections();
  server.close();
  assert.equal((await clientOf(url).heartbeat(BEAT)).kind, "unanswered");
});

const problem = (code: string, more: object = {}): string =>
  JSON.stringify({ type: `/problems/${code}`, title: "t", status: 1, code, detail: "d", retryable: true, ...more });

test("a standby's answer names the leader, by problem or by redirect", () => {
  const read = (status: number, headers: Record<string, string>, text: string) =>
    outcomeOf("http://s:1", status, headers, text);
  const leader = "http://l:8100";
  assert.deepEqual(read(503, {}, problem("not-leader", { details: { leader } })), { kind: "elsewhere", leader });
  const nobody = { kind: "elsewhere", leader: null };
  assert.deepEqual(read(503, {}, problem("not-leader", { details: { leader: null } })), nobody);
  assert.deepEqual(read(307, { location: `${leader}/v1/hosts` }, ""), { kind: "elsewhere", leader });
  assert.deepEqual(read(307, {}, ""), nobody);
});

test("a refusal is told from a scheduler in trouble and from what is no scheduler", () => {
  const read = (status: number, text: string) => outcomeOf("http://s:1", status, {}, text).kind;
  assert.equal(read(409, problem("host-taken")), "refused");
  assert.equal(read(401, problem("unauthenticated")), "refused");
  assert.equal(read(503, problem("overloaded")), "unanswered");
  assert.equal(read(502, "<html>"), "unanswered");
  assert.equal(read(200, "{}"), "unanswered");
  assert.equal(read(200, JSON.stringify({ ...ANSWER, wants: "more" })), "unanswered");
});
