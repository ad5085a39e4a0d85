/** Ballooning from the store: the earlier system's recorded cases, and rounds across hosts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { StoreBallooning } from "../../src/agent/balloon/store-ballooning.js";
import { nodesOf, STORE_BALLOON } from "../../src/cli/settings/memory-settings.js";
import { type SqueezeSettings, squeezeOf } from "../../src/core/balloon/squeeze.js";
import { type Milliseconds, mib, milliseconds } from "../../src/core/units.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";
import { CourseHost, type ScriptedGuest } from "./course-host.js";

const CASES = sharedPath("goldens/vmballooning/cases.json");

interface RecordedCase {
  readonly domain: string;
  readonly now: number;
  readonly mem_usage: readonly number[] | null;
  readonly mem_rss: readonly number[] | null;
  readonly actions: readonly (readonly [string, ...(string | number)[]])[];
}

const SETTINGS: SqueezeSettings = { gainMiB: mib(2048), leastMiB: mib(512), grace: milliseconds(600_000) };

test("the recorded cases are decided alike; the smallest size counts in MiB here, and in thousands of KiB there", {
  skip: skipWithoutShared,
}, () => {
  const { cases }: { readonly cases: readonly RecordedCase[] } = JSON.parse(readFileSync(CASES, "utf8"));
  const last = new Map<string, Milliseconds>();
  let squeezed = 0;
  for (const { domain, now, mem_usage: used, mem_rss: resident, actions } of cases) {
    const at = milliseconds(now * 1000);
    const history = { used, residentMiB: resident?.at(-1) ?? null };
    const decision = squeezeOf(history, last.get(domain) ?? null, at, SETTINGS);
    const expected = actions.filter(([what]) => what === "setMemoryFlags")[0]?.[1];
    assert.equal(decision.kind === "squeeze", expected !== undefined, `${domain} at ${now}`);
    if (decision.kind !== "squeeze") continue;
    squeezed++;
    last.set(domain, at);
    const kib = Math.trunc(decision.targetMiB * 1024);
    assert.equal(decision.targetMiB === SETTINGS.leastMiB ? (kib / 1024) * 1000 : kib, expected, `${domain} at ${now}`);
  }
  assert.ok(squeezed >= 4);
});

const sample = (host: string, vm: string, at: number, used: number, resident: number): Sample => ({
  host,
  vm,
  at: milliseconds(at),
  values: { mem_usage: used, mem_rss: resident },
});

/** Holds what it was given. */
function storeOf(samples: readonly Sample[]): SampleStore {
  return {
    write: async () => undefined,
    flush: async () => undefined,
    sources: async () => [],
    async *read({ host, from, to }) {
      for (const one of samples) if (one.host === host && one.at >= from && one.at < to) yield one;
    },
    status: () => ({ kind: "embedded", where: "memory", reachable: true, problem: null, unflushed: 0 }),
    close: async () => undefined,
  };
}

const guest: ScriptedGuest = {
  name: "big",
  memoryMiB: 8192,
  maximumMiB: 8192,
  script: [{ atSeconds: 0, usedMiB: 1000 }],
};

async function ballooning(dryRun = false) {
  const host = await CourseHost.start({ hostMiB: 16_384, guests: [guest] });
  const { clock } = host;
  const now = clock.now();
  const samples = [1, 2, 3].map((minute) => sample("kvm1", "big", now - minute * 60_000, 2000, 7000));
  const old = sample("kvm1", "old", now - 7_200_000, 10, 7000);
  const small = sample("kvm1", "small", now - 60_000, 2000, 2100);
  const gone = sample("kvm1", "gone", now - 60_000, 2000, 7000);
  const store = storeOf([...samples, old, small, gone]);
  const stop = new AbortController();
  const controller = new StoreBallooning({
    store,
    hosts: new Map([["kvm1", host.hypervisor]]),
    clock,
    scope: milliseconds(3_600_000),
    settings: SETTINGS,
    dryRun,
    signal: stop.signal,
  });
  const size = async () => (await host.hypervisor.stats())[0]!.memory!.currentMiB;
  return { host, clock, controller, stop, size };
}

test("a VM is squeezed for half a minute and given its full size back; others are left alone, each with its reason", async () => {
  const { clock, controller, size, host } = await ballooning();
  const round = controller.round();
  await clock.advance(20_000);
  assert.equal(await size(), 2000);
  await clock.advance(15_000);
  const { outcomes } = await round;
  await clock.advance(10_000);
  assert.equal(await size(), 8192);
  assert.deepEqual(
    outcomes.map(({ vm, decision, problem }) => [vm, decision.kind, problem]),
    [
      ["big", "squeeze", null],
      ["small", "small-gain", null],
      ["gone", "squeeze", "it does not run there"],
    ],
  );
  assert.equal((await controller.round()).outcomes[0]?.decision.kind, "grace");
  assert.equal(host.hypervisor.calls.count("setMemory"), 2);
});

test("the signal gives a squeezed VM its size back at once", async () => {
  const { clock, controller, stop, size } = await ballooning();
  const round = controller.round();
  await clock.advance(10_000);
  assert.equal(await size(), 2000);
  stop.abort();
  await round;
  await clock.advance(10_000);
  assert.equal(await size(), 8192);
});

test("a dry run asks nothing of any VM, and a host that is away is told while the others go on", async () => {
  const { clock, controller, host } = await ballooning(true);
  assert.equal((await controller.round()).outcomes[0]?.decision.kind, "squeeze");
  assert.equal(host.hypervisor.calls.count("setMemory"), 0);
  const other = await CourseHost.start({ hostMiB: 16_384, guests: [guest] });
  other.hypervisor.disconnect();
  const both = new StoreBallooning({
    store: storeOf(["a", "b"].map((name) => sample(name, "big", clock.now(), 2000, 7000))),
    hosts: new Map([
      ["a", other.hypervisor],
      ["b", host.hypervisor],
    ]),
    clock: virtualClock(clock.now()),
    scope: milliseconds(60_000),
    settings: SETTINGS,
    dryRun: true,
    signal: new AbortController().signal,
  });
  const { outcomes, problems } = await both.round();
  assert.match(problems[0] ?? "", /^a: .*not reachable/);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.host),
    ["b"],
  );
});

test("hosts are given as pairs, in the earlier system's forms too", () => {
  const expected = new Map([["http://kvm7:9100", "qemu+ssh://root@kvm7/system?keyfile=id_rsa"]]);
  for (const text of [
    "http://kvm7:9100=qemu+ssh://root@kvm7/system?keyfile=id_rsa",
    "http://kvm7:9100:qemu+ssh://root@kvm7/system?keyfile=id_rsa",
    '{"http://kvm7:9100": "qemu+ssh://root@kvm7/system?keyfile=id_rsa"}',
  ])
    assert.deepEqual(nodesOf(STORE_BALLOON.balloonNodes.schema.parse(text)), expected, text);
  for (const text of ["kvm7", "kvm7=http://x", "{", "[]"])
    assert.equal(STORE_BALLOON.balloonNodes.schema.safeParse(text).success, false, text);
});
