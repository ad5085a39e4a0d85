/** The sysfs reader where hosts differ from the common case, against damaged files, and on real folders. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { TopologyFormatError } from "../../src/core/topology/format-error.js";
import type { HostFiles } from "../../src/core/topology/host-files.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { parseRecordedHost } from "../../src/core/topology/recorded-host.js";
import { readTopology } from "../../src/core/topology/sysfs.js";
import { linuxHostFiles } from "../../src/drivers/linux/host-files.js";
import fc from "../support/property.js";
import { HOST_NAMES, hostText } from "./hosts.js";

const host = (...lines: string[]): HostFiles => parseRecordedHost(lines.join("\n"));
const CPU = "/sys/devices/system/cpu";
const NODE = "/sys/devices/system/node";

describe("a host that cannot be read at all says so", () => {
  test("no sysfs", () => {
    const nothing: HostFiles = { readText: () => null, listFolder: () => [] };
    assert.throws(
      () => readTopology(nothing),
      /\/sys\/devices\/system\/cpu is without an online pCPU.*is \/sys mounted/,
    );
  });
  test("an empty online list", () => {
    assert.throws(() => readTopology(host(`${CPU}/online\t`, `${CPU}/cpu0/`)), TopologyFormatError);
  });
});

describe("which pCPUs there are", () => {
  test("without an online list each pCPU's own file tells, and the first has none", () => {
    const files = host(`${CPU}/cpu{0-3}/`, `${CPU}/cpu1/online\t1`, `${CPU}/cpu2/online\t0`, `${CPU}/cpu3/online\t1`);
    const { topology, warnings } = readTopology(files);
    assert.deepEqual(
      topology.pcpus.map((pcpu) => pcpu.id),
      [0, 1, 3],
    );
    assert.ok(warnings.includes("pCPUs 2 are offline: left out"));
  });
  test("excluded pCPUs are counted and stay siblings, but are not usable", () => {
    const { topology } = readTopology(parseRecordedHost(hostText("i7-1185g7")), { exclude: [0, 1, 5] });
    assert.equal(topology.totalPcpus, 8);
    assert.deepEqual(
      topology.pcpus.map((pcpu) => pcpu.id),
      [2, 3, 4, 6, 7],
    );
    assert.deepEqual(topology.pcpus[2]!.smtSiblings, [0]);
    assert.equal(indexTopology(topology).coreCount, 3);
  });
  test("excluding what is not there, or everything, is refused", () => {
    const files = parseRecordedHost(hostText("guest-1"));
    assert.throws(() => readTopology(files, { exclude: [1] }), /exclude is pCPU 1, which the host does not have/);
    assert.throws(() => readTopology(files, { exclude: [0] }), /exclude is every pCPU of the host/);
  });
});

describe("facts under other names or in other places", () => {
  test("newer kernels' core_cpus_list serves for thread_siblings_list, core_id where both are missing", () => {
    const { topology } = readTopology(
      host(
        ...[`${CPU}/online\t0-3`, `${CPU}/cpu{0-3}/topology/physical_package_id\t0`],
        `${CPU}/cpu{0,1}/topology/core_cpus_list\t0-1`,
        `${CPU}/cpu{2,3}/topology/core_id\t9`,
      ),
    );
    assert.deepEqual(
      topology.pcpus.map((pcpu) => pcpu.smtSiblings),
      [[1], [0], [3], [2]],
    );
  });
  test("a pCPU without package id joins those that it lists", () => {
    const { topology } = readTopology(
      host(
        ...[`${CPU}/online\t0-2`, `${CPU}/cpu{0,1}/topology/physical_package_id\t4`],
        `${CPU}/cpu2/topology/package_cpus_list\t0-2`,
      ),
    );
    assert.equal(topology.pcpus[2]!.packageId, 4);
  });
  test("lists that disagree still make a partition", () => {
    const { topology } = readTopology(
      host(
        ...[`${CPU}/online\t0-2`, `${CPU}/cpu{0-2}/topology/physical_package_id\t0`],
        ...[`${CPU}/cpu0/topology/thread_siblings_list\t0-1`, `${CPU}/cpu{1,2}/topology/thread_siblings_list\t1-2`],
      ),
    );
    for (const pcpu of topology.pcpus) {
      for (const other of pcpu.smtSiblings) {
        assert.ok(topology.pcpus[other]!.smtSiblings.includes(pcpu.id), `${pcpu.id} and ${other} know each other`);
      }
    }
  });
  test("memory of the cells serves where /proc/meminfo is missing", () => {
    const { topology, warnings } = readTopology(
      host(
        ...[`${CPU}/online\t0`, `${NODE}/node0/cpulist\t0`, `${NODE}/node0/distance\t10`],
        `${NODE}/node0/meminfo\tNode 0 MemTotal:  2097152 kB`,
      ),
    );
    assert.equal(topology.memory.totalMiB, 2048);
    assert.ok(warnings.some((warning) => warning.includes("the sum of the NUMA cells is used")));
  });
  test("cache ids that agree with the lists are kept as the kernel gives them", () => {
    const { topology } = readTopology(
      host(
        ...[`${CPU}/online\t0-1`, `${CPU}/cpu{0-1}/cache/index3/level\t3`, `${CPU}/cpu{0-1}/cache/index3/id\t42`],
        `${CPU}/cpu{0-1}/cache/index3/shared_cpu_list\t0-1`,
      ),
    );
    assert.deepEqual(topology.pcpus[1]!.caches, [{ index: 3, level: 3, domain: 42 }]);
  });
});

test("no damage to any recorded host makes the reader or the index crash", () => {
  const lines = HOST_NAMES.filter((name) => hostText(name).length < 12_000).map((name) => hostText(name).split("\n"));
  const damaged = fc
    .tuple(
      fc.constantFrom(...lines),
      fc.array(
        fc.tuple(
          fc.nat(),
          fc.constantFrom("", "-1", "0", "0-1", "zz", "4096", "0 0 0", "999999999999", "\u0000", "7-3"),
        ),
        { minLength: 1, maxLength: 6 },
      ),
    )
    .map(([text, changes]) => {
      const copy = [...text];
      for (const [at, junk] of changes) {
        const i = at % copy.length;
        const tab = copy[i]!.indexOf("\t");
        copy[i] = tab < 0 || junk === "" ? "" : copy[i]!.slice(0, tab + 1) + junk;
      }
      return copy.join("\n");
    });
  fc.assert(
    fc.property(damaged, (text) => {
      try {
        const { topology } = readTopology(parseRecordedHost(text));
        indexTopology(topology);
        assert.ok(topology.pcpus.every((pcpu) => topology.cells.some((cell) => cell.id === pcpu.cellId)));
      } catch (error) {
        assert.ok(error instanceof TopologyFormatError, String(error));
        assert.match(error.message, /without an online pCPU/);
      }
    }),
    { numRuns: 300 },
  );
});

describe("the machine's own files", () => {
  test("are read below a root, and what is not there or is a folder is nothing", () => {
    const root = mkdtempSync(join(tmpdir(), "headroom-host-"));
    try {
      const path = join(root, CPU, "online");
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "0\n");
      const files = linuxHostFiles(root);
      assert.equal(files.readText(`${CPU}/online`), "0\n");
      assert.equal(files.readText(`${CPU}/offline`), null);
      assert.equal(files.readText(CPU), null);
      assert.deepEqual(files.listFolder(CPU), ["online"]);
      assert.deepEqual(files.listFolder(`${CPU}/online`), []);
      assert.equal(readTopology(files).topology.totalPcpus, 1);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
  test("of this machine make a topology", { skip: process.platform === "linux" ? false : "sysfs is Linux's" }, () => {
    const { topology } = readTopology(linuxHostFiles());
    assert.ok(topology.pcpus.length >= 1);
    assert.ok(topology.memory.totalMiB > 0);
  });
});
