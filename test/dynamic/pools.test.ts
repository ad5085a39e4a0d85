/** Pools under any wishes: they keep the promises of a host, and what cannot be had is not pretended. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { growthPcpus } from "../../src/core/placement/arithmetic.js";
import { hostCounts } from "../../src/core/placement/summary.js";
import { checkHost } from "../../src/core/pool/invariants.js";
import { type CpuPool, effectiveRatioOf, type HostState, type PoolDynamics } from "../../src/core/pool/model.js";
import type { PoolPolicy } from "../../src/core/pool/policy.js";
import { restoreHost, saveHost } from "../../src/core/pool/restore.js";
import { seedStatus, seedStatusOf } from "../../src/core/pool/status.js";
import { type Ratio, ratio } from "../../src/core/units.js";
import { accepted, deployed, EPYC, HOSTS, policyOn, SMALL, vm } from "../pool-headroom/hosts.js";
import fc from "../support/property.js";

const RATIOS = [1, 1.5, 2, 2.6, 3].map(ratio);
const dynamics = fc.option(
  fc.record({
    effectiveRatio: fc.integer({ min: 1000, max: 6000 }).map((thousandths) => ratio(thousandths / 1000)),
    activePcpus: fc.option(fc.integer({ min: 1, max: 40 })),
    borrows: fc.boolean(),
  }),
);
const wishes = fc
  .uniqueArray(fc.tuple(fc.constantFrom(...RATIOS), dynamics), { selector: ([one]) => one, maxLength: 5 })
  .map((pairs) => new Map<Ratio, PoolDynamics | null>(pairs));
type Act =
  | { readonly kind: "deploy" | "remove" | "resize"; readonly name: string; readonly vcpus: number; readonly of: Ratio }
  | { readonly kind: "adjust"; readonly wishes: ReadonlyMap<Ratio, PoolDynamics | null> }
  | { readonly kind: "repack" };
const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("deploy" as const, "remove" as const, "resize" as const),
    name: fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h"),
    vcpus: fc.integer({ min: 1, max: 12 }),
    of: fc.constantFrom(...RATIOS),
  }),
  wishes.map((asked) => ({ kind: "adjust" as const, wishes: asked })),
  fc.constant({ kind: "repack" as const }),
);

const poolOf = (host: HostState, of: Ratio): CpuPool | undefined => host.pools.find((pool) => pool.ratio === of);

for (const criticalSize of [0, 2]) {
  const what = criticalSize === 0 ? "" : ", also where small pools share";
  test(`whatever pools are asked for, promises 1 to 3 hold, and ratio 1.0 is not touched${what}`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...HOSTS.keys()),
        fc.array(acts, { minLength: 1, maxLength: 24 }),
        fc.constantFrom(0, 0.5, 1),
        fc.boolean(),
        (name, list, retrievableShare, yields) => {
          const policy = policyOn(HOSTS.get(name)!, { criticalSize, retrievableShare, yields });
          let host = policy.initial();
          for (const act of list) {
            const before = host;
            if (act.kind === "adjust") host = policy.adjust!(host, act.wishes);
            else if (act.kind === "repack") host = policy.repack!(host).host;
            else if (act.kind === "remove") host = next(policy.remove(host, act.name), host);
            else host = next(policy[act.kind](host, vm(act.name, act.vcpus, act.of)), host);
            assert.deepEqual(checkHost(policy, host), []);
            if (yields) yieldsWhatWasNotSold(policy, host);
            if (act.kind !== "adjust") continue;
            assert.equal(poolOf(host, ratio(1))?.pcpus.length, poolOf(before, ratio(1))?.pcpus.length);
            assert.equal(policy.adjust!(host, act.wishes), host, "asked again, nothing changes");
            const restored = restoreHost(policy, JSON.parse(JSON.stringify(saveHost(host))));
            assert.ok(restored.ok && checkHost(policy, restored.value).length === 0);
            if (restored.ok) assert.deepEqual(restored.value, host);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
}

const next = (result: ReturnType<ReturnType<typeof policyOn>["deploy"]>, host: HostState): HostState =>
  result.ok ? result.value : host;

/** What pools as they were sold would take is taken, and placement knows how much that is. */
function yieldsWhatWasNotSold(policy: PoolPolicy, host: HostState): void {
  const asSold = policy.adjust!(host, new Map(host.pools.map((pool) => [pool.ratio, null])));
  for (const of of RATIOS) {
    const newcomer = vm("newcomer", 3, of);
    if (policy.deploy(asSold, newcomer).ok) assert.ok(policy.deploy(host, newcomer).ok, `a newcomer at ${of}`);
  }
  const { freePcpus } = hostCounts(policy, host);
  assert.equal(policy.freeVcpus(host, ratio(1)), freePcpus);
  if (freePcpus > 0) assert.ok(policy.deploy(host, vm("newcomer", freePcpus, 1)).ok, "all of it");
  assert.ok(!policy.deploy(host, vm("newcomer", freePcpus + 1, 1)).ok, "and no more");
}

