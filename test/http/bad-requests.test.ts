/** Bad input, kind by kind: each gets a 4xx that names the field, changes nothing, and meets no bug. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InjectOptions } from "fastify";
import { type Listening, listen } from "../../src/http/server.js";
import { exchange } from "./raw.js";
import { type RealAgent, startAgent } from "./real-agent.js";
import { IMAGE, type Served, serveAgent, VM } from "./support.js";

let served: Served<RealAgent["agent"]>;
let listening: Listening;
before(async () => {
  served = serveAgent((await startAgent()).agent);
  await served.app.inject({ method: "POST", url: "/v1/vms", payload: VM });
  listening = await listen(served.app, { host: "127.0.0.1", port: 0 });
});
after(() => listening.close());

interface Kind {
  readonly what: string;
  readonly status: number;
  /** In the problem's `errors`. */
  readonly field: string;
  readonly request: InjectOptions;
}

const JSON_TYPE = { "content-type": "application/json" };
const body = (what: string, field: string, change: object): Kind => ({
  what,
  status: 422,
  field,
  request: { method: "POST", url: "/v1/vms", payload: { ...VM, name: "new", ...change } },
});
const text = (what: string, field: string, payload: string | Buffer, status = 400): Kind => ({
  what,
  status,
  field,
  request: { method: "POST", url: "/v1/vms", headers: JSON_TYPE, payload },
});
const query = (what: string, field: string, url: string, status = 400): Kind => ({
  what,
  status,
  field,
  request: { url },
});
const deploy = (change: Record<string, string | null>): string => {
  const values = { name: "new", cpu: "2", mem: "2", oc: "2", qcow2: IMAGE, ...change };
  const pairs = Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== null);
  return `/deploy?${new URLSearchParams(pairs)}`;
};
const seed = (what: string, field: string, change: Record<string, string | null>): Kind =>
  query(what, field, deploy(change));
const withHeaders = (
  what: string,
  status: number,
  field: string,
  headers: Record<string, string>,
  payload: string,
): Kind => ({
  what,
  status,
  field,
  request: { method: "POST", url: "/v1/vms", headers, payload },
});

const GOOD = JSON.stringify({ ...VM, name: "new" });

