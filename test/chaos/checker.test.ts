/** The checker can fail: a true history passes, and each lie that is put into it is found, by its name. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Found, type FoundDomain, findings, type Request } from "./checker.js";

let clock = 0;
const request = (vm: string, kind: Request["kind"], outcome: Request["outcome"], requestId = `${vm}-1`): Request => ({
  vm,
  kind,
  requestId,
  vcpus: 2,
  asked: ++clock,
  answered: outcome === "unknown" ? null : ++clock,
  outcome,
  uuid: outcome === "ok" ? `uuid-${vm}` : null,
});

const domain = (name: string, pins: readonly number[], ratio = 1): FoundDomain => ({
  name,
  uuid: `uuid-${name}`,
  vcpus: 2,
  ratio,
  pins: [pins, pins],
});

const record = (name: string, host: string): Found["records"][number] => ({
  name,
  host,
  uuid: `uuid-${name}`,
  phase: "placed",
  vcpus: 2,
  requestId: `${name}-1`,
});

/** web and db exist, old was removed, big was refused, half was never answered and does not exist, late exists. */
const REQUESTS: readonly Request[] = [
  request("web", "deploy", "ok"),
  request("db", "deploy", "ok"),
  request("old", "deploy", "ok"),
  request("old", "remove", "ok"),
  request("big", "deploy", "refused"),
  request("half", "deploy", "unknown"),
  request("late", "deploy", "unknown"),
];
const PCPUS = [0, 1, 2, 3, 4, 5, 6, 7];
const FOUND: Found = {
  hosts: [
    { host: "a", pcpus: PCPUS, domains: [domain("web", [0, 1]), domain("late", [2, 3], 2)] },
    { host: "b", pcpus: PCPUS, domains: [domain("db", [0, 1])] },
  ],
  records: [record("web", "a"), record("late", "a"), record("db", "b")],
};

type Hosts = Found["hosts"];
const withDomains = (host: string, change: (domains: readonly FoundDomain[]) => readonly FoundDomain[]): Hosts =>
  FOUND.hosts.map((one) => (one.host === host ? { ...one, domains: change(one.domains) } : one));

const kindsOf = (found: Partial<Found>, requests = REQUESTS): string[] =>
  [...new Set(findings(requests, { ...FOUND, ...found }).map(({ kind, of }) => `${kind} ${of}`))].sort();

test("a true history has no findings", () => {
  assert.deepEqual(findings(REQUESTS, FOUND), []);
});

test("a lost VM is found, with its record and without", () => {
  const hosts = withDomains("b", () => []);
  assert.deepEqual(kindsOf({ hosts }), ["lost db", "record db"]);
  assert.deepEqual(kindsOf({ hosts, records: FOUND.records.filter(({ name }) => name !== "db") }), ["lost db"]);
});

test("a VM on two hosts is found, also where both its request and its record are fine", () => {
  const hosts = withDomains("b", (domains) => [...domains, domain("web", [2, 3])]);
  assert.deepEqual(kindsOf({ hosts }), ["doubled web"]);
});

test("a refused VM that exists is found, and one that nobody asked for", () => {
  const there = (name: string) => ({
    hosts: withDomains("b", (domains) => [...domains, domain(name, [2, 3])]),
    records: [...FOUND.records, record(name, "b")],
  });
  assert.deepEqual(kindsOf(there("big")), ["refused-exists big"]);
  assert.deepEqual(kindsOf(there("stray")), ["refused-exists stray"]);
});

test("a removed VM that exists is found", () => {
  const hosts = withDomains("b", (domains) => [...domains, domain("old", [2, 3])]);
  assert.deepEqual(kindsOf({ hosts, records: [...FOUND.records, record("old", "b")] }), ["removed-exists old"]);
});

test("a removed VM that was deployed late by its own first request is found", () => {
  const late = [...REQUESTS, request("web", "remove", "ok")];
  assert.deepEqual(kindsOf({}, late), ["removed-exists web"]);
});

test("an unanswered request that happened half is found: the domain without a record, the record without a domain", () => {
  const hosts = withDomains("b", (domains) => [...domains, domain("half", [2, 3])]);
  assert.ok(kindsOf({ hosts }).includes("record half"));
  const reserved = { ...record("half", "b"), phase: "reserved", uuid: null };
  assert.deepEqual(kindsOf({ records: [...FOUND.records, reserved] }), ["record half"]);
});

test("answers that contradict one another are found whatever exists", () => {
  assert.deepEqual(kindsOf({}, [...REQUESTS, request("none", "remove", "ok")]), ["contradiction none"]);
});

test("another VM in the place of the acknowledged one is found", () => {
  const hosts = withDomains("b", () => [{ ...domain("db", [0, 1]), uuid: "other" }]);
  const records = FOUND.records.map((one) => (one.name === "db" ? { ...one, uuid: "other" } : one));
  assert.deepEqual(kindsOf({ hosts, records }), ["exchanged db"]);
});

test("a record of another host, uuid or size than the domain's is found", () => {
  for (const wrong of [{ host: "a" }, { uuid: "other" }, { vcpus: 4 }]) {
    const records = FOUND.records.map((one) => (one.name === "db" ? { ...one, ...wrong } : one));
    assert.ok(kindsOf({ records }).includes("record db"), JSON.stringify(wrong));
  }
});

test("a pool over its ratio is found, pools that share a pCPU, and a VM that is oversubscribed with itself", () => {
  const onB = (...domains: FoundDomain[]) => ({ hosts: withDomains("b", () => domains) });
  const own = (found: Partial<Found>): string[] => kindsOf(found).filter((kind) => kind.startsWith("over"));
  assert.deepEqual(own(onB(domain("db", [0, 1]), domain("x", [0, 1]))), ["over-ratio b"]);
  assert.deepEqual(own(onB(domain("db", [0, 1], 2), domain("x", [0, 1], 2))), []);
  assert.deepEqual(own(onB(domain("db", [0, 1], 1), domain("x", [1, 2], 2))), ["over-ratio b"]);
  assert.deepEqual(own(onB(domain("db", [0], 2))), ["over-ratio b"]);
  assert.deepEqual(own(onB(domain("db", [7, 8]))), ["over-ratio b"]);
});
