/** The promises of ports/sample-store.ts, for any store. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Bug } from "../../src/core/assert.js";
import { compareSamples } from "../../src/core/telemetry/sample-order.js";
import { milliseconds } from "../../src/core/units.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { failsWith } from "../stores/support.js";
import fc from "../support/property.js";
import { collect, query, read, sample } from "./support.js";

export interface SamplesUnderTest {
  readonly store: SampleStore;
  /** Flushes, and waits until what was written can be read. May do what a store does in the background. */
  settle(): Promise<void>;
}

export interface Abilities {
  /** A later sample of a source and time replaces the one before: as a whole, value by value, or not. */
  readonly replaces: "sample" | "value" | "never";
  /** Of values that are kept, where it is not all. */
  readonly digits?: number;
}

export type OpenSamples = (context: TestContext) => Promise<SamplesUnderTest>;
type Promised = (title: string, body: (under: SamplesUnderTest) => Promise<void>) => void;

/** Two hours ago, on a full minute: recent enough for every server. */
const BASE = Math.floor(Date.now() / 60_000 - 120) * 60_000;

export function sampleSuite(name: string, skip: string | false, abilities: Abilities, open: OpenSamples): void {
  const promise: Promised = (title, body) => {
    test(`${name}: ${title}`, { skip }, async (context) => body(await open(context)));
  };
  valueSuite(promise, abilities);
  querySuite(promise);
  replaceSuite(promise, abilities);
  sourceSuite(promise);
  lifeSuite(promise);
  randomSuite(promise, abilities);
}

const write = async ({ store, settle }: SamplesUnderTest, ...samples: readonly Sample[]): Promise<void> => {
  await store.write(samples);
  await settle();
};

const NUMBERS = [0, 1, -1, 0.1 + 0.2, 1e-300, -1e300, Number.MAX_VALUE, Number.MIN_VALUE, 18446744073709.55, 2 ** 53];
const NAMES = [
  "vm",
  "with space",
  "a=b,c",
  'quoted "name"',
  "it's",
  "back\\slash in",
  "{curly} [square] $1 %s",
  "é漢",
  "\u{1f600}",
  "UPPER",
];

/** Samples as a store that keeps so many digits tells them. */
const rounded = (samples: readonly Sample[], digits: number | undefined): readonly Sample[] =>
  digits === undefined
    ? samples
    : samples.map(({ values, ...source }) => ({
        ...source,
        values: Object.fromEntries(
          Object.entries(values).map(([name, value]) => [name, Number(value.toPrecision(digits))]),
        ),
      }));

function valueSuite(promise: Promised, { digits }: Abilities): void {
  promise("an empty store has nothing", async ({ store }) => {
    assert.deepEqual(await store.sources({ from: milliseconds(BASE), to: milliseconds(BASE + 3_600_000) }), []);
    assert.deepEqual(await read(store, BASE), []);
    assert.deepEqual(await read(store, BASE, { of: "host" }), []);
  });

  const exact = digits === undefined ? "to the last bit" : `to ${digits} digits`;
  promise(`values read back as they were written, ${exact}`, async (under) => {
    const numbers =
      digits === undefined ? NUMBERS : NUMBERS.filter((value) => Math.abs(Math.log10(Math.abs(value))) < 100);
    const values = Object.fromEntries(numbers.map((value, i) => [`metric_${i}`, value]));
    const written = [sample(BASE, 1, "vm", values), sample(BASE, 1.001, "vm", { cpu_usage: 0.3 })];
    await write(under, ...written);
    assert.deepEqual(rounded(await read(under.store, BASE), digits), rounded(written, digits));
  });

  promise("names of hosts and VMs come back as they were, whatever is in them", async (under) => {
    const written = NAMES.map((name, i) => sample(BASE, i, name, { cpu: i }, `http://${name}:9100/metrics`));
    await write(under, ...written, ...NAMES.map((name) => sample(BASE, 20, name, { cpu: 2 })));
    for (const [i, one] of written.entries()) {
      assert.deepEqual(await read(under.store, BASE, { host: one.host }), [one]);
      assert.deepEqual(await read(under.store, BASE, { of: [one.vm!] }), [sample(BASE, 20, NAMES[i]!, { cpu: 2 })]);
    }
  });

  promise("a metric that comes later is there from then on, and absent before", async (under) => {
    await write(under, sample(BASE, 0, "a", { cpu: 1 }));
    await write(under, sample(BASE, 1, "a", { cpu: 1, hwcpucycles: 5 }), sample(BASE, 1, "b", { other: 1 }));
    await write(under, sample(BASE, 2, "a", { cpu: 1 }));
    assert.deepEqual(
      (await read(under.store, BASE)).map(({ vm, values }) => [vm, values]),
      [
        ["a", { cpu: 1 }],
        ["a", { cpu: 1, hwcpucycles: 5 }],
        ["b", { other: 1 }],
        ["a", { cpu: 1 }],
      ],
    );
  });

  promise("a sample without values is not kept", async (under) => {
    await write(under, sample(BASE, 0, "a", {}), sample(BASE, 1, "a", { cpu: 1 }));
    assert.deepEqual(await read(under.store, BASE), [sample(BASE, 1, "a", { cpu: 1 })]);
  });
}

