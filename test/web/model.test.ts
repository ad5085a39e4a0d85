/** What the dashboard works out before it draws: pure, so tried without a browser. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { packagesOf, poolOfPcpu } from "../../web/src/model/cpu-map.js";
import { readCpuSet } from "../../web/src/model/cpu-set.js";
import { boundsText, dynamicPools, moveText, restingOf } from "../../web/src/model/dynamics.js";
import { type EventFrame, frameReader } from "../../web/src/model/event-frames.js";
import { type Estimate, expectedOf } from "../../web/src/model/expected.js";
import { duration, memory, ratioText } from "../../web/src/model/format.js";
import { byTrouble, type HostRow, stateText, stressOf, totalsOf } from "../../web/src/model/host-row.js";
import { hrefOf, parseRoute } from "../../web/src/model/route.js";
import { checkVm } from "../../web/src/model/wanted.js";
import fc from "../support/property.js";

const pool = (ratio: number, pcpus: string, waitPcpus = 0): HostRow["pools"][number] => ({
  ratio,
  pcpus,
  pcpuCount: readCpuSet(pcpus).length,
  allocatedVcpus: 4,
  freeVcpus: 0,
  vms: [],
  pinnedTo: pcpus,
  usagePcpus: 1,
  waitPcpus,
});

const row = (id: string, more: Partial<HostRow> = {}): HostRow => ({
  id,
  url: null,
  state: "up",
  silenceMs: 0,
  cordoned: false,
  draining: false,
  vmCount: 1,
  reserved: 0,
  policy: "headroom",
  hypervisor: "kvm",
  pcpus: { total: 16, reserved: 0, free: 8, inPools: 8 },
  memory: { capacityMiB: 1024, allocatedMiB: 512 },
  usagePcpus: 2,
  usageMiB: 256,
  pools: [pool(1, "0-7")],
  problems: [],
  ...more,
});

describe("addresses", () => {
  test("every page's address leads back to it, whatever names hold", () => {
    const text = fc.string({ minLength: 1 }).filter((name) => name.trim() !== "");
    fc.assert(
      fc.property(text, text, (name, host) => {
        for (const route of [
          { page: "host", id: name },
          { page: "vm", name },
          { page: "vms", host, name },
          { page: "what-if", vcpus: name, memoryGiB: host, ratio: name },
        ] as const)
          assert.deepEqual(parseRoute(hrefOf(route)), route);
      }),
    );
  });

  test("no address is the cluster, a strange one says what it was, a stray % stays", () => {
    assert.deepEqual(parseRoute(""), { page: "cluster" });
    assert.deepEqual(parseRoute("#/nowhere"), { page: "unknown", path: "nowhere" });
    assert.deepEqual(parseRoute("#/vms/50%"), { page: "vm", name: "50%" });
  });
});

describe("event streams", () => {
  const frames = (pieces: readonly string[]): readonly EventFrame[] => {
    const heard: EventFrame[] = [];
    const read = frameReader((frame) => heard.push(frame));
    for (const piece of pieces) read(piece);
    return heard;
  };

  test("however a stream is cut, the same events come out", () => {
    const stream =
      ': hello\nretry: 2000\n\nid: b-1\nevent: vm-placed\ndata: {"vm":"web"}\n\n: still here\n\nid: b-2\nevent: host-down\ndata: {}\n\n';
    const whole = frames([stream]);
    assert.deepEqual(whole, [
      { id: "b-1", kind: "vm-placed", data: '{"vm":"web"}' },
      { id: "b-2", kind: "host-down", data: "{}" },
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length })), (cuts) => {
        const ends = [...new Set([0, ...cuts, stream.length])].sort((a, b) => a - b);
        const pieces = ends.slice(1).map((end, i) => stream.slice(ends[i], end));
        assert.deepEqual(frames(pieces), whole);
      }),
    );
  });

  test("an event that is not complete yet is not heard", () => {
    assert.deepEqual(frames(["id: b-1\ndata: {}\n"]), []);
  });
});

describe("the map of pCPUs", () => {
  test("nests packages, cells, caches and cores, and holds every pCPU once", () => {
    const pcpu = (id: number, packageId: number, l3: number, smtSiblings: string) => ({
      id,
      packageId,
      cellId: packageId,
      smtSiblings,
      caches: [
        { index: 0, level: 1, domain: id },
        { index: 1, level: 3, domain: l3 },
      ],
      maxFrequencyKHz: null,
    });
    const topology = {
      host: "h",
      totalPcpus: 6,
      pcpus: [
        pcpu(0, 0, 0, "3"),
        pcpu(3, 0, 0, "0"),
        pcpu(1, 0, 1, "4"),
        pcpu(4, 0, 1, "1"),
        pcpu(2, 1, 2, "5"),
        pcpu(5, 1, 2, "2"),
      ],
      cells: [],
      memory: { totalMiB: 1, allowedMiB: 1 },
    };
    const packages = packagesOf(topology);
    assert.deepEqual(
      packages.map(({ cells }) =>
        cells.map(({ groups }) => groups.map(({ cores }) => cores.map(({ pcpus }) => pcpus))),
      ),
      [[[[[0, 3]], [[1, 4]]]], [[[[2, 5]]]]],
    );
  });

  test("says which pool holds a pCPU", () => {
    const owner = poolOfPcpu([pool(1, "0-1"), pool(3, "4")]);
    assert.deepEqual(
      [...owner].map(([id, { ratio }]) => [id, ratio]),
      [
        [0, 1],
        [1, 1],
        [4, 3],
      ],
    );
  });
});

describe("hosts", () => {
  test("a host whose guests wait for a twentieth of its pools suffers, for a hundredth it is busy", () => {
    assert.equal(stressOf(row("a", { pools: [pool(1, "0-7", 0.5)] })), "suffering");
    assert.equal(stressOf(row("a", { pools: [pool(1, "0-7", 0.1)] })), "busy");
    assert.equal(stressOf(row("a", { pools: [pool(1, "0-7", 0.05)] })), "calm");
    assert.equal(stressOf(row("a", { state: "down" })), "suffering");
  });

  test("those in trouble come first, then by name", () => {
    const hosts = [row("b"), row("a"), row("c", { state: "down" }), row("d", { pools: [pool(1, "0-7", 2)] })];
    assert.deepEqual(
      byTrouble(hosts).map(({ id }) => id),
      ["c", "d", "a", "b"],
    );
  });

  test("silence is told before what an operator has set", () => {
    assert.equal(stateText(row("a", { state: "down", cordoned: true })), "down");
    assert.equal(stateText(row("a", { draining: true, cordoned: true })), "draining");
  });

  test("totals add up, and count what is not known as nothing", () => {
    const totals = totalsOf([row("a"), row("b", { usagePcpus: null, usageMiB: null })]);
    assert.deepEqual(totals, {
      pcpus: 32,
      pooled: 16,
      allocatedVcpus: 8,
      usedPcpus: 2,
      memoryMiB: 2048,
      allocatedMiB: 1024,
      usedMiB: 256,
      vms: 2,
    });
  });
});

describe("words and numbers", () => {
  test("units are those that people read", () => {
    assert.deepEqual(
      [
        memory(512),
        memory(1536),
        duration(59_000),
        duration(61_000),
        duration(3_720_000),
        ratioText(2.6),
        ratioText(null),
      ],
      ["512 MiB", "1.5 GiB", "59 s", "1 min 1 s", "1 h 2 min", "2.6:1", "per vCPU"],
    );
  });

  test("a VM's shape is checked before it is sent, naming the field", () => {
    const typed = { vcpus: "2", memoryGiB: "0.5", ratio: "1.5" };
    assert.deepEqual(checkVm(typed), { ok: true, vcpus: 2, memoryMiB: 512, ratio: 1.5 });
    assert.deepEqual(checkVm({ ...typed, ratio: "" }), { ok: true, vcpus: 2, memoryMiB: 512, ratio: null });
    for (const [change, field] of [
      [{ vcpus: "0" }, /^vCPUs/],
      [{ vcpus: "2.5" }, /^vCPUs/],
      [{ memoryGiB: "-1" }, /^Memory/],
      [{ memoryGiB: "" }, /^Memory/],
      [{ memoryGiB: "0.0001" }, /^Memory/],
      [{ ratio: "0.5" }, /^Ratio/],
      [{ ratio: "1e3" }, /^Ratio/],
    ] as const) {
      const checked = checkVm({ ...typed, ...change });
      assert.ok(!checked.ok);
      assert.match(checked.problem, field);
    }
  });
});

test("what a cluster is expected to need is the sum of estimates that hold, or what is booked where one is withheld", () => {
  const estimate = (need: number | null, stale: boolean): Estimate =>
    ({
      stale,
      cpu: { need, booked: 10 },
      memory: { need: need === null ? null : 100 * need, booked: 2000 },
    }) as Estimate;
  assert.equal(expectedOf([]), null);
  assert.equal(expectedOf([estimate(3, true)]), null, "stale ones are of no account");
  const sum = expectedOf([estimate(3, false), estimate(null, false), estimate(4, true)]);
  assert.deepEqual(sum, { hosts: 2, pcpus: 13, memoryMiB: 2300 });
});

test("a pool that follows its usage is told in words: bounds, what rests, and why it moved", () => {
  const dynamics = { effectiveRatio: 1.5, activePcpus: 3, expectedPeakPcpus: null, leastRatio: 1, mostRatio: 3 };
  const lastMove = { at: 1_000, from: 3, to: 1.5, reason: "waiting" as const };
  const [first, ...others] = dynamicPools([
    pool(1, "0-3"),
    { ...pool(3, "4-11"), dynamics: { ...dynamics, lastMove } },
  ]);
  assert.deepEqual(others, [], "pools of ratio 1.0 take no part");
  assert.equal(restingOf(first!), 5);
  assert.equal(boundsText(first!.dynamics), "1 to 3");
  assert.equal(boundsText({ ...first!.dynamics, leastRatio: 3 }), "stays");
  assert.equal(moveText(lastMove, 61_000), "3:1 to 1.5:1, 1 min 0 s ago: its guests waited");
  assert.equal(moveText(lastMove, 0), "3:1 to 1.5:1, 0 s ago: its guests waited", "clocks differ");
  assert.equal(moveText(null, 0), "not since its agent began");
});
