/** Every form that a topology is read from or written to: round trips, what may be absent, and what an error names. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { TopologyFormatError } from "../../src/core/topology/format-error.js";
import { formatHeadroomTopology, parseHeadroomTopology } from "../../src/core/topology/headroom-json.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import type { Topology } from "../../src/core/topology/model.js";
import { parseTopologyText } from "../../src/core/topology/parse-text.js";
import { buildTopology, type HostShape, PRESETS, presetTopology } from "../../src/core/topology/presets.js";
import { parseRecordedHost, recordHost } from "../../src/core/topology/recorded-host.js";
import { formatSeedTopology, parseSeedTopology } from "../../src/core/topology/seed-json.js";
import { readTopology } from "../../src/core/topology/sysfs.js";
import { mib } from "../../src/core/units.js";
import fc from "../support/property.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";
import { HOST_NAMES, hostText, recordedHost } from "./hosts.js";

const dense = (topology: Topology): object => {
  const { topology: _, ...tables } = indexTopology(topology);
  return tables;
};

const rejects = (parse: () => unknown, field: string | RegExp, allowed: RegExp): void => {
  assert.throws(parse, (error: unknown) => {
    assert.ok(error instanceof TopologyFormatError, String(error));
    if (typeof field === "string") assert.equal(error.field, field);
    else assert.match(error.field, field);
    assert.match(error.allowed, allowed);
    assert.match(error.message, /^topology: .+ is .+; allowed: .+$/s);
    return true;
  });
};

describe("what is written reads the same again", () => {
  for (const name of HOST_NAMES) {
    const { topology } = recordedHost(name);
    test(`${name} as Headroom's JSON, entirely`, () => {
      assert.deepEqual(parseTopologyText(formatHeadroomTopology(topology)).topology, topology);
    });
    test(`${name} as a recorded host, entirely`, () => {
      const again = recordHost(parseRecordedHost(hostText(name)));
      assert.deepEqual(parseTopologyText(again), recordedHost(name));
      assert.equal(recordHost(parseRecordedHost(again)), again, "recording a recording changes nothing");
    });
    test(`${name} as the seeds' JSON, twice the same text`, () => {
      const text = formatSeedTopology(topology);
      const read = parseSeedTopology(text);
      assert.ok(formatSeedTopology(read) === text, "written, read and written again gives another text");
      assert.deepEqual(dense(read), dense(topology));
      assert.deepEqual(
        read.pcpus.map((pcpu) => pcpu.id),
        topology.pcpus.map((pcpu) => pcpu.id),
      );
      assert.deepEqual(read.memory, topology.memory);
    });
  }
  test("a regular host as the seeds' JSON, distances and groups included", () => {
    const shape = fc.record({
      packages: fc.integer({ min: 1, max: 3 }),
      cellsPerPackage: fc.integer({ min: 1, max: 2 }),
      coresPerCell: fc.constantFrom(2, 4),
      threadsPerCore: fc.integer({ min: 1, max: 2 }),
      coresPerL3: fc.constantFrom(1, 2),
      memoryMiB: fc.integer({ min: 1, max: 1e6 }).map(mib),
    });
    fc.assert(
      fc.property(shape, (counts) => {
        const topology = buildTopology(counts);
        assert.deepEqual(dense(parseSeedTopology(formatSeedTopology(topology))), dense(topology));
      }),
      { numRuns: 40 },
    );
  });
});

describe("the seeds' JSON in all its forms", () => {
  const minimal = (change: (file: SeedFile) => void = () => undefined): string => {
    const file = JSON.parse(formatSeedTopology(presetTopology("i7-1185g7")!)) as SeedFile;
    change(file);
    return JSON.stringify(file);
  };
  type Members = Record<string, unknown>;
  type SeedFile = { cpuset: Members & { cpu_list: Members[]; numa_distances: Members }; memset: Members };

  test("the file's total is what VMs may take, and its allowed is what there is", () => {
    const text = minimal(({ memset }) => Object.assign(memset, { total: 256_000, allowed: 257_000 }));
    const { memory } = parseSeedTopology(text);
    assert.deepEqual(memory, { allowedMiB: 256_000, totalMiB: 257_000 });
    assert.match(formatSeedTopology(parseSeedTopology(text)), /"memset": \{"total": 256000, "allowed": 257000\}/);
  });

  test("distances, host_count and max_freq may be absent", () => {
    const text = minimal(({ cpuset }) => {
      delete cpuset.distances;
      delete cpuset.host_count;
      for (const cpu of cpuset.cpu_list) delete cpu.max_freq;
    });
    const topology = parseSeedTopology(text);
    assert.equal(topology.totalPcpus, 8);
    assert.equal(topology.pcpus[0]!.maxFrequencyKHz, null);
    assert.deepEqual(dense(topology), dense(presetTopology("i7-1185g7")!));
  });

  test("distances of sparse cells are read by place, or by id where the list is as long", () => {
    const withNuma = (numa: object): ReadonlyMap<number, number> =>
      parseSeedTopology(
        minimal(({ cpuset }) => {
          Object.assign(cpuset, { numa_distances: numa });
        }),
      ).cells[0]!.distances;
    assert.deepEqual(
      [...withNuma({ 0: [10, 40], 2: [40, 10] })],
      [
        [0, 10],
        [2, 40],
      ],
    );
    assert.deepEqual(
      [...withNuma({ 0: [10, 99, 40], 2: [40, 99, 10] })],
      [
        [0, 10],
        [2, 40],
      ],
    );
  });

  const broken: readonly (readonly [string, (file: SeedFile) => void, string, RegExp])[] = [
    ["no cpuset", (f) => Reflect.deleteProperty(f, "cpuset"), "cpuset", /seeds' topology/],
    ["cpuset a list", (f) => Object.assign(f, { cpuset: [] }), "cpuset", /an object/],
    ["no cells", (f) => Object.assign(f.cpuset, { numa_distances: {} }), "cpuset.numa_distances", /at least one/],
    [
      "a cell by name",
      (f) => Object.assign(f.cpuset, { numa_distances: { a: [1] } }),
      "cpuset.numa_distances",
      /whole/,
    ],
    [
      "short distances",
      (f) => Object.assign(f.cpuset.numa_distances, { 1: [10] }),
      "cpuset.numa_distances.0",
      /each of/,
    ],
    ["no pCPUs", (f) => Object.assign(f.cpuset, { cpu_list: [] }), "cpuset.cpu_list", /at least one pCPU/],
    [
      "a negative id",
      (f) => Object.assign(f.cpuset.cpu_list[3]!, { cpu_id: -1 }),
      "cpuset.cpu_list[3].cpu_id",
      /from 0/,
    ],
    [
      "a huge id",
      (f) => Object.assign(f.cpuset.cpu_list[3]!, { cpu_id: 1e9 }),
      "cpuset.cpu_list[3].cpu_id",
      /to 65535/,
    ],
    ["a doubled id", (f) => Object.assign(f.cpuset.cpu_list[3]!, { cpu_id: 2 }), "cpuset.cpu_list[3].cpu_id", /once/],
    [
      "an unknown cell",
      (f) => Object.assign(f.cpuset.cpu_list[1]!, { numa_node: 4 }),
      "cpuset.cpu_list[1].numa_node",
      /a cell of/,
    ],
    [
      "siblings as text",
      (f) => Object.assign(f.cpuset.cpu_list[1]!, { sib_smt: "5" }),
      "cpuset.cpu_list[1].sib_smt",
      /a list/,
    ],
    [
      "a sibling 1.5",
      (f) => Object.assign(f.cpuset.cpu_list[1]!, { sib_cpu: [1.5] }),
      "cpuset.cpu_list[1].sib_cpu[0]",
      /whole/,
    ],
    [
      "a cache by name",
      (f) => Object.assign(f.cpuset.cpu_list[1]!, { cache_level: { L1: 0 } }),
      "cpuset.cpu_list[1].cache_level",
      /whole/,
    ],
    [
      "a cache 99",
      (f) => Object.assign(f.cpuset.cpu_list[1]!, { cache_level: { 99: 0 } }),
      "cpuset.cpu_list[1].cache_level.99",
      /0 to 15/,
    ],
    ["a host too small", (f) => Object.assign(f.cpuset, { host_count: 7 }), "cpuset.host_count", /from 8/],
    ["no memory", (f) => delete f.memset.total, "memset.total", /a number/],
    ["negative memory", (f) => Object.assign(f.memset, { allowed: -5 }), "memset.allowed", /from 0/],
    ["memory as text", (f) => Object.assign(f.memset, { allowed: "8G" }), "memset.allowed", /from 0/],
  ];
  for (const [what, change, field, allowed] of broken) {
    test(`${what}: the error names ${field}`, () => rejects(() => parseTopologyText(minimal(change)), field, allowed));
  }

  test("text that is no JSON object is refused as such", () => {
    for (const text of ["", "{", "[]", "null", "7", '"x"']) {
      rejects(() => parseTopologyText(text), "the document", /JSON object|an object/);
    }
  });

  test("whatever is put in place of any part, the reader answers or names the field", () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom("cpuset", "memset", "numa_distances", "cpu_list", "cpu"),
        (junk, at) => {
          const text = minimal((file) => {
            if (at in file) Object.assign(file, { [at]: junk });
            else if (at === "cpu") Object.assign(file.cpuset.cpu_list, { 2: junk });
            else Object.assign(file.cpuset, { [at]: junk });
          });
          try {
            indexTopology(parseTopologyText(text).topology);
          } catch (error) {
            assert.ok(error instanceof TopologyFormatError, String(error));
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("Headroom's JSON", () => {
  const change = (edit: (file: Record<string, unknown>) => void): string => {
    const file = JSON.parse(formatHeadroomTopology(presetTopology("i7-1185g7")!)) as Record<string, unknown>;
    edit(file);
    return JSON.stringify(file);
  };
  test("another version is refused", () => {
    rejects(
      () => parseTopologyText(change((f) => Object.assign(f, { format: "headroom-topology/9" }))),
      "format",
      /\/1/,
    );
  });
  test("a CPU set that is none is refused with its place", () => {
    const text = change((f) => Object.assign((f.pcpus as object[])[2]!, { smtSiblings: "3-1" }));
    rejects(() => parseTopologyText(text), "pcpus[2].smtSiblings", /ends before it starts/);
  });
  test("a pCPU in no cell is refused", () => {
    const text = change((f) => Object.assign((f.pcpus as object[])[2]!, { cellId: 3 }));
    rejects(() => parseHeadroomTopology(text), "pcpus[2].cellId", /one of `cells`/);
  });
});

describe("a recorded host", () => {
  test("names the line that is malformed", () => {
    const host = (line: string): string => `# headroom recorded host\n/sys/devices/system/cpu/online\t0\n${line}\n`;
    rejects(() => parseTopologyText(host("no path")), "line 3", /absolute path/);
    rejects(() => parseTopologyText(host("/sys/no-content")), "line 3", /a tab/);
    rejects(() => parseTopologyText(host("/sys/cpu{0-/x\t1")), "line 3", /braces/);
    rejects(() => parseTopologyText(host("/sys/cpu{a}/x\t1")), "line 3", /CPU set/);
  });
  test("keeps lines and backslashes of a file", () => {
    const files = parseRecordedHost("/a\tone\\ntwo\\\\n\n");
    assert.equal(files.readText("/a"), "one\ntwo\\n\n");
    assert.equal(files.readText("/b"), null);
    assert.deepEqual(files.listFolder("/nowhere"), []);
  });
  test("tells of memory only its total", () => {
    const files = parseRecordedHost(
      "/sys/devices/system/cpu/online\t0\n/proc/meminfo\tMemTotal: 2048 kB\\nSwapTotal: 7 kB",
    );
    assert.doesNotMatch(recordHost(files), /Swap/);
    assert.equal(readTopology(files).topology.memory.totalMiB, 2);
  });
});

describe("presets and built hosts", () => {
  test("every preset is as it says", () => {
    const sizes = [...PRESETS.keys()].map((name) => {
      const { pcpus, cells, memory } = presetTopology(name)!;
      return [name, pcpus.length, cells.length, memory.totalMiB];
    });
    assert.deepEqual(sizes, [
      ["epyc-7662-2s", 256, 2, 524_288],
      ["i7-1185g7", 8, 1, 32_768],
    ]);
    assert.equal(presetTopology("pdp-11"), null);
  });
  test("the memory of the cells is the memory of the host", () => {
    const { cells } = buildTopology({ ...SMALL, packages: 3, memoryMiB: mib(1000) });
    assert.equal(
      cells.reduce((sum, cell) => sum + cell.memoryMiB!, 0),
      1000,
    );
  });
  const SMALL: HostShape = {
    ...{ packages: 1, cellsPerPackage: 1, coresPerCell: 4, threadsPerCore: 2, coresPerL3: 2 },
    memoryMiB: mib(1024),
  };
  for (const [field, value] of [
    ["packages", 0],
    ["cellsPerPackage", 1.5],
    ["coresPerCell", Number.NaN],
    ["threadsPerCore", -1],
    ["coresPerL3", 3],
    ["memoryMiB", 0],
  ] as const) {
    test(`${field} ${value} is refused by name`, () => {
      rejects(() => buildTopology({ ...SMALL, [field]: value }), field, /./);
    });
  }
  test("a host beyond what Linux runs is refused", () => {
    rejects(() => buildTopology({ ...SMALL, packages: 9000 }), "pCPUs in all", /at most 8192/);
  });
});

test("the recorded EPYC and i7 are the seeds' files", { skip: skipWithoutShared }, () => {
  for (const [name, file] of [
    ["epyc-7662-2s", "topology_EPYC-7662.json"],
    ["i7-1185g7", "topology_i7-1185G7.json"],
  ] as const) {
    const seed = parseSeedTopology(readFileSync(sharedPath(`data/topologies/${file}`), "utf8"));
    assert.deepEqual(recordedHost(name).topology, seed);
  }
});
