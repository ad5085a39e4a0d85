/** Differences and rates of two readings: what is known comes out, what is not stays away. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Advance, advance, type CounterState } from "../../src/core/telemetry/rates.js";
import type { Reading, Values } from "../../src/core/telemetry/reading.js";
import { SAMPLE_METRICS } from "../../src/core/telemetry/sample-metrics.js";
import { milliseconds } from "../../src/core/units.js";
import fc from "../support/property.js";
import { anyReading, domainReading, reading } from "./readings.js";

const GAP = milliseconds(60_000);
type Taken = Extract<Advance, { repeated: false }>;

function run(...readings: readonly Reading[]): Taken {
  let state: CounterState | null = null;
  let last: Taken | null = null;
  for (const one of readings) {
    const next = advance(state, one, GAP);
    assert.ok(!next.repeated);
    state = next.state;
    last = next;
  }
  assert.ok(last !== null);
  return last;
}

const valuesOf = (taken: Taken, vm: string | null): Values => {
  const found = taken.samples.find((sample) => sample.vm === vm);
  assert.ok(found !== undefined);
  return found.values;
};

const vm = (cputime: number, more: Values = {}, uuid: string | null = null) =>
  domainReading({ cpu_alloc: 2, cpu_cputime: cputime, ...more }, { uuid });
const HOST = { cpu_total: 4, cpu_kernel: 1e9, cpu_user: 2e9 };

test("half a second of CPU time in a second is half a pCPU, of the VM and of the host", () => {
  const later = { ...HOST, cpu_user: 3e9 };
  const taken = run(reading(1000, HOST, { a: vm(1e9) }), reading(2000, later, { a: vm(1.5e9) }));
  assert.equal(valuesOf(taken, "a").cpu_usage, 0.5);
  assert.equal(valuesOf(taken, null).cpu_usage, 1);
  assert.equal(valuesOf(taken, null).oc_cpu_d, 0.125);
});

test("a VM that arrives has no rates at first, and one that left and came back has none again", () => {
  const first = run(reading(1000, HOST), reading(2000, HOST, { a: vm(9e9) }));
  assert.equal(valuesOf(first, "a").cpu_usage, undefined);
  assert.equal(valuesOf(first, null).oc_cpu_d, undefined);
  const back = run(reading(1000, HOST, { a: vm(1e9) }), reading(2000, HOST), reading(3000, HOST, { a: vm(2e9) }));
  assert.equal(valuesOf(back, "a").cpu_usage, undefined);
});

describe("a VM that was killed and started again has no rates until the reading after", () => {
  const cases: readonly (readonly [string, ReturnType<typeof vm>, ReturnType<typeof vm>])[] = [
    ["its CPU time went back", vm(5e9), vm(1e9)],
    [
      "its process is another, though it has used more by now",
      vm(5e9, { stat_start: 1e12 }),
      vm(6e9, { stat_start: 1e12 + 9000 }),
    ],
    ["its uuid is another", vm(5e9, {}, "u1"), vm(6e9, {}, "u2")],
  ];
  for (const [name, before, after] of cases)
    test(name, () => {
      const taken = run(reading(1000, HOST, { a: before, b: vm(1e9) }), reading(2000, HOST, { a: after, b: vm(2e9) }));
      assert.deepEqual(taken.restarted, ["a"]);
      assert.equal(valuesOf(taken, "a").cpu_usage, undefined);
      assert.equal(valuesOf(taken, "b").cpu_usage, 1);
    });
});

test("one counter that goes back loses its own difference only", () => {
  const taken = run(
    reading(1000, HOST, { a: vm(1e9, { stat_minflt: 10, stat_majflt: 1 }) }),
    reading(2000, HOST, { a: vm(2e9, { stat_minflt: 9, stat_majflt: 3 }) }),
  );
  const { cpu_usage, stat_minflt, stat_majflt } = valuesOf(taken, "a");
  assert.deepEqual([cpu_usage, stat_minflt, stat_majflt], [1, undefined, 2]);
});

test("a host that was booted has no rates, nor has any VM of it", () => {
  const taken = run(reading(1000, HOST, { a: vm(1e9) }), reading(2000, { ...HOST, cpu_user: 0 }, { a: vm(2e9) }));
  assert.equal(taken.anew, "reboot");
  for (const name of ["a", null]) assert.equal(valuesOf(taken, name).cpu_usage, undefined);
});

test("a probe that was started again loses what it sums up itself, and nothing else", () => {
  const sched = (runtime: number) => vm(runtime, { sched_runtime: runtime, sched_waittime: 1 });
  const taken = run(
    reading(1000, { ...HOST, probe_start: 1 }, { a: sched(1e9) }, { perfTotals: { hwcpucycles: 5 } }),
    reading(5000, { ...HOST, probe_start: 4000 }, { a: sched(3e9) }, { perfTotals: { hwcpucycles: 9 } }),
  );
  assert.deepEqual([valuesOf(taken, "a").cpu_usage, valuesOf(taken, "a").sched_runtime], [0.5, undefined]);
  assert.equal(valuesOf(taken, null).hwcpucycles, undefined);
});

test("a reading that comes again gives nothing; an older one and one after a long silence begin anew", () => {
  const { state } = run(reading(100_000, HOST));
  assert.deepEqual(advance(state, reading(100_000, HOST), GAP), { repeated: true });
  for (const [at, anew] of [
    [99_999, "older"],
    [160_001, "silence"],
    [160_000, null],
  ] as const) {
    const next = advance(state, reading(at, HOST), GAP);
    assert.ok(!next.repeated);
    assert.equal(next.anew, anew);
  }
});

test("performance counters: differences of totals, or the last interval's counts as they are", () => {
  const totals = (cycles: number) => ({ perfTotals: { hwcpucycles: cycles, hwinstructions: cycles / 2 } });
  const taken = run(reading(1000, HOST, {}, totals(100)), reading(2000, HOST, {}, totals(300)));
  assert.deepEqual([valuesOf(taken, null).hwcpucycles, valuesOf(taken, null).cpi], [200, 2]);
  const recent = run(reading(1000, HOST, {}, { perfRecent: { hwcachemisses: 1, hwcachereferences: 4 } }));
  assert.equal(valuesOf(recent, null).cmr, 0.25);
});

test("a VM that did not run at all divides nothing by zero", () => {
  const idle = vm(1e9, { sched_runtime: 7, sched_waittime: 5 });
  const taken = run(
    reading(1000, { ...HOST, cpu_total: 0 }, { a: idle }),
    reading(2000, { ...HOST, cpu_total: 0 }, { a: idle }),
  );
  assert.equal(valuesOf(taken, "a").cpu_usage, 0);
  assert.equal(valuesOf(taken, "a").sched_busy, undefined);
  assert.equal(valuesOf(taken, null).oc_cpu, undefined);
});

test("of any two readings: values are finite, rates are never negative, and every key is one of the table", () => {
  const known = (of: "host" | "vm") =>
    new Set(SAMPLE_METRICS.filter((metric) => metric.of === of).map(({ key }) => key));
  const [host, vms] = [known("host"), known("vm")];
  const events = new Set(["hwcpucycles", "hwinstructions", "swpagefaults", "swcs"]);
  const signed = new Set(["mem_usage", "oc_mem_d"]);
  fc.assert(
    fc.property(anyReading, anyReading, (first, second) => {
      const { state } = run(first);
      const next = advance(state, second, milliseconds(2 ** 43));
      if (next.repeated) return;
      assert.equal(next.samples.length, second.domains.size + 1);
      for (const { vm: name, values } of next.samples)
        for (const [key, value] of Object.entries(values)) {
          assert.ok((name === null ? host : vms).has(key) || events.has(key), key);
          assert.ok(Number.isFinite(value) && (value >= 0 || signed.has(key)), `${key} ${value}`);
        }
    }),
  );
});
