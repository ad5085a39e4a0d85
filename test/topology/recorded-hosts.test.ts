/** Every recorded host by table: what the reader makes of the machine, and what it warns of. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { HOST_NAMES, recordedHost } from "./hosts.js";

interface Expected {
  readonly pcpus: number;
  readonly cores: number;
  readonly l3Groups: number;
  /** Cells with pCPUs, and cells in all. */
  readonly cells: readonly [used: number, all: number];
  readonly packages: number;
  readonly memoryMiB: number;
  readonly distances: readonly number[];
  /** What the warnings say, in order. */
  readonly warnings?: readonly RegExp[];
}

const EXPECTED: Readonly<Record<string, Expected>> = {
  "altra-q80": {
    ...{ pcpus: 80, cores: 80, l3Groups: 1, cells: [1, 1], packages: 1, memoryMiB: 257_400 },
    distances: [40],
  },
  "cloud-guest-2": {
    ...{ pcpus: 2, cores: 2, l3Groups: 1, cells: [1, 1], packages: 1, memoryMiB: 24_105 },
    distances: [40],
  },
  "container-bare": {
    ...{ pcpus: 8, cores: 8, l3Groups: 1, cells: [1, 1], packages: 1, memoryMiB: 16_384 },
    distances: [20],
    warnings: [
      /^no physical_package_id: taken for package 0 \(pCPU 0-7\)$/,
      /^no thread_siblings_list and no core_id: .* \(pCPU 0-7\)$/,
      /^no NUMA cells in sysfs/,
      /^no caches in sysfs.* \(pCPU 0-7\)$/,
      /^the cgroup allows pCPUs 0-3 only; consider to exclude 4-7$/,
    ],
  },
  "core-ultra-9-185h": {
    ...{ pcpus: 22, cores: 16, l3Groups: 2, cells: [1, 1], packages: 1, memoryMiB: 31_640 },
    distances: [10, 30, 40, 50],
  },
  "epyc-7451-2s-8-cells": {
    ...{ pcpus: 96, cores: 48, l3Groups: 16, cells: [8, 8], packages: 2, memoryMiB: 259_764 },
    distances: [10, 40, 50, 56, 72],
  },
  "epyc-7662-2s": {
    ...{ pcpus: 256, cores: 128, l3Groups: 32, cells: [2, 2], packages: 2, memoryMiB: 1_031_752 },
    distances: [10, 40, 50, 72],
  },
  "guest-1": {
    ...{ pcpus: 1, cores: 1, l3Groups: 1, cells: [1, 1], packages: 1, memoryMiB: 985 },
    distances: [],
  },
  "i7-1185g7": {
    ...{ pcpus: 8, cores: 4, l3Groups: 1, cells: [1, 1], packages: 1, memoryMiB: 31_776 },
    distances: [10, 40],
  },
  malformed: {
    ...{ pcpus: 4, cores: 3, l3Groups: 2, cells: [2, 2], packages: 1, memoryMiB: 0 },
    distances: [10, 20, 30],
    warnings: [
      /present holds "0-3,zz", not a CPU set/,
      /physical_package_id holds "first", not a whole number: not used \(pCPU 0\)$/,
      /core_siblings_list holds "0,,1", not a CPU set: not used \(pCPU 0\)$/,
      /^no physical_package_id: taken for package 0 \(pCPU 0-3\)$/,
      /thread_siblings_list holds "7-5", not a CPU set: not used \(pCPU 2\)$/,
      /^no thread_siblings_list and no core_id: .* \(pCPU 2\)$/,
      /^in several NUMA cells: the first is used \(pCPU 2\)$/,
      /node0\/distance holds "10 20 30", not 2 distances/,
      /node5\/distance holds "near far", not 2 distances/,
      /level holds "one", not a whole number: not used \(pCPU 0-3\)$/,
      /id holds "0x2", not a whole number: not used \(pCPU 2\)$/,
      /id holds "9{20}", not a whole number: not used \(pCPU 3\)$/,
      /^a cache with neither shared_cpu_list nor id: taken for the core's own \(pCPU 2-3\)$/,
      /cpuinfo_max_freq holds "<unknown>", not a whole number: not used \(pCPU 0-3\)$/,
      /^\/proc\/meminfo tells no MemTotal: counted as 0/,
    ],
  },
  "power9-ac922": {
    ...{ pcpus: 128, cores: 32, l3Groups: 16, cells: [2, 6], packages: 2, memoryMiB: 322_097 },
    distances: [10, 30, 50, 80],
  },
  "qemu-16-sockets": {
    ...{ pcpus: 16, cores: 16, l3Groups: 16, cells: [1, 1], packages: 16, memoryMiB: 32_094 },
    distances: [50],
    warnings: [1, 2, 3].map((level) => new RegExp(`^the ids of the level ${level} caches contradict shared_cpu_list`)),
  },
  "xeon-6130-2s-smt-off": {
    ...{ pcpus: 32, cores: 32, l3Groups: 2, cells: [2, 2], packages: 2, memoryMiB: 192_000 },
    distances: [40, 61],
  },
  "xeon-6248-2s-snc": {
    ...{ pcpus: 80, cores: 40, l3Groups: 2, cells: [4, 4], packages: 2, memoryMiB: 192_000 },
    distances: [10, 40, 61],
  },
  "xeon-e2288g-offline": {
    ...{ pcpus: 13, cores: 8, l3Groups: 1, cells: [1, 1], packages: 1, memoryMiB: 64_100 },
    distances: [10, 40],
    warnings: [/^pCPUs 5,10-11 are offline: left out$/],
  },
  "xeon-x7550-4s": {
    ...{ pcpus: 64, cores: 32, l3Groups: 4, cells: [1, 1], packages: 4, memoryMiB: 64_489 },
    distances: [10, 40, 50],
    warnings: [/^in no NUMA cell: taken for cell 0 \(pCPU 1,3,5,.*,63\)$/],
  },
};