test("a busy pool that yields gives a newcomer what is missing and keeps the rest", () => {
  const policy = policyOn(SMALL, { yields: true });
  const vms = [vm("a", 4, 3), vm("b", 4, 3), vm("c", 4, 3), vm("x", 6, 1)];
  const asked = new Map([[ratio(3), { effectiveRatio: ratio(1.2), activePcpus: null, borrows: false }]]);
  const busy = policy.adjust!(deployed(policy, vms), asked);
  assert.deepEqual([poolOf(busy, ratio(3))!.pcpus.length, policy.freePcpus(busy).length], [10, 0]);
  assert.equal(hostCounts(policy, busy).freePcpus, 6);
  const taken = accepted(policy.deploy(busy, vm("d", 2, 1)));
  assert.deepEqual(checkHost(policy, taken), []);
  assert.equal(poolOf(taken, ratio(3))!.pcpus.length, 8, "two were asked for");
  assert.equal(effectiveRatioOf(poolOf(taken, ratio(3))!), 1.5);
  const joined = accepted(policy.deploy(busy, vm("d", 1, 3)));
  assert.equal(poolOf(joined, ratio(3))!.pcpus.length, 10, "its own newcomer shares what it holds");
  assert.equal(policy.deploy(busy, vm("d", 7, 1)).ok, false, "what was sold is not given");
});

test("a pool that asks for more than is free is counted with what it gets", () => {
  const policy = policyOn(SMALL);
  const host = deployed(policy, [vm("a", 4, 3), vm("b", 4, 3), vm("c", 4, 3), vm("x", 10, 1)]);
  const asked = new Map([[ratio(3), { effectiveRatio: ratio(1), activePcpus: null, borrows: false }]]);
  const grown = policy.adjust!(host, asked);
  const pool = poolOf(grown, ratio(3))!;
  assert.equal(pool.pcpus.length, 6, "4 it had, and 2 were free");
  assert.equal(effectiveRatioOf(pool), 2);
  assert.deepEqual(policy.deploy(grown, vm("d", 1, 3)), {
    ok: false,
    refusal: {
      code: "no-cpu-capacity",
      reason:
        'VM "d" needs 1 more pCPUs in its pools, 0 of 16 are free; the pool of ratio 3 is busy and counted with 2',
      details: { resource: "cpu", neededPcpus: 1, freePcpus: 0 },
    },
  });
  assert.equal(policy.freeVcpus(grown, ratio(3)), 0);
  const back = policy.adjust!(accepted(policy.remove(grown, "x")), asked);
  assert.equal(effectiveRatioOf(poolOf(back, ratio(3))!), 1, "it has all that it asked for once there is room");
});

test("what pools above their ratio do without stays free for them in the share asked for", () => {
  const quiet = new Map([[ratio(2), { effectiveRatio: ratio(4), activePcpus: null, borrows: false }]]);
  const vms = ["a", "b", "c", "d"].map((name) => vm(name, 4, 2));
  const freeAt = (retrievableShare: number): number => {
    const policy = policyOn(SMALL, { retrievableShare });
    const host = policy.adjust!(deployed(policy, vms), quiet);
    assert.equal(host.pools[0]!.pcpus.length, 4);
    const admitted = hostCounts(policy, host).freePcpus;
    assert.equal(seedStatus(host, policy).cpu.avail, admitted);
    assert.equal(policy.deploy(host, vm("x", admitted, 1)).ok, true);
    assert.equal(policy.deploy(host, vm("x", admitted + 1, 1)).ok, false);
    return admitted;
  };
  assert.deepEqual([0, 0.5, 1].map(freeAt), [12, 10, 8]);
});

const SEED_COUNTS = {
  pools: [{ ratio: ratio(3), effectiveRatio: 1.75, pcpus: 28, allocatedVcpus: 48 }],
  freeMiB: 0,
  allocatedMiB: null,
  perVcpu: false,
};

test("placement counts with the effective ratio as the host does", () => {
  const policy = policyOn(EPYC);
  const host = policy.adjust!(
    deployed(policy, [vm("a", 16, 3), vm("b", 16, 3), vm("c", 16, 3)]),
    new Map([[ratio(3), { effectiveRatio: ratio(1.75), activePcpus: null, borrows: false }]]),
  );
  const counts = {
    ...hostCounts(policy, host),
    state: "up",
    cordoned: false,
    ratiosOffered: null,
    labels: {},
  } as const;
  for (const vcpus of [1, 2, 5, 8, 30]) {
    const one = vm("n", vcpus, 3);
    assert.equal(growthPcpus({ ...counts, images: null }, one), policy.growth(host, one).pcpus, `${vcpus} vCPUs`);
  }
  assert.deepEqual(seedStatus(host, policy).cpu, seedStatusOf({ ...SEED_COUNTS, freePcpus: counts.freePcpus }).cpu);
});

test("what rests of one pool serves the one that is short, and nobody else's vCPUs run there", () => {
  const policy = policyOn(EPYC);
  const vms = [..."abcdefgh"].flatMap((name) => [vm(`${name}2`, 8, 2), vm(`${name}3`, 9, 3)]);
  const host = deployed(policy, vms);
  const lent = policy.adjust!(
    host,
    new Map([
      [ratio(2), { effectiveRatio: ratio(2), activePcpus: 12, borrows: false }],
      [ratio(3), { effectiveRatio: ratio(3), activePcpus: null, borrows: true }],
    ]),
  );
  assert.deepEqual(checkHost(policy, lent), []);
  const [lender, borrower] = [poolOf(lent, ratio(2))!, poolOf(lent, ratio(3))!];
  assert.equal(lender.runsOn!.length, 12);
  for (const pool of hostCounts(policy, lent).pools) assert.ok(!("effectiveRatio" in pool), "counted as sold");
  assert.equal(borrower.runsOn!.length, borrower.pinnedTo.length + lender.pcpus.length - 12);
  const back = policy.adjust!(lent, new Map([[ratio(2), null]]));
  assert.deepEqual(
    back.pools.map(({ runsOn }) => runsOn),
    [undefined, undefined],
  );
  assert.deepEqual(checkHost(policy, back), []);
});