function querySuite(promise: Promised): void {
  promise("samples come by time, the host before its VMs, and VMs by name", async (under) => {
    const names = [null, "B", "a", "b", "\uffee", "\u{1f600}"];
    const ordered = [0, 15, 30].flatMap((at) => names.map((vm) => sample(BASE, at, vm, { cpu: at })));
    await write(under, ...[...ordered].sort((a, b) => Number(a.vm === "b") - Number(b.vm === "b") || b.at - a.at));
    assert.deepEqual(
      await read(under.store, BASE),
      ordered.filter(({ vm }) => vm !== null),
    );
    assert.deepEqual(
      await read(under.store, BASE, { of: "host" }),
      ordered.filter(({ vm }) => vm === null),
    );
  });

  promise("a range has its first millisecond and not its last", async (under) => {
    const times = [-0.001, 0, 1, 1.999, 2];
    await write(under, ...times.map((at) => sample(BASE, at, "a", { cpu: at })));
    const found = await read(under.store, BASE, { to: milliseconds(BASE + 2000) });
    assert.deepEqual(
      found.map(({ values }) => values.cpu),
      [0, 1, 1.999],
    );
    assert.deepEqual(await read(under.store, BASE, { to: milliseconds(BASE) }), []);
  });

  promise("only the VMs, the metrics and the host that are asked for", async (under) => {
    await write(
      under,
      sample(BASE, 0, null, { cpu: 64, mem: 1 }),
      sample(BASE, 0, "a", { cpu: 1, mem: 2 }),
      sample(BASE, 0, "b", { cpu: 2, cpu_usage: 0.5 }),
      sample(BASE, 0, "c", { cpu: 3 }),
      sample(BASE, 0, "a", { cpu: 9 }, "other"),
    );
    const { store } = under;
    assert.deepEqual(await read(store, BASE, { of: "host", metrics: ["mem"] }), [sample(BASE, 0, null, { mem: 1 })]);
    assert.deepEqual(await read(store, BASE, { of: ["c", "a", "none"], metrics: ["cpu"] }), [
      sample(BASE, 0, "a", { cpu: 1 }),
      sample(BASE, 0, "c", { cpu: 3 }),
    ]);
    assert.deepEqual(await read(store, BASE, { metrics: ["mem", "cpu_usage", "unknown"] }), [
      sample(BASE, 0, "a", { mem: 2 }),
      sample(BASE, 0, "b", { cpu_usage: 0.5 }),
    ]);
    assert.deepEqual(await read(store, BASE, { of: [] }), []);
    assert.deepEqual(await read(store, BASE, { metrics: ["unknown"] }), []);
    assert.deepEqual(await read(store, BASE, { host: "none" }), []);
  });

  promise(
    "several hosts are read as each alone, all together in order, and found by their own samples",
    async (under) => {
      const { store } = under;
      if (store.readHosts === undefined) return;
      const hosts = [
        "h",
        "h|2",
        'h "3"',
        "http://h:4/metrics",
        ...Array.from({ length: 9 }, (_, i) => `${"long".repeat(200)}${i}`),
      ];
      const written = hosts.flatMap((host, i) =>
        [0, 60, 1800 + i, 3599.999].flatMap((at) => [
          sample(BASE, at, null, { cpu: i, cpu_usage: at, other: 1 }, host),
          sample(BASE, at, "a", { cpu: at, mem: i }, host),
          sample(BASE, at, "b|c", { mem: i }, host),
        ]),
      );
      const strangers = [sample(BASE, 0, "only", { cpu: 1 }, "h2"), sample(BASE, 3600, null, { cpu: 1 }, "h5")];
      await write(under, ...written, ...strangers);
      const range = { from: milliseconds(BASE), to: milliseconds(BASE + 3_600_000) };
      for (const metrics of [["cpu", "mem"], []]) {
        const expected: Sample[] = [];
        for (const host of hosts)
          for (const of of ["host", "vms"] as const)
            expected.push(...(await collect(store.read({ host, of, metrics, ...range }))));
        assert.equal(expected.length, written.length);
        const together = store.readHosts({ hosts: [...hosts, "none"], metrics, ...range });
        assert.deepEqual(await collect(together), expected.sort(compareSamples));
      }
      assert.deepEqual(await collect(store.readHosts({ hosts: [], metrics: [], ...range })), []);
      assert.deepEqual([...((await store.hosts?.(range)) ?? [])].sort(), [...hosts].sort());
    },
  );

  promise("many samples are streamed in order, and a reader may leave", async (under) => {
    const [vms, times] = [50, 100];
    const all = Array.from({ length: times }, (_, i) => i * 5).flatMap((at) =>
      Array.from({ length: vms }, (_, vm) => sample(BASE, at, `vm-${String(vm).padStart(3, "0")}`, { cpu: vm + at })),
    );
    for (let start = 0; start < all.length; start += 1000) await under.store.write(all.slice(start, start + 1000));
    await under.settle();
    let seen = 0;
    for await (const one of under.store.read(query(BASE))) {
      assert.deepEqual(one, all[seen]);
      seen++;
    }
    assert.equal(seen, all.length);
    for await (const one of under.store.read(query(BASE))) {
      assert.deepEqual(one, all[0]);
      break;
    }
    assert.equal((await read(under.store, BASE, { of: ["vm-007"] })).length, times);
  });
}