const BODIES: readonly Kind[] = [
  body("a missing name", "name", { name: undefined }),
  body("an empty name", "name", { name: "" }),
  body("a name of a wrong type", "name", { name: 7 }),
  body("a name that is a list", "name", { name: ["new", "newer"] }),
  body("a name of 64 characters", "name", { name: "a".repeat(64) }),
  body("a name with XML", "name", { name: "<domain type='kvm'/>" }),
  body("a name with an XML entity", "name", { name: "a&amp;b" }),
  body("a name with a shell substitution", "name", { name: "$(reboot)" }),
  body("a name with a shell separator", "name", { name: "a;rm -rf" }),
  body("a name with a back tick", "name", { name: "`id`" }),
  body("a name with a quote", "name", { name: "a'b" }),
  body("a name with a path", "name", { name: "../../etc/passwd" }),
  body("a name with a null byte", "name", { name: "a\u0000b" }),
  body("a name with a line break", "name", { name: "a\nb" }),
  body("a name that ends in a line break", "name", { name: "ab\n" }),
  body("a name in other letters", "name", { name: "сервер" }),
  body("a name that begins with a dash", "name", { name: "-rf" }),
  body("a name that begins with a dot", "name", { name: ".hidden" }),
  body("missing vCPUs", "vcpus", { vcpus: undefined }),
  body("no vCPUs", "vcpus", { vcpus: 0 }),
  body("negative vCPUs", "vcpus", { vcpus: -2 }),
  body("a fraction of a vCPU", "vcpus", { vcpus: 1.5 }),
  body("vCPUs as text", "vcpus", { vcpus: "2" }),
  body("more vCPUs than the host has pCPUs", "vcpus", { vcpus: 17 }),
  body("a million vCPUs", "vcpus", { vcpus: 1_000_000 }),
  body("vCPUs null", "vcpus", { vcpus: null }),
  body("vCPUs true", "vcpus", { vcpus: true }),
  body("missing memory", "memoryMiB", { memoryMiB: undefined }),
  body("no memory", "memoryMiB", { memoryMiB: 0 }),
  body("negative memory", "memoryMiB", { memoryMiB: -1 }),
  body("a fraction of a MiB", "memoryMiB", { memoryMiB: 0.5 }),
  body("memory beyond any machine", "memoryMiB", { memoryMiB: 2 ** 31 }),
  body("memory that is an object", "memoryMiB", { memoryMiB: { gb: 2 } }),
  body("a missing ratio", "ratio", { ratio: undefined }),
  body("a ratio below 1", "ratio", { ratio: 0.5 }),
  body("a ratio of 0", "ratio", { ratio: 0 }),
  body("a negative ratio", "ratio", { ratio: -2 }),
  body("a ratio above the operator's maximum", "ratio", { ratio: 17 }),
  body("a ratio with seven decimals", "ratio", { ratio: 1.0000001 }),
  body("a ratio as text", "ratio", { ratio: "2.0" }),
  body("an image outside the folders", "image", { image: "/etc/passwd" }),
  body("an image that climbs out with ../", "image", { image: "/var/lib/images/../../../etc/passwd" }),
  body("an image that is relative", "image", { image: "debian.qcow2" }),
  body("an image beside the folder with its name in front", "image", { image: "/var/lib/images-of-others/a.qcow2" }),
  body("the image folder itself", "image", { image: "/var/lib/images" }),
  body("an image with doubled slashes", "image", { image: "/var/lib/images//a.qcow2" }),
  body("an image with /./", "image", { image: "/var/lib/images/./a.qcow2" }),
  body("an image that ends in a slash", "image", { image: "/var/lib/images/a/" }),
  body("an image with a null byte", "image", { image: "/var/lib/images/a.qcow2\u0000.png" }),
  body("an image with a line break", "image", { image: "/var/lib/images/a\n.qcow2" }),
  body("an image that is a URL", "image", { image: "http://example.org/a.qcow2" }),
  body("an image of 5,000 characters", "image", { image: `/var/lib/images/${"a".repeat(5000)}` }),
  body("an image that is not there", "image", { image: "/var/lib/images/missing.qcow2" }),
  body("an unknown field", "colour", { colour: "red" }),
  body("the seeds' field in the new interface", "cpu", { cpu: 2 }),
  body("a field in other case", "Name", { Name: "new" }),
];

