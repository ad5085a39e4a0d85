/** Both forms carry a reading there and back; the flat form names VMs without collisions, whatever they are called. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { printFlat, readFlat } from "../../src/core/telemetry/flat-form.js";
import { escapeFlatName, flatNames, readFlatName } from "../../src/core/telemetry/flat-names.js";
import { printIdiomatic, readIdiomatic } from "../../src/core/telemetry/idiomatic-form.js";
import { READING_METRICS } from "../../src/core/telemetry/metrics.js";
import { readScrape } from "../../src/core/telemetry/read-scrape.js";
import type { Reading, Values } from "../../src/core/telemetry/reading.js";
import fc from "../support/property.js";
import { anyName, anyReading, domainReading, reading } from "./readings.js";

const sorted = (values: Values): Values => Object.fromEntries(Object.entries(values).sort());

/** Comparable: domains that have nothing to say have no lines. */
function shape(one: Reading, name: (vm: string) => string, perf: "perfTotals" | "perfRecent", uuids: boolean) {
  const subject = (s: Reading["host"]) => ({ values: sorted(s.values), perf: sorted(s[perf]) });
  const domains = [...one.domains]
    .map(([vm, domain]) => [name(vm), { ...subject(domain), uuid: uuids ? domain.uuid : null }] as const)
    .filter(([, { values, perf: own, uuid }]) => uuid !== null || Object.keys({ ...values, ...own }).length > 0);
  return { at: one.at, host: subject(one.host), domains: domains.sort(([a], [b]) => (a < b ? -1 : 1)) };
}

const same = (vm: string): string => vm;
/** Lone halves of surrogate pairs do not survive UTF-8, and libvirt takes no such name. */
const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);
const namesWellFormed = (one: Reading): boolean => [...one.domains.keys()].every((name) => isWellFormed(name));

test("the idiomatic form carries every reading there and back, nanoseconds included", () => {
  fc.assert(
    fc.property(anyReading, (one) => {
      const back = readIdiomatic(printIdiomatic(one));
      assert.ok(back !== null);
      assert.deepEqual(shape(back, same, "perfTotals", true), shape(one, same, "perfTotals", true));
    }),
  );
});

test("so does the flat form, under any prefix; names come back where they are escaped", () => {
  fc.assert(
    fc.property(
      anyReading.filter(namesWellFormed),
      fc.constantFrom("example", "my_host", "a_global", "headroom"),
      (one, prefix) => {
        const flat = flatNames(one.domains.keys());
        const back = readFlat(printFlat(one, prefix), prefix);
        assert.ok(back !== null);
        assert.deepEqual(
          shape(back, same, "perfRecent", false),
          shape(one, (vm) => readFlatName(flat.get(vm)!), "perfRecent", false),
        );
      },
    ),
  );
});

test("no two VMs of a host share a flat name; it is a part of a metric's name; escaped ones are read back", () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyName.filter((name) => isWellFormed(name))), (names) => {
      const flat = flatNames(names);
      assert.equal(new Set(flat.values()).size, names.length);
      for (const [name, text] of flat) {
        assert.match(text, /^[A-Za-z0-9_]+$/);
        assert.equal(readFlatName(text), text.startsWith("_") ? name : name.replaceAll("-", ""));
        assert.equal(readFlatName(escapeFlatName(name)), name);
      }
    }),
  );
});

describe("flat names", () => {
  const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
    [
      ["vm1", "web-01"],
      ["vm1", "web01"],
    ],
    [
      ["vm-1", "vm1"],
      ["_vm_2d1", "_vm1"],
    ],
    [
      ["my_vm", "_vm", "münchen"],
      ["_my_5fvm", "__5fvm", "_m_c3_bcnchen"],
    ],
    [["-"], ["__2d"]],
  ];
  for (const [names, flat] of cases)
    test(names.join(", "), () => assert.deepEqual([...flatNames(names).values()].sort(), [...flat].sort()));
});