function replaceSuite(promise: Promised, { replaces }: Abilities): void {
  promise("the same sample again counts once", async (under) => {
    const ones = [0, 1, 2].map((at) => sample(BASE, at, "a", { cpu: at, mem: 5 }));
    await write(under, ...ones);
    await write(under, ...ones, ones[1]!);
    await write(under, ones[0]!);
    assert.deepEqual(await read(under.store, BASE), ones);
  });

  if (replaces === "never") return;
  promise("a later sample of the same source and time replaces the one before", async (under) => {
    await write(under, sample(BASE, 0, "a", { cpu: 1, mem: 1 }), sample(BASE, 0, "a", { cpu: 2, mem: 2 }));
    assert.deepEqual(await read(under.store, BASE), [sample(BASE, 0, "a", { cpu: 2, mem: 2 })]);
    await write(under, sample(BASE, 0, "a", { cpu: 3 }), sample(BASE, 1, "a", { cpu: 1 }));
    const expected = replaces === "sample" ? { cpu: 3 } : { cpu: 3, mem: 2 };
    assert.deepEqual(await read(under.store, BASE), [sample(BASE, 0, "a", expected), sample(BASE, 1, "a", { cpu: 1 })]);
    await write(under, sample(BASE, 1, "a", { cpu: 7 }));
    assert.deepEqual(
      (await read(under.store, BASE)).map(({ values }) => values.cpu),
      [3, 7],
    );
  });
}

function sourceSuite(promise: Promised): void {
  promise("sources are told by host and name, with their first and last time in the range", async (under) => {
    const at = (seconds: number) => milliseconds(BASE + seconds * 1000);
    await write(
      under,
      ...[0, 60, 900.5].map((t) => sample(BASE, t, null, { cpu: 1 })),
      ...[30, 31].map((t) => sample(BASE, t, "b", { cpu: 1 })),
      sample(BASE, 45, "a", { mem: 1 }),
      sample(BASE, 10, null, { cpu: 1 }, "g"),
    );
    const { store } = under;
    assert.deepEqual(await store.sources({ from: at(0), to: at(3600) }), [
      { host: "g", vm: null, first: at(10), last: at(10) },
      { host: "h", vm: null, first: at(0), last: at(900.5) },
      { host: "h", vm: "a", first: at(45), last: at(45) },
      { host: "h", vm: "b", first: at(30), last: at(31) },
    ]);
    assert.deepEqual(await store.sources({ from: at(31), to: at(900.5), host: "h" }), [
      { host: "h", vm: null, first: at(60), last: at(60) },
      { host: "h", vm: "a", first: at(45), last: at(45) },
      { host: "h", vm: "b", first: at(31), last: at(31) },
    ]);
    assert.deepEqual(await store.sources({ from: at(0), to: at(3600), host: "none" }), []);
  });
}

