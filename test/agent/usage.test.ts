/** Usage from counters: pCPUs and waiting over the window, and no nonsense when guests come, go and start anew. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureUsage, poolUsage, type UsageState } from "../../src/agent/usage.js";
import { EMPTY_CPU_SET } from "../../src/core/cpuset.js";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import type { DomainStats, MemoryStats } from "../../src/ports/hypervisor.js";

const SECOND = 1_000_000_000n;

/** `vcpus`: seconds of CPU time and of waiting of each vCPU. */
function domain(name: string, vcpus: readonly (readonly [number, number | null])[], more: Partial<DomainStats> = {}) {
  const total = vcpus.reduce((sum, [time]) => sum + time, 0);
  const stats: DomainStats = {
    name,
    uuid: `${name}-1`,
    state: "running",
    cpuTimeNs: BigInt(Math.round(total * 10)) * (SECOND / 10n),
    vcpus: vcpus.map(([time, delay], index) => ({
      index,
      online: true,
      timeNs: BigInt(Math.round(time * 10)) * (SECOND / 10n),
      delayNs: delay === null ? null : BigInt(Math.round(delay * 10)) * (SECOND / 10n),
    })),
    memory: null,
    ...more,
  };
  return stats;
}

const balloon = (currentMiB: number, unusedMiB: number | null): MemoryStats => ({
  currentMiB: mib(currentMiB),
  maximumMiB: mib(currentMiB),
  unusedMiB: unusedMiB === null ? null : mib(unusedMiB),
  availableMiB: null,
  usableMiB: null,
  swapInMiB: null,
  swapOutMiB: null,
  lastUpdate: null,
  rssMiB: mib(100),
});

function readings(...list: readonly (readonly [number, readonly DomainStats[]])[]): UsageState {
  let state: UsageState | null = null;
  for (const [atSeconds, stats] of list) state = measureUsage(state, stats, null, milliseconds(atSeconds * 1000));
  return state!;
}

test("the first reading of a VM has no usage", () => {
  const { report } = readings([0, [domain("a", [[5, 1]])]]);
  assert.deepEqual([report.vms.get("a")!.cpuPcpus, report.vms.get("a")!.waitPcpus], [null, null]);
  assert.equal(report.host.cpuPcpus, null);
});

test("usage is counter over wall time, waiting is summed over vCPUs", () => {
  const { report } = readings(
    [
      0,
      [
        domain("a", [
          [5, 1],
          [0, 0],
        ]),
      ],
    ],
    [
      10,
      [
        domain("a", [
          [10, 2],
          [5, 1],
        ]),
      ],
    ],
  );
  const a = report.vms.get("a")!;
  assert.deepEqual([a.cpuPcpus, a.waitPcpus], [1, 0.2]);
  assert.deepEqual(a.vcpus.get(1), { cpuPcpus: 0.5, waitPcpus: 0.1 });
  assert.equal(report.host.cpuPcpus, 1);
});

test("a pool's usage is that of the vCPUs that it has, not of whole VMs", () => {
  const { report } = readings(
    [
      0,
      [
        domain("a", [
          [0, 0],
          [0, 0],
        ]),
      ],
    ],
    [
      10,
      [
        domain("a", [
          [10, 2],
          [5, 1],
        ]),
      ],
    ],
  );
  const pool = {
    ratio: ratio(2),
    pcpus: [0],
    members: [{ vm: "a", vcpuIndexes: [1] }],
    allocatedVcpus: 1,
    pinnedTo: EMPTY_CPU_SET,
  };
  assert.deepEqual(poolUsage(pool, report), { usagePcpus: 0.5, waitPcpus: 0.1 });
  assert.deepEqual(poolUsage({ ...pool, members: [] }, report), { usagePcpus: null, waitPcpus: null });
});

test("a guest that started anew, by counter or by uuid, has no usage until the next reading", () => {
  for (const anew of [domain("a", [[2, 0]]), domain("a", [[50, 0]], { uuid: "a-2" })]) {
    const state = readings([0, [domain("a", [[10, 0]])]], [10, [domain("a", [[20, 0]])]], [20, [anew]]);
    assert.equal(state.report.vms.get("a")!.cpuPcpus, null);
    assert.deepEqual(state.restarted, ["a"]);
    const next = measureUsage(
      state,
      [{ ...anew, cpuTimeNs: anew.cpuTimeNs + 5n * SECOND }],
      null,
      milliseconds(30_000),
    );
    assert.equal(next.report.vms.get("a")!.cpuPcpus, 0.5);
    assert.deepEqual(next.restarted, []);
  }
});

test("a vCPU plugged in later, or unplugged and back, makes no negative figure", () => {
  const { report } = readings(
    [
      0,
      [
        domain("a", [
          [10, 1],
          [9, 1],
        ]),
      ],
    ],
    [
      10,
      [
        domain(
          "a",
          [
            [15, 1],
            [1, 0],
            [3, 0],
          ],
          { cpuTimeNs: 30n * SECOND },
        ),
      ],
    ],
  );
  const { vcpus } = report.vms.get("a")!;
  assert.deepEqual([vcpus.get(0)!.cpuPcpus, vcpus.get(1)!.cpuPcpus, vcpus.get(2)!.cpuPcpus], [0.5, null, null]);
});

test("without run delay there is no waiting time, rather than none waited", () => {
  const { report } = readings([0, [domain("a", [[0, null]])]], [10, [domain("a", [[10, null]])]]);
  assert.deepEqual([report.vms.get("a")!.cpuPcpus, report.vms.get("a")!.waitPcpus], [1, null]);
});

test("readings within a second do not blow up steps of the counters: the figures before stand", () => {
  const state = readings(
    [0, [domain("a", [[0, 0]])]],
    [10, [domain("a", [[5, 0]])]],
    [10.1, [domain("a", [[5.5, 0]]), domain("b", [[1, 0]])]],
  );
  assert.equal(state.report.vms.get("a")!.cpuPcpus, 0.5);
  assert.equal(state.report.vms.get("b")!.cpuPcpus, null);
  const next = measureUsage(state, [domain("a", [[10, 0]]), domain("b", [[2, 0]])], null, milliseconds(20_000));
  assert.equal(next.report.vms.get("a")!.cpuPcpus, 0.5);
  assert.equal(next.report.vms.get("b")!.cpuPcpus, null, "b was never in a reading that counts");
});

test("memory is the balloon less what the guest does not use, null while the guest says nothing", () => {
  const { report } = readings([
    0,
    [
      domain("a", [], { memory: balloon(2048, 512) }),
      domain("b", [], { memory: balloon(2048, null) }),
      domain("c", []),
    ],
  ]);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => report.vms.get(name)!.memoryMiB),
    [1536, null, null],
  );
  assert.equal(report.host.memoryMiB, 200);
});

test("where the machine can be read, its own figures are the host's", () => {
  const host = (busySeconds: number) => ({
    cpuBusyNs: BigInt(busySeconds) * SECOND,
    memoryTotalMiB: mib(1000),
    memoryAvailableMiB: mib(400),
  });
  const first = measureUsage(null, [], host(100), milliseconds(0));
  const second = measureUsage(first, [], host(125), milliseconds(10_000));
  assert.deepEqual(second.report.host, { cpuPcpus: 2.5, memoryMiB: 600 });
});

test("figures of VMs that are gone are gone", () => {
  const { report } = readings([0, [domain("a", [[0, 0]])]], [10, [domain("a", [[5, 0]])]], [20, []]);
  assert.equal(report.vms.size, 0);
});