const TEXTS: readonly Kind[] = [
  text("no body", "body", "", 422),
  text("null for a body", "body", "null", 422),
  text("a list for a body", "body", "[]", 422),
  text("a number for a body", "body", "7", 422),
  text("a body cut short", "body", '{"name":"new"'),
  text("a trailing comma", "body", '{"name":"new",}'),
  text("single quotes", "body", "{'name':'new'}"),
  text("two values", "body", `${GOOD}${GOOD}`),
  text("NaN", "body", '{"name":"new","vcpus":NaN}'),
  text("Infinity", "body", '{"name":"new","memoryMiB":Infinity}'),
  text("a number beyond doubles", "memoryMiB", '{"name":"new","memoryMiB":1e999}'),
  text("a whole number that doubles cannot hold", "vcpus", '{"name":"new","vcpus":9007199254740993}'),
  text("a number with a leading zero", "body", '{"vcpus":02}'),
  text("a hexadecimal number", "body", '{"vcpus":0x10}'),
  text("a doubled field", "name", '{"name":"new","name":"other","vcpus":1,"memoryMiB":1,"ratio":1}'),
  text("a doubled field in disguise", "name", '{"name":"new","na\\u006de":"other"}'),
  text("__proto__", "__proto__", '{"__proto__":{"vcpus":1},"name":"new"}'),
  text("constructor", "constructor", '{"constructor":{"prototype":{"admin":true}}}'),
  text("deep nesting", "body", "[".repeat(5000) + "]".repeat(5000)),
  text("a control character in a string", "body", '{"name":"a\tb"}'),
  text("half of a surrogate pair", "body", '{"name":"\\ud800"}'),
  text("bytes that are not UTF-8", "body", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
  text("a byte order mark", "body", Buffer.from(`\ufeff${GOOD}`)),
  text("an oversized body", "body", JSON.stringify({ name: "a".repeat(100_000) }), 413),
  withHeaders("no content type", 415, "content-type", { "content-type": "" }, GOOD),
  withHeaders("a form", 415, "content-type", { "content-type": "application/x-www-form-urlencoded" }, "name=new&cpu=2"),
  withHeaders("plain text", 415, "content-type", { "content-type": "text/plain" }, GOOD),
  withHeaders("XML", 415, "content-type", { "content-type": "application/xml" }, "<vm/>"),
  withHeaders("another charset", 415, "content-type", { "content-type": "application/json; charset=utf-16" }, GOOD),
  withHeaders("a packed body", 415, "content-type", { ...JSON_TYPE, "content-encoding": "gzip" }, GOOD),
  withHeaders("an empty idempotency key", 400, "idempotency-key", { ...JSON_TYPE, "idempotency-key": "" }, GOOD),
  withHeaders(
    "an idempotency key of 200 characters",
    400,
    "idempotency-key",
    { ...JSON_TYPE, "idempotency-key": "k".repeat(200) },
    GOOD,
  ),
];

const QUERIES: readonly Kind[] = [
  seed("no name", "name", { name: null }),
  seed("no cpu", "cpu", { cpu: null }),
  seed("no mem", "mem", { mem: null }),
  seed("no oc", "oc", { oc: null }),
  seed("no qcow2", "qcow2", { qcow2: null }),
  seed("a name with XML", "name", { name: "<name>x</name>" }),
  seed("a name with shell metacharacters", "name", { name: "x|nc -e sh" }),
  seed("cpu zero", "cpu", { cpu: "0" }),
  seed("cpu negative", "cpu", { cpu: "-1" }),
  seed("cpu a fraction", "cpu", { cpu: "1.5" }),
  seed("cpu with an exponent", "cpu", { cpu: "1e1" }),
  seed("cpu hexadecimal", "cpu", { cpu: "0x2" }),
  seed("cpu in other digits", "cpu", { cpu: "２" }),
  seed("cpu beyond the host", "cpu", { cpu: "17" }),
  seed("cpu huge", "cpu", { cpu: "99999999999999999999" }),
  seed("mem NaN", "mem", { mem: "NaN" }),
  seed("mem infinite", "mem", { mem: "inf" }),
  seed("mem zero", "mem", { mem: "0" }),
  seed("mem negative", "mem", { mem: "-2" }),
  seed("mem with an exponent", "mem", { mem: "1e400" }),
  seed("mem less than a MiB", "mem", { mem: "0.0001" }),
  seed("mem with a unit", "mem", { mem: "2GB" }),
  seed("mem with a comma", "mem", { mem: "2,5" }),
  seed("oc below 1", "oc", { oc: "0.9" }),
  seed("oc above the maximum", "oc", { oc: "16.5" }),
  seed("oc NaN", "oc", { oc: "nan" }),
  seed("oc empty", "oc", { oc: "" }),
  seed("qcow2 outside the folders", "qcow2", { qcow2: "/etc/shadow" }),
  seed("qcow2 with ../", "qcow2", { qcow2: "/var/lib/images/../secret.qcow2" }),
  seed("an unknown parameter", "force", { force: "1" }),
  query("a doubled parameter", "name", `${deploy({})}&name=other`),
  query("a doubled parameter in disguise", "name", `${deploy({})}&n%61me=other`),
  query("a parameter as a list", "name[]", "/remove?name[]=web-1"),
  query("a null byte in a parameter", "name", "/remove?name=web-1%00"),
  query("a broken percent escape", "name", "/remove?name=%zz"),
  query("an overlong UTF-8 slash", "name", "/remove?name=..%c0%af"),
  query("a parameter without a name", "=web-1", "/remove?=web-1"),
  query("a hundred parameters", "?", `/remove?${"a=1&".repeat(100)}name=web-1`),
  query("a name twice encoded", "name", "/v1/vms/web%252d1"),
  query("a path that climbs", "name", "/v1/vms/..%2f..%2fetc%2fpasswd"),
  query("a null byte in the path", "name", "/v1/vms/web-1%00"),
  query("a broken escape in the path", "path", "/v1/vms/%zz"),
  query("an overlong name in the path", "name", `/v1/vms/${"a".repeat(200)}`),
  query("an unknown VM", "name", "/v1/vms/nobody", 404),
  query("a path in other case", "path", "/V1/VMS", 404),
  query("a doubled slash", "path", "//v1/vms", 404),
  query("an empty name in the path", "name", "/v1/vms/"),
  query("a trailing slash", "path", "/v1/hosts/host-a/", 404),
  query("a page of no VMs", "limit", "/v1/vms?limit=0"),
  query("a page of too many VMs", "limit", "/v1/vms?limit=1001"),
  query("a cursor that is none", "cursor", "/v1/vms?cursor=../x"),
  query("a pool that is no ratio", "pool", "/v1/vms?pool=two"),
  query("a parameter where none is taken", "verbose", "/v1/hosts?verbose=1"),
  query("an unknown host", "id", "/v1/hosts/elsewhere", 404),
  query("a code that is none", "code", "/problems/NO%20SUCH"),
];

const OTHERS: readonly Kind[] = [
  { what: "PUT", status: 405, field: "method", request: { method: "PUT", url: "/v1/vms/web-1" } },
  { what: "PATCH", status: 405, field: "method", request: { method: "PATCH", url: "/v1/vms/web-1" } },
  { what: "TRACE", status: 405, field: "method", request: { method: "TRACE", url: "/v1/vms" } },
  { what: "DELETE of all", status: 405, field: "method", request: { method: "DELETE", url: "/v1/vms" } },
  {
    what: "POST to a seeds' call",
    status: 405,
    field: "method",
    request: { method: "POST", url: "/remove?name=web-1" },
  },
  {
    what: "a GET with a body",
    status: 400,
    field: "body",
    request: { method: "GET", url: "/v1/vms", payload: { a: 1 } },
  },
  {
    what: "a DELETE with a body",
    status: 400,
    field: "body",
    request: { method: "DELETE", url: "/v1/vms/web-1", payload: { force: true } },
  },
  {
    what: "a resize to nothing",
    status: 422,
    field: "body",
    request: { method: "POST", url: "/v1/vms/web-1/resize", payload: {} },
  },
  {
    what: "a resize beyond the host",
    status: 422,
    field: "vcpus",
    request: { method: "POST", url: "/v1/vms/web-1/resize", payload: { vcpus: 64 } },
  },
  {
    what: "a resize with restart as text",
    status: 422,
    field: "restart",
    request: { method: "POST", url: "/v1/vms/web-1/resize", payload: { vcpus: 1, restart: "yes" } },
  },
  {
    what: "a resize of another VM in the body",
    status: 422,
    field: "name",
    request: { method: "POST", url: "/v1/vms/web-1/resize", payload: { name: "web-2", vcpus: 1 } },
  },
  {
    what: "an explanation with an image",
    status: 422,
    field: "image",
    request: {
      method: "POST",
      url: "/v1/placements:explain",
      payload: { vcpus: 1, memoryMiB: 1, ratio: 1, image: IMAGE },
    },
  },
  {
    what: "an event id that is none",
    status: 400,
    field: "last-event-id",
    request: { url: "/v1/events", headers: { "last-event-id": "../../1" } },
  },
];

interface ProblemBody {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly { readonly field: string }[];
}

function stateOf(): string {
  const { agent } = served;
  return JSON.stringify([agent.host(), agent.vms().map((vm) => ({ ...vm, usage: null })), agent.status().generation]);
}

for (const [group, kinds] of Object.entries({ BODIES, TEXTS, QUERIES, OTHERS })) {
  describe(`bad ${group.toLowerCase()} get a 4xx that names the field, and change nothing`, () => {
    for (const { what, status, field, request } of kinds) {
      test(what, async () => {
        const before = stateOf();
        const answer = await served.app.inject(request);
        assert.equal(answer.statusCode, status, answer.body);
        assert.equal(answer.headers["content-type"], "application/problem+json");
        const problem = answer.json<ProblemBody>();
        const fields = (problem.errors ?? []).map((error) => error.field);
        assert.ok(fields.includes(field) || problem.detail.includes(field), `${field} is not named: ${answer.body}`);
        assert.equal(problem.status, status);
        assert.equal(stateOf(), before, "the state changed");
        assert.deepEqual(served.log.errors, [], "a bug was met");
      });
    }
  });
}

const HOST = "Host: localhost\r\n";
const RAW: readonly (readonly [what: string, text: string | Buffer, status: number])[] = [
  ["a line that is no request", "HELLO\r\n\r\n", 400],
  ["an unknown method", `BREW /v1/vms HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["an unknown version", `GET /v1/vms HTTP/7.0\r\n${HOST}\r\n`, 400],
  ["TLS where there is none", Buffer.from("160301020001000001fc0303", "hex"), 400],
  ["a header without a colon", `GET / HTTP/1.1\r\n${HOST}nonsense\r\n\r\n`, 400],
  ["a space before the colon", `GET / HTTP/1.1\r\n${HOST}X-A : 1\r\n\r\n`, 400],
  ["a null byte in a header", `GET / HTTP/1.1\r\n${HOST}X-A: a\0b\r\n\r\n`, 400],
  ["a null byte in the path", `GET /v1/vms/a\0b HTTP/1.1\r\n${HOST}\r\n`, 400],
  ["two content lengths", `POST /v1/vms HTTP/1.1\r\n${HOST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
  ["a negative content length", `POST /v1/vms HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`, 400],
  [
    "content length and chunks together (smuggling)",
    `POST /v1/vms HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
  ],
  [
    "a broken chunk",
    `POST /v1/vms HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    400,
  ],
  ["one header of 40 kB", `GET / HTTP/1.1\r\n${HOST}X-A: ${"a".repeat(40_000)}\r\n\r\n`, 431],
  ["a flood of headers", `GET / HTTP/1.1\r\n${HOST}${"X-A: 1\r\n".repeat(5_000)}\r\n`, 431],
  ["a URL of 40 kB", `GET /v1/vms/${"a".repeat(40_000)} HTTP/1.1\r\n${HOST}\r\n`, 431],
  ["a foreign Host (DNS rebinding)", "GET /v1/vms HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403],
  ["no Host", "GET /v1/vms HTTP/1.1\r\n\r\n", 400],
];

describe("bytes that are no proper request get a 4xx and change nothing", () => {
  for (const [what, bytes, status] of RAW) {
    test(what, async () => {
      const before = stateOf();
      const answer = await exchange(listening.port, bytes);
      assert.equal(answer.status, status, answer.head + answer.body);
      assert.equal(stateOf(), before);
      assert.deepEqual(served.log.errors, []);
    });
  }
});

test("there are at least 60 kinds of bad requests here", () => {
  assert.ok(BODIES.length + TEXTS.length + QUERIES.length + OTHERS.length + RAW.length >= 60);
});

test("after all of them the server still answers, and no 5xx was sent", async () => {
  const metrics = (await served.app.inject("/metrics")).body;
  assert.doesNotMatch(metrics, /headroom_http_request_duration_seconds_count\{[^}]*status="5/);
  assert.equal((await served.app.inject("/v1/vms/web-1")).statusCode, 200);
});