function lifeSuite(promise: Promised): void {
  promise("a sample that is none is a bug, and nothing of its batch is taken", async (under) => {
    const good = sample(BASE, 0, "a", { cpu: 1 });
    const wrong: readonly Sample[] = [
      sample(BASE, 0, "", { cpu: 1 }),
      sample(BASE, 0, "a", { cpu: 1 }, ""),
      sample(BASE, 0, "a\nb", { cpu: 1 }),
      sample(BASE, 0, "a", { cpu: Number.NaN }),
      sample(BASE, 0, "a", { cpu: Number.POSITIVE_INFINITY }),
      sample(BASE, 0, "a", { "cpu-usage": 1 }),
      sample(BASE, 0, "a", { Cpu: 1 }),
      sample(BASE, 0, "a", { host: 1 }),
      { ...good, at: milliseconds(1.5) },
      { ...good, at: milliseconds(-1) },
    ];
    for (const one of wrong) await assert.rejects(under.store.write([good, one]), Bug, JSON.stringify(one));
    await under.settle();
    assert.deepEqual(await read(under.store, BASE), []);
  });

  promise("many writes at once are all there", async (under) => {
    const batches = Array.from({ length: 20 }, (_, i) => [0, 1, 2].map((t) => sample(BASE, t, `vm-${i}`, { cpu: i })));
    await Promise.all(batches.map((batch) => under.store.write(batch)));
    await under.settle();
    assert.equal((await read(under.store, BASE)).length, 60);
  });

  promise("closed, it says so; closing twice does no harm", async ({ store }) => {
    await store.write([sample(BASE, 0, "a", { cpu: 1 })]);
    assert.equal(store.status().reachable, true);
    await Promise.all([store.close(), store.close()]);
    await store.close();
    assert.equal(store.status().reachable, false);
    assert.equal(store.status().unflushed, 0);
    await assert.rejects(store.write([sample(BASE, 0, "a", { cpu: 1 })]), failsWith("store-unreachable"));
    await assert.rejects(collect(store.read(query(BASE))), failsWith("store-unreachable"));
    const range = { from: milliseconds(BASE), to: milliseconds(BASE + 1) };
    await assert.rejects(store.sources(range), failsWith("store-unreachable"));
  });
}

/** What a plain list holds: the later of two wins. */
function model(written: readonly Sample[], replaces: Abilities["replaces"]): readonly Sample[] {
  const kept = new Map<string, Sample>();
  for (const one of written) {
    const key = JSON.stringify([one.host, one.vm, one.at]);
    const before = replaces === "value" ? (kept.get(key)?.values ?? {}) : {};
    if (Object.keys(one.values).length > 0) kept.set(key, { ...one, values: { ...before, ...one.values } });
  }
  return [...kept.values()].sort(compareSamples);
}

function randomSuite(promise: Promised, { replaces, digits }: Abilities): void {
  promise("whatever is written in whatever order, it reads as from a plain list", async (under) => {
    const whole = fc.integer({ min: -1_000_000, max: 1_000_000 });
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    // A negative zero is zero to most.
    const value = (digits === undefined ? any : whole).map((number) => number + 0);
    const one = fc.record({
      host: fc.constantFrom("h", "h2"),
      vm: fc.constantFrom(null, "a", "b", "é"),
      at: fc.nat(40).map((step) => milliseconds(BASE + step * 7_001)),
      values: fc.dictionary(fc.constantFrom("cpu", "mem", "cpu_usage", "hwcpucycles"), value, {
        noNullPrototype: true,
      }),
    });
    const plain = one.map((record): Sample => ({ ...record }));
    const batches = fc.sample(fc.array(plain, { minLength: 1, maxLength: 30 }), { numRuns: 12, seed: 11 });
    const seen = new Set<string>();
    const written: Sample[] = [];
    for (const [i, batch] of batches.entries()) {
      // A store that replaces nothing is given each time of a source once.
      const fresh = batch.filter(({ host, vm, at }) => {
        const key = JSON.stringify([host, vm, at]);
        if (replaces === "never" && seen.has(key)) return false;
        seen.add(key);
        return true;
      });
      written.push(...fresh);
      await under.store.write(fresh);
      if (i % 4 === 3) await under.settle();
      if (i % 4 !== 3) continue;
      const expected = model(written, replaces);
      for (const host of ["h", "h2"]) {
        const own = expected.filter((sampled) => sampled.host === host);
        const vms = own.filter(({ vm }) => vm !== null);
        assert.deepEqual(await read(under.store, BASE, { host }), vms);
        assert.deepEqual(
          await read(under.store, BASE, { host, of: "host" }),
          own.filter(({ vm }) => vm === null),
        );
        const to = milliseconds(BASE + 20 * 7_001);
        assert.deepEqual(
          await read(under.store, BASE, { host, to, of: ["b"], metrics: ["cpu"] }),
          vms
            .filter(({ vm, at, values }) => vm === "b" && at < to && "cpu" in values)
            .map((sampled) => ({ ...sampled, values: { cpu: sampled.values.cpu } })),
        );
      }
    }
  });
}
