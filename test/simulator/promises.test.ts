/**
 * The promises of the design, looked at after every event of simulated clusters to which everything happens at once: a dozen seeds here,
 * as many as HEADROOM_SOAK_SEEDS says elsewhere (`make soak`). And the same with programs that were broken on purpose: it is noticed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PoolPolicy } from "../../src/core/pool/policy.js";
import { mib } from "../../src/core/units.js";
import type { Hypervisor } from "../../src/ports/hypervisor.js";
import type { Breaks } from "../../src/simulator/options.js";
import { PromiseBroken } from "../../src/simulator/promises.js";
import { guessing } from "../scheduler/broken.js";
import { type SmallRun, smallRun } from "./small.js";

const SEEDS = Number(process.env.HEADROOM_SOAK_SEEDS ?? 12);
const FIRST_SEED = Number(process.env.HEADROOM_SOAK_FIRST ?? 1);
const FAULTS = "random=16";
/** Memory is what runs out, is sold twice, and is coordinated: so in every fourth seed. */
const MEMORY: Partial<SmallRun> = { memoryRatio: 2, memoryMiB: 16_384, course: "daily" };

test(`every promise holds after every event, whatever fails, from ${SEEDS} seeds`, async () => {
  const happened = new Set<string>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const memory = seed % 4 === 0 ? MEMORY : {};
    const run = { ...memory, seed, faults: FAULTS, migrations: seed % 3 };
    const { summary, kinds } = await smallRun(run).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    });
    assert.equal(summary.placed + summary.refused + summary.unanswered, summary.vms, `seed ${seed}: all were answered`);
    assert.ok(summary.promisesChecked > 20, `seed ${seed}: ${summary.promisesChecked} checks`);
    for (const kind of kinds) happened.add(kind);
  }
  for (const kind of ["host-down", "agent-down", "lost-answers", "scheduler-down", "refused", "removed"])
    assert.ok(happened.has(kind), `${kind} happened`);
});

/** Some seed must show it. */
async function mustBeNoticed(breaks: Breaks, faults: string, what: RegExp, run: Partial<SmallRun> = {}): Promise<void> {
  for (let seed = 1; seed <= 30; seed++) {
    try {
      await smallRun({ ...run, seed, faults, breaks });
    } catch (error) {
      assert.ok(error instanceof PromiseBroken, String(error));
      assert.match(error.message, what);
      return;
    }
  }
  assert.fail("the broken program came through");
}

/** Takes a pool for larger than it is, as an agent would that counts wrong: every fourth VM is put in without new pCPUs. */
function overselling(policy: PoolPolicy): PoolPolicy {
  let count = 0;
  return {
    ...policy,
    initial: (capacityMiB) => policy.initial(capacityMiB),
    pins: (host) => policy.pins(host),
    deploy(host, vm) {
      const result = policy.deploy(host, vm);
      if (!result.ok || ++count % 4 !== 0) return result;
      const before = new Map(host.pools.map((pool) => [pool.ratio, pool]));
      const pools = result.value.pools.map((pool) => {
        const { pcpus, pinnedTo } = before.get(pool.ratio) ?? pool;
        return { ...pool, pcpus, pinnedTo };
      });
      return { ok: true, value: { ...result.value, pools } };
    },
  };
}

test("an agent that puts VMs into pools without room for them is noticed", () =>
  mustBeNoticed({ policy: overselling }, "", /more than its ratio allows|on \d+ pCPUs/));

test("a hypervisor that loses what it was told to keep, unheard by its agent, is noticed", () => {
  let defined = 0;
  const forgetful = (real: Hypervisor): Hypervisor => ({
    ...real,
    async start(name) {
      await real.start(name);
      if (++defined % 20 !== 0) return;
      await real.destroy(name);
      await real.undefine(name);
    },
  });
  return mustBeNoticed({ hypervisor: forgetful }, "", /was told to run, and is nowhere/);
});

test("a scheduler that guesses on silence is noticed", () =>
  mustBeNoticed(
    { client: guessing },
    "lost-answers@0+1200:0,lost-answers@0+1200:1,random=16",
    /exists on|nowhere|refused/,
  ));

test("a hypervisor that takes more from a guest than it was told is noticed", () => {
  const greedy = (real: Hypervisor): Hypervisor => ({
    ...real,
    setMemory: (name, memoryMiB) => real.setMemory(name, mib(Math.ceil(memoryMiB / 32))),
  });
  return mustBeNoticed({ hypervisor: greedy }, "", /is asked for \d+ MiB, outside/, MEMORY);
});

test("a hypervisor that gives a guest all that it was sold, whatever the host has, is noticed", () => {
  const generous = (real: Hypervisor): Hypervisor => ({
    ...real,
    async setMemory(name, memoryMiB) {
      const stats = (await real.stats()).find((one) => one.name === name);
      const isMore = memoryMiB > (stats?.memory?.currentMiB ?? memoryMiB);
      return real.setMemory(name, isMore ? stats!.memory!.maximumMiB : memoryMiB);
    },
  });
  return mustBeNoticed({ hypervisor: generous }, "", /MiB more, and the host has/, {
    ...MEMORY,
    course: "daily",
    vms: 60,
  });
});
