import assert from "node:assert/strict";
import { test } from "node:test";
import { bearerOf, bearerToken, createToken, parseTokens, type Role } from "../../src/http/auth.js";
import { OperationalError } from "../../src/ports/errors.js";
import { IMAGE, serve, VM } from "./support.js";

const TOKENS = { viewer: createToken("viewer"), agent: createToken("agent"), operator: createToken("operator") };
const FILE = `# who may\n${Object.values(TOKENS)
  .map(({ line }) => line)
  .join("\n")}  # the last one\n\n`;
const table = parseTokens(FILE, "tokens");

const headers = (role: Role) => ({ authorization: `Bearer ${TOKENS[role].token}` });

test("each role may do what it is for, and no more", async () => {
  const { app } = serve({ tokens: table });
  const calls = {
    read: { method: "GET", url: "/v1/vms" },
    change: { method: "POST", url: "/v1/vms", payload: VM },
    operate: { method: "POST", url: "/v1/hosts/host-a/cordon" },
  } as const;
  const statuses: Record<string, number[]> = {};
  for (const role of ["viewer", "agent", "operator"] as const) {
    statuses[role] = [];
    for (const call of Object.values(calls))
      statuses[role].push((await app.inject({ ...call, headers: headers(role) })).statusCode);
  }
  assert.deepEqual(statuses, { viewer: [200, 403, 403], agent: [200, 201, 403], operator: [200, 409, 200] });
  await app.close();
});

test("without a token, with a wrong one, or with another scheme: 401 and how to authenticate", async () => {
  const { app } = serve({ tokens: table });
  const wrong = [
    "Bearer wrong",
    `Basic ${TOKENS.operator.token}`,
    "Bearer ",
    `Bearer ${TOKENS.viewer.token}x`,
    "x".repeat(2000),
  ];
  for (const authorization of [undefined, ...wrong]) {
    const answer = await app.inject({ url: "/v1/vms", headers: authorization === undefined ? {} : { authorization } });
    assert.equal(answer.statusCode, 401, authorization);
    assert.match(answer.headers["www-authenticate"] as string, /^Bearer/);
    assert.equal(answer.json<{ code: string }>().code, "unauthenticated");
  }
  await app.close();
});

test("health and the description are open, metrics are not", async () => {
  const { app } = serve({ tokens: table });
  for (const url of ["/healthz", "/readyz", "/openapi.json", "/problems/forbidden", "/"])
    assert.equal((await app.inject(url)).statusCode, 200, url);
  assert.equal((await app.inject("/metrics")).statusCode, 401);
  assert.equal((await app.inject({ url: "/metrics", headers: headers("viewer") })).statusCode, 200);
  await app.close();
});

test("the seeds' calls need no token from this machine, but one from elsewhere and through a proxy", async () => {
  const { app } = serve({ tokens: table });
  assert.equal((await app.inject("/listvm")).statusCode, 200);
  assert.equal((await app.inject({ url: "/listvm", remoteAddress: "192.0.2.7" })).statusCode, 401);
  assert.equal((await app.inject({ url: "/listvm", headers: { "x-forwarded-for": "192.0.2.7" } })).statusCode, 401);
  const remote = { url: "/listvm", remoteAddress: "192.0.2.7", headers: headers("viewer") };
  assert.equal((await app.inject(remote)).statusCode, 200);
  const deploy = { url: `/deploy?name=a&cpu=1&mem=1&oc=1&qcow2=${IMAGE}`, remoteAddress: "192.0.2.7" };
  assert.equal((await app.inject({ ...deploy, headers: headers("viewer") })).statusCode, 403);
  assert.equal((await app.inject({ ...deploy, headers: headers("operator") })).statusCode, 200);
  await app.close();
});

test("without tokens, web pages of other sites change nothing: no image, form or prefetch deploys or removes", async () => {
  const { app, agent } = serve();
  await app.inject({ method: "POST", url: "/v1/vms", payload: VM });
  const pages = [
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    { origin: "http://evil.example" },
    { origin: "null" },
    { "sec-purpose": "prefetch" },
  ];
  for (const page of pages) {
    const answer = await app.inject({ url: "/remove?name=web-1", headers: page });
    assert.equal(answer.statusCode, 403, JSON.stringify(page));
    assert.equal(answer.json<{ code: string }>().code, "cross-site-request");
  }
  const post = await app.inject({ method: "POST", url: "/v1/vms", payload: { ...VM, name: "b" }, headers: pages[0]! });
  assert.equal(post.statusCode, 403);
  assert.deepEqual(
    agent.vms().map((vm) => vm.name),
    ["web-1"],
  );
  const own = {
    url: "/remove?name=web-1",
    headers: { "sec-fetch-site": "same-origin", origin: "http://localhost:80" },
  };
  assert.equal((await app.inject(own)).statusCode, 200);
  await app.close();
});

test("without tokens, a foreign host name is refused even for reading: DNS rebinding", async () => {
  const { app } = serve();
  for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8099"])
    assert.equal((await app.inject({ url: "/v1/vms", headers: { host } })).statusCode, 403, host);
  for (const host of ["localhost:8099", "127.0.0.1", "[::1]:8099"])
    assert.equal((await app.inject({ url: "/v1/vms", headers: { host } })).statusCode, 200, host);
  await app.close();
});

test("a token is found whatever its place in the file, and its hash is all that the file holds", () => {
  for (const role of ["viewer", "agent", "operator"] as const) {
    const { token, line } = TOKENS[role];
    assert.equal(bearerOf(token, table)?.role, role);
    assert.doesNotMatch(line, new RegExp(token.slice("headroom_".length)));
    assert.equal(bearerToken(`bearer ${token}`), token);
  }
  assert.equal(bearerOf("headroom_", table), null);
});

test("a tokens file that is wrong is refused with its line, and so is an empty one", () => {
  const cases = [
    ["root:00", /line 1/],
    [`${TOKENS.viewer.line}\nviewer:${"0".repeat(63)}`, /line 2/],
    [TOKENS.viewer.token, /line 1/],
    ["# nobody\n", /holds no token.*headroom token create/],
  ] as const;
  for (const [text, message] of cases)
    assert.throws(
      () => parseTokens(text, "/etc/headroom/tokens"),
      (error: unknown) =>
        error instanceof OperationalError && error.code === "bad-settings" && message.test(error.message),
    );
});
