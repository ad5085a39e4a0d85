/** Bad input to a scheduler: each gets a 4xx that names the field, changes nothing, and meets no bug. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InjectOptions } from "fastify";
import { IMAGE, VM } from "../http/support.js";
import { reportOf } from "./reports.js";
import { SchedulerDouble, type ServedScheduler, schedulerApp } from "./scheduler-double.js";

const scheduler = new SchedulerDouble();
let served: ServedScheduler;
before(async () => {
  served = schedulerApp(scheduler);
  await served.app.inject({ method: "POST", url: "/v1/vms", payload: VM });
});
after(() => served.app.close());

interface Kind {
  readonly what: string;
  readonly status: number;
  readonly field: string;
  readonly request: InjectOptions;
}

const post = (url: string, what: string, field: string, payload: object, status = 422): Kind => ({
  what,
  status,
  field,
  request: { method: "POST", url, payload },
});
const create = (what: string, field: string, change: object): Kind =>
  post("/v1/vms", what, field, { ...VM, name: "new", ...change });
const constrained = (what: string, field: string, constraints: unknown): Kind => create(what, field, { constraints });
const explain = (what: string, field: string, change: object): Kind =>
  post("/v1/placements:explain", what, field, { vcpus: 1, memoryMiB: 1024, ratio: 1, ...change });
const query = (what: string, field: string, url: string, status = 400): Kind => ({
  what,
  status,
  field,
  request: { url },
});
const deploy = (what: string, field: string, change: Record<string, string>): Kind =>
  query(
    what,
    field,
    `/deploy?${new URLSearchParams({ name: "new", cpu: "2", mem: "2", oc: "2", qcow2: IMAGE, ...change })}`,
  );

const BODIES: readonly Kind[] = [
  create("a name with a path", "name", { name: "../x" }),
  create("no vCPUs", "vcpus", { vcpus: 0 }),
  create("a million vCPUs", "vcpus", { vcpus: 1_000_000 }),
  create("memory as text", "memoryMiB", { memoryMiB: "2048" }),
  create("a ratio above the operator's maximum", "ratio", { ratio: 17 }),
  create("an image outside the folders", "image", { image: "/etc/passwd" }),
  create("an image that climbs out", "image", { image: "/var/lib/images/../x" }),
  create("an unknown field", "colour", { colour: "red" }),
  create("a host beside the constraints", "host", { host: "host-a" }),
  constrained("constraints that are a list", "constraints", []),
  constrained("an unknown constraint", "rack", { rack: 7 }),
  constrained("labels that are a list", "constraints.labels", { labels: ["a"] }),
  constrained("a label that is a number", "constraints.labels.zone", { labels: { zone: 1 } }),
  constrained("a label of 64 characters", "constraints.labels.zone", { labels: { zone: "a".repeat(64) } }),
  constrained("a group with a space", "constraints.antiAffinity", { antiAffinity: "d b" }),
  constrained("an empty group", "constraints.antiAffinity", { antiAffinity: "" }),
  constrained("no host at all", "constraints.hosts", { hosts: [] }),
  constrained("a host that is a number", "constraints.hosts.0", { hosts: [1] }),
  constrained("a thousand and one hosts", "constraints.hosts", { hosts: Array.from({ length: 1001 }, () => "h") }),
  explain("an explanation without vCPUs", "vcpus", { vcpus: undefined }),
  explain("an explanation with an image outside the folders", "image", { image: "/etc/shadow" }),
  explain("an explanation with an unknown field", "policy", { policy: "pack" }),
  post("/v1/vms/web-1/resize", "a resize to nothing", "body", {}),
  post("/v1/vms/web-1/resize", "a resize to another host", "host", { vcpus: 1, host: "host-b" }),
];

const registration = { url: "http://10.0.0.7:8099", at: 1_700_000_000_000, report: reportOf("host-a") };
const { status } = registration.report;
const register = (what: string, field: string, change: object): Kind =>
  post("/v1/hosts", what, field, { ...registration, ...change });
const beat = (what: string, field: string, change: object): Kind =>
  post("/v1/hosts/host-a/heartbeat", what, field, { machineId: "m", tag: "i/1", at: 1, ...change });

const REPORTS: readonly Kind[] = [
  register("a registration without a report", "report", { report: undefined }),
  register("a registration at an ftp URL", "url", { url: "ftp://10.0.0.7" }),
  register("a registration at a URL with a query", "url", { url: "http://10.0.0.7/?next=http://evil" }),
  register("a registration at a URL with a password", "url", { url: "http://a:b@10.0.0.7" }),
  register("a registration in the past of all clocks", "at", { at: -1 }),
  register("a report without its host", "report.status.host", {
    report: { status: { ...status, host: undefined }, vms: [] },
  }),
  register("a report without counts", "report.status.counts", {
    report: { status: { ...status, counts: null }, vms: [] },
  }),
  register("a report whose generation is a text", "report.status.generation", {
    report: { status: { ...status, generation: "7" }, vms: [] },
  }),
  register("a machine id with a line break", "report.status.machineId", {
    report: { status: { ...status, machineId: "a\nb" }, vms: [] },
  }),
  register("a VM without a uuid", "report.vms.0.uuid", { report: { status, vms: [{ name: "a" }] } }),
  beat("a heartbeat without a tag", "tag", { tag: undefined }),
  beat("a heartbeat with a tag of two lines", "tag", { tag: "a\nb" }),
  beat("a heartbeat without a machine", "machineId", { machineId: "" }),
  beat("a heartbeat with the host in its body", "host", { host: "host-b" }),
];

const QUERIES: readonly Kind[] = [
  deploy("cpu zero", "cpu", { cpu: "0" }),
  deploy("mem infinite", "mem", { mem: "inf" }),
  deploy("oc above the maximum", "oc", { oc: "16.5" }),
  deploy("qcow2 outside the folders", "qcow2", { qcow2: "/etc/shadow" }),
  deploy("an unknown parameter", "node", { node: "host-a" }),
  query("a doubled parameter", "name", "/remove?name=a&name=b"),
  query("no name", "name", "/remove"),
  query("a state that is none", "state", "/v1/hosts?state=dead"),
  query("a VM's state that is none", "state", "/v1/vms?state=up"),
  query("a page of no hosts", "limit", "/v1/hosts?limit=0"),
  query("a cursor that is none", "cursor", "/v1/hosts?cursor=../x"),
  query("a parameter where none is taken", "verbose", "/v1/cluster?verbose=1"),
  query("an unknown VM", "name", "/v1/vms/nobody", 404),
  query("an unknown host", "id", "/v1/hosts/elsewhere", 404),
  query("an agent's call that a scheduler has not", "path", "/v1/topology", 404),
  query("the agents' progress", "path", "/progress?cpu=1&mem=1&oc=1", 404),
  {
    what: "DELETE of a host",
    status: 405,
    field: "method",
    request: { method: "DELETE", url: "/v1/hosts/host-a" },
  },
  {
    what: "draining an unknown host",
    status: 404,
    field: "elsewhere",
    request: { method: "POST", url: "/v1/hosts/elsewhere/drain" },
  },
  {
    what: "an idempotency key of 200 characters",
    status: 400,
    field: "idempotency-key",
    request: { method: "DELETE", url: "/v1/vms/web-1", headers: { "idempotency-key": "k".repeat(200) } },
  },
];

interface ProblemBody {
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly field: string }[];
}

const stateOf = (): string =>
  JSON.stringify([scheduler.vms(), scheduler.hosts(), scheduler.deploys, scheduler.registrations, scheduler.beats]);

for (const [group, kinds] of Object.entries({ BODIES, REPORTS, QUERIES })) {
  describe(`bad ${group.toLowerCase()} get a 4xx that names the field, and change nothing`, () => {
    for (const { what, status: expected, field, request } of kinds) {
      test(what, async () => {
        const state = stateOf();
        const answer = await served.app.inject(request);
        assert.equal(answer.statusCode, expected, answer.body);
        assert.equal(answer.headers["content-type"], "application/problem+json");
        const problem = answer.json<ProblemBody>();
        const fields = (problem.errors ?? []).map((error) => error.field);
        assert.ok(fields.includes(field) || problem.detail.includes(field), `${field} is not named: ${answer.body}`);
        assert.equal(stateOf(), state, "the state changed");
        assert.deepEqual(served.log.errors, [], "a bug was met");
      });
    }
  });
}

test("a report of a thousand VMs is taken, a body of that size for anything else is not", async () => {
  const vm = { uuid: "u", requestId: null, vcpus: 2, memoryMiB: 1024, ratio: 2, vcpuRatios: [2, 2], image: null };
  const vms = Array.from({ length: 1_000 }, (_, i) => ({ ...vm, name: `vm-${i}`, state: "running" }));
  const payload = { ...registration, report: { ...registration.report, vms } };
  const taken = await served.app.inject({ method: "POST", url: "/v1/hosts", payload });
  assert.equal(taken.statusCode, 200, taken.body);
  assert.equal(scheduler.registrations.at(-1)?.report.vms.length, 1_000);
  const refused = await served.app.inject({ method: "POST", url: "/v1/vms", payload });
  assert.equal(refused.statusCode, 413);
});
