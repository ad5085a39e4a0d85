/** What each weigher prefers, and within which bounds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { afterPlacement } from "../../src/core/placement/after.js";
import { rankHosts } from "../../src/core/placement/choose.js";
import type { HostSummary, VmShape } from "../../src/core/placement/model.js";
import { BUILT_IN, rulesOf, type Weights, weightsProblem } from "../../src/core/placement/rules.js";
import { factsOf, shapeScore, VETOED } from "../../src/core/placement/score.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { mib, pcpus, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { host, randomFleet, randomHost, randomShape, shape } from "./random.js";

const ranked = (weights: Weights, hosts: readonly HostSummary[], asked: VmShape): readonly string[] =>
  rankHosts(rulesOf(weights), hosts, asked).map(({ hostId }) => hostId);

const empty = host("empty");
const half = afterPlacement(host("half"), shape(16, 64));
/** pCPUs nearly gone, memory nearly all there; and the other way round. */
const lacksCpu = afterPlacement(host("lacks-cpu"), shape(24, 8));
const lacksMemory = afterPlacement(host("lacks-memory"), shape(2, 96));
const hosts = [empty, half, lacksCpu, lacksMemory];

test("best-fit leaves as little as possible, spread as much, pack takes the fullest", () => {
  assert.deepEqual(ranked({ "best-fit": 1 }, [empty, half], shape(4, 16)), ["half", "empty"]);
  // A VM that fills an empty host leaves less there than on the half full one.
  assert.deepEqual(ranked({ "best-fit": 1 }, [empty, lacksMemory], shape(30, 32)), ["lacks-memory", "empty"]);
  assert.deepEqual(ranked({ spread: 1 }, hosts, shape(4, 16))[0], "empty");
  assert.deepEqual(ranked({ pack: 1 }, hosts, shape(1, 1)), ["half", "lacks-cpu", "lacks-memory", "empty"]);
});

test("balance puts memory-heavy VMs where pCPUs run out, and the reverse", () => {
  assert.equal(ranked({ balance: 1 }, hosts, shape(1, 32))[0], "lacks-cpu");
  assert.equal(ranked({ balance: 1 }, hosts, shape(8, 1))[0], "lacks-memory");
});

test("progress is SlackVM's: in MiB per allocated pCPU, so that a host short of memory may seem to gain from more of it", () => {
  assert.equal(ranked({ progress: 1 }, [empty, half, lacksCpu], shape(1, 32))[0], "lacks-cpu");
  assert.equal(ranked({ progress: 1 }, hosts, shape(1, 32))[0], "lacks-memory");
});

test("thrift goes where the pool of the ratio has room", () => {
  const withRoom = afterPlacement(host("room"), shape(4, 4, 3));
  assert.deepEqual(ranked({ thrift: 1 }, [empty, withRoom], shape(4, 4, 3)), ["room", "empty"]);
  assert.deepEqual(ranked({ thrift: 1 }, [empty, withRoom], shape(4, 4, 2)), ["empty", "room"]);
});

test("usage goes where the least is predicted; without an estimate, what is allocated counts", () => {
  const then = { memoryMiB: null, machineMemoryMiB: mib(0), vcpusThen: 1000, memoryThenMiB: mib(0) };
  // Of ratio 2: what is sold at ratio 1 counts whatever is used.
  const pools = half.pools.map((one) => ({ ...one, ratio: ratio(2) }));
  const idle = { ...half, pools, id: "idle", forecast: { ...then, pcpus: pcpus(1) } };
  const busy = { ...half, pools, id: "busy", forecast: { ...then, pcpus: pcpus(30) } };
  assert.deepEqual(ranked({ usage: 1 }, [busy, half, idle, empty], shape(4, 4)), ["empty", "idle", "half", "busy"]);
});

test("equal hosts are told apart by id alone", () => {
  for (const weights of Object.values(WEIGHTS))
    assert.deepEqual(
      ranked(
        weights,
        ["c", "a", "b"].map((id) => host(id)),
        shape(2, 4),
      ),
      ["a", "b", "c"],
    );
});

const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  balance: [-1, 1],
  thrift: [0, 1],
  "best-fit": [0, 1],
  pack: [0, 1],
  spread: [0, 1],
  usage: [0, 1],
};

test("scores stay within their bounds, so that weights mean something", () => {
  const cases = randomFleet.chain((fleet) => randomHost(1, fleet));
  fc.assert(
    fc.property(cases, randomShape, (summary, asked) => {
      for (const [name, [least, most]] of Object.entries(BOUNDS)) {
        const rules = rulesOf({ [name]: 1 });
        const score = shapeScore(rules, summary, factsOf(rules, summary), asked);
        assert.ok(score === VETOED || (score >= least && score <= most), `${name} gave ${score}`);
      }
    }),
  );
});

test("every weigher but SlackVM's progress, which is MiB per pCPU, has bounds", () => {
  assert.deepEqual(
    BUILT_IN.weighers.map(({ name }) => name).filter((name) => BOUNDS[name] === undefined),
    ["progress"],
  );
});

test("weights that name no weigher, or are no number, are refused by name", () => {
  assert.match(weightsProblem({ packing: 1 }) ?? "", /no weigher "packing"; there are balance, thrift/);
  assert.match(weightsProblem({ pack: Number.NaN }) ?? "", /weight of "pack" is NaN/);
  for (const weights of Object.values(WEIGHTS)) assert.equal(weightsProblem(weights), null);
});