test("names of a probe that leaves `_` in are read from both ends", () => {
  const text = "x_y_global_probe_epoch 5\nx_y_domain_my_vm_cpu_alloc 2\nx_y_domain_a_perf_b_perf_hwcpucycles 7\n";
  const result = readScrape(text, null);
  assert.ok(result.ok);
  assert.equal(result.reading.domains.get("my_vm")?.values.cpu_alloc, 2);
  assert.deepEqual(result.reading.domains.get("a_perf_b")?.perfRecent, { hwcpucycles: 7 });
});

test("among node_exporter's own metrics, with its formatting and its HELP and TYPE, the probe's are found", () => {
  const text = `# HELP example_global_probe_epoch Metric read from /var/lib/node_exporter/vm.prom
# TYPE example_global_probe_epoch untyped
example_global_probe_epoch 1.700000005e+12
# TYPE node_cpu_seconds_total counter
node_cpu_seconds_total{cpu="0",mode="idle"} 3.5
example_domain_vm1_cpu_cputime 1.001e+12
node_textfile_mtime_seconds{file="/a/b"} 1.7e+09
`;
  const result = readScrape(text, null);
  assert.ok(result.ok && result.form === "flat");
  assert.equal(result.reading.at, 1_700_000_005_000);
  assert.equal(result.reading.domains.get("vm1")?.values.cpu_cputime, 1.001e12);
});

test("two probes behind one address are told apart by their prefix only", () => {
  const text = "a_global_probe_epoch 1\nb_b_global_probe_epoch 2\n";
  const result = readScrape(text, null);
  assert.ok(!result.ok);
  assert.match(result.problem, /2 probes \(a, b_b\)/);
  const named = readScrape(text, "b_b");
  assert.ok(named.ok && named.reading.at === 2);
});

test("values that are no finite numbers are absent", () => {
  const text =
    'headroom_probe_timestamp_seconds 1\nheadroom_host_online_pcpus NaN\nheadroom_domain_maximum_vcpus{domain="a"} +Inf\n';
  const back = readIdiomatic(text);
  assert.deepEqual([back?.host.values, back?.domains.size], [{ probe_epoch: 1000 }, 0]);
});

test("a family has one HELP, one TYPE, and its series together", () => {
  const vm = domainReading({ cpu_cputime: 5e9, memory_alloc: 1024 }, { uuid: "u", perfTotals: { hwcpucycles: 3 } });
  const text = printIdiomatic(reading(1000, { cpu_kernel: 1e9, cpu_user: 2e9 }, { a: vm, 'b"\n': vm }));
  const heads = text.split("\n").filter((line) => line.startsWith("# TYPE"));
  assert.equal(new Set(heads).size, heads.length);
  assert.match(text, /cpu_seconds_total\{mode="kernel"\} 1\nheadroom_host_cpu_seconds_total\{mode="user"\} 2\n/);
  assert.match(text, /headroom_domain_cpu_seconds_total\{domain="b\\"\\n"\} 5\n/);
  assert.match(text, /memory_balloon_bytes\{domain="a"\} 1048576\n/);
});

test("no two metrics share a key, or a name with labels, and names follow Prometheus' rules", () => {
  const unique = (of: (metric: (typeof READING_METRICS)[number]) => string): void =>
    assert.equal(new Set(READING_METRICS.map(of)).size, READING_METRICS.length);
  unique(({ of, key }) => `${of} ${key}`);
  unique(({ name, labels }) => name + JSON.stringify(labels));
  for (const { name, kind, unit } of READING_METRICS) {
    assert.match(name, /^headroom_(?:probe|host|domain)_[a-z0-9_]+$/);
    assert.equal(name.endsWith("_total"), kind === "counter", name);
    if (unit === "ns" || unit === "us" || unit === "ms" || unit === "s") assert.match(name, /_seconds(?:_total)?$/);
    if (unit === "KiB" || unit === "bytes") assert.match(name, /_bytes(?:_total)?$/);
  }
});
