/** Lists of endpoints: the seed's, people's, Prometheus' file_sd; what is wrong is named, and nobody is forgotten for it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { distinctEndpoints, parseEndpointList, readTargetGroups } from "../../src/core/telemetry/endpoints.js";
import { OperationalError } from "../../src/ports/errors.js";
import { FileEndpoints, InventoryEndpoints, type TargetFile } from "../../src/telemetry/collector/endpoint-sources.js";
import { rememberingLog } from "../support/quiet-log.js";

const URL_A = "http://w:9100/metrics";

test("the seed's list, with and without prefixes, and a comma list", () => {
  const a = { url: URL_A, host: URL_A, prefix: "example" };
  assert.deepEqual(parseEndpointList(`[["${URL_A}", "example"]]`), { ok: true, endpoints: [a] });
  assert.deepEqual(parseEndpointList(`[["${URL_A}", "my_host"], "http://b:1/metrics"]`), {
    ok: true,
    endpoints: [
      { ...a, prefix: "my_host" },
      { url: "http://b:1/metrics", host: "http://b:1/metrics", prefix: null },
    ],
  });
  assert.deepEqual(parseEndpointList(` ${URL_A} , `), { ok: true, endpoints: [{ ...a, prefix: null }] });
  assert.deepEqual(parseEndpointList(""), { ok: true, endpoints: [] });
});

describe("a list that is wrong is refused with what is wrong", () => {
  for (const text of [
    '[["url", "prefix"]]',
    "[[",
    '[{"a":1}]',
    "ftp://x",
    "http://user:secret@host/",
    `[["${URL_A}", "7"]]`,
  ])
    test(text, () => {
      const list = parseEndpointList(text);
      assert.ok(!list.ok && list.problem.length > 0);
    });
});

test("file_sd: labels shape the URL, and name the host", () => {
  const list = readTargetGroups([
    { targets: ["a:8101", "[::1]:8101"] },
    {
      targets: ["b:443"],
      labels: {
        __scheme__: "https",
        __metrics_path__: "/probe",
        __param_a: "1 2",
        host: "node-b",
        flat_prefix: "x",
        zone: "z",
      },
    },
  ]);
  assert.deepEqual(list, {
    ok: true,
    endpoints: [
      { url: "http://a:8101/metrics", host: "http://a:8101/metrics", prefix: null },
      { url: "http://[::1]:8101/metrics", host: "http://[::1]:8101/metrics", prefix: null },
      { url: "https://b:443/probe?a=1%202", host: "node-b", prefix: "x" },
    ],
  });
  for (const wrong of [
    {},
    [{}],
    [{ targets: [5] }],
    [{ targets: ["a b"] }],
    [{ targets: ["a"], labels: { x: 1 } }],
    [null],
  ])
    assert.equal(readTargetGroups(wrong).ok, false, JSON.stringify(wrong));
  assert.deepEqual(readTargetGroups(null), { ok: true, endpoints: [] });
});

test("of two endpoints that stand for one host the first counts, and somebody is told", () => {
  const one = { url: "http://a/metrics", host: "h", prefix: null };
  const { endpoints, doubled } = distinctEndpoints([one, one, { ...one, url: "http://b/metrics" }]);
  assert.deepEqual(endpoints, [one]);
  assert.equal(doubled.length, 1);
});

test("files are read again when they change, as JSON or YAML; a broken one keeps what it said", async () => {
  const log = rememberingLog();
  let files: readonly TargetFile[] = [{ path: "/a.json", text: '[{"targets":["a:1"]}]' }];
  const source = new FileEndpoints(async () => files, parse, log);
  const urls = async () => (await source.endpoints()).map(({ url }) => url);
  assert.deepEqual(await urls(), ["http://a:1/metrics"]);
  files = [...files, { path: "/b.yml", text: "- targets: [b:1]\n  labels: {host: bee}\n" }];
  assert.deepEqual(await urls(), ["http://a:1/metrics", "http://b:1/metrics"]);
  files = [{ path: "/a.json", text: '[{"targets":["a:' }, files[1]!];
  for (let round = 0; round < 3; round++) assert.deepEqual(await urls(), ["http://a:1/metrics", "http://b:1/metrics"]);
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 1);
  files = [{ path: "/a.json", text: '[{"targets":["c:1"]}]' }];
  assert.deepEqual(await urls(), ["http://c:1/metrics"]);
});

test("a folder that cannot be read, and a scheduler that is away, keep the last hosts", async () => {
  const log = rememberingLog();
  let failing = false;
  const failure = () => new OperationalError("bad-input-file", "no permission", true);
  const files = new FileEndpoints(
    async () => {
      if (failing) throw failure();
      return [{ path: "/a", text: '[{"targets":["a:1"]}]' }];
    },
    parse,
    log,
  );
  const inventory = new InventoryEndpoints(async () => {
    if (failing) throw failure();
    return [{ id: "node-7", url: "http://n7:8099/" }];
  }, log);
  const expected = [
    [{ url: "http://a:1/metrics", host: "http://a:1/metrics", prefix: null }],
    [{ url: "http://n7:8099/metrics", host: "node-7", prefix: null }],
  ];
  for (failing of [false, true, true])
    assert.deepEqual(await Promise.all([files.endpoints(), inventory.endpoints()]), expected);
  assert.equal(log.lines.filter(({ level }) => level === "warn").length, 2);
});