test("every recorded host has its expectations", () => {
  assert.deepEqual(HOST_NAMES, Object.keys(EXPECTED).sort());
});

describe("a recorded host reads as the machine it was", () => {
  for (const [name, expected] of Object.entries(EXPECTED)) {
    test(name, () => {
      const { topology, warnings } = recordedHost(name);
      const index = indexTopology(topology);
      assert.equal(topology.pcpus.length, expected.pcpus);
      assert.equal(topology.totalPcpus, expected.pcpus);
      assert.equal(index.coreCount, expected.cores);
      assert.equal(index.l3Count, expected.l3Groups);
      assert.deepEqual([index.cellCount, topology.cells.length], expected.cells);
      assert.equal(index.packageCount, expected.packages);
      assert.equal(topology.memory.totalMiB, expected.memoryMiB);
      const distances = [...new Set(index.distance)].filter((distance) => distance > 0).sort((a, b) => a - b);
      assert.deepEqual(distances, expected.distances);
      const patterns = expected.warnings ?? [];
      assert.equal(warnings.length, patterns.length, warnings.join("\n"));
      for (const [i, pattern] of patterns.entries()) assert.match(warnings[i]!, pattern);
    });
  }
});

describe("what only some hosts have", () => {
  const pcpuOf = (name: string, id: number) => {
    const found = recordedHost(name).topology.pcpus.find((pcpu) => pcpu.id === id);
    assert.ok(found, `${name} has pCPU ${id}`);
    return found;
  };

  test("a core keeps the thread whose sibling is offline", () => {
    assert.deepEqual(pcpuOf("xeon-e2288g-offline", 13).smtSiblings, []);
    assert.deepEqual(pcpuOf("xeon-e2288g-offline", 8).smtSiblings, [0]);
  });

  test("sparse package and cell ids stay the kernel's", () => {
    assert.equal(pcpuOf("power9-ac922", 64).packageId, 8);
    assert.equal(pcpuOf("power9-ac922", 64).cellId, 8);
    const { cells } = recordedHost("power9-ac922").topology;
    assert.deepEqual(
      cells.map((cell) => cell.id),
      [0, 8, 252, 253, 254, 255],
    );
    assert.equal(cells[0]!.distances.get(255), 80);
  });

  test("no cpufreq means no frequency, and no warning", () => {
    assert.equal(pcpuOf("cloud-guest-2", 0).maxFrequencyKHz, null);
    assert.equal(pcpuOf("i7-1185g7", 0).maxFrequencyKHz, 4_800_000);
  });

  test("without cache ids a cache is named after the first pCPU that shares it", () => {
    assert.deepEqual(
      pcpuOf("xeon-x7550-4s", 37).caches.map((cache) => cache.domain),
      [5, 5, 5, 1],
    );
  });

  test("small cores keep their own caches, and those without L1 are no strangers to their cluster", () => {
    assert.deepEqual(
      pcpuOf("core-ultra-9-185h", 16).caches.map((cache) => cache.level),
      [2, 3],
    );
    const index = indexTopology(recordedHost("core-ultra-9-185h").topology);
    const between = (a: number, b: number) => index.distance[a * index.ids.length + b];
    assert.equal(between(16, 18), 30, "both without L1, same L2");
    assert.equal(between(16, 17), 30, "one without L1, same L2");
    assert.equal(between(16, 12), 40, "another L2, same L3");
    assert.equal(between(20, 21), 30, "no L3, same L2");
    assert.equal(between(20, 0), 50, "no cache in common");
  });
});
