/** The distance between pCPUs (spec 1.2) as properties of any host, and the cases where the seeds give up. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { distanceTable } from "../../src/core/topology/distance.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import type { NumaCell, Pcpu, Topology } from "../../src/core/topology/model.js";
import { buildTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import fc from "../support/property.js";
import { HOST_NAMES, recordedHost } from "./hosts.js";

function topologyOf(pcpus: readonly Pick<Pcpu, "id" | "cellId" | "caches">[], cells: readonly NumaCell[]): Topology {
  return {
    pcpus: pcpus.map((pcpu) => ({
      ...pcpu,
      packageId: 0,
      smtSiblings: [],
      packageSiblings: [],
      maxFrequencyKHz: null,
    })),
    totalPcpus: pcpus.length,
    cells,
    memory: { totalMiB: mib(1024), allowedMiB: mib(1024) },
  };
}

const cell = (id: number, distances: Record<number, number>): NumaCell => ({
  id,
  distances: new Map(Object.entries(distances).map(([to, distance]) => [Number(to), distance])),
  memoryMiB: null,
});

/** Any hosts: some pCPUs lack some caches, domains are arbitrary, the NUMA table may be asymmetric or have holes. */
const anyTopology: fc.Arbitrary<Topology> = fc
  .record({
    pcpus: fc.array(
      fc.record({
        cellId: fc.integer({ min: 0, max: 2 }),
        domains: fc.array(fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }), { maxLength: 4 }),
      }),
      { minLength: 1, maxLength: 12 },
    ),
    slit: fc.array(fc.array(fc.integer({ min: 10, max: 255 }), { minLength: 0, maxLength: 3 }), {
      minLength: 3,
      maxLength: 3,
    }),
  })
  .map(({ pcpus, slit }) =>
    topologyOf(
      pcpus.map(({ cellId, domains }, id) => ({
        id,
        cellId,
        caches: domains.flatMap((domain, index) =>
          domain === null ? [] : [{ index, level: Math.max(1, index), domain }],
        ),
      })),
      slit.map((row, id) => cell(id, Object.fromEntries(row.entries()))),
    ),
  );

test("distance is symmetric and positive on any host", () => {
  fc.assert(
    fc.property(anyTopology, (topology) => {
      const n = topology.pcpus.length;
      const table = distanceTable(topology);
      for (let a = 0; a < n; a++) {
        for (let b = 0; b < n; b++) {
          assert.equal(table[a * n + b], table[b * n + a]);
          assert.equal(table[a * n + b]! > 0, a !== b);
        }
      }
    }),
  );
});

test("distance is symmetric on every recorded host", () => {
  for (const name of HOST_NAMES) {
    const { ids, distance } = indexTopology(recordedHost(name).topology);
    for (let a = 0; a < ids.length; a++) {
      for (let b = 0; b < a; b++) assert.equal(distance[a * ids.length + b], distance[b * ids.length + a], name);
    }
  }
});

test("nearer in the hierarchy is never farther: thread, L3, cell, package", () => {
  const shape = fc.record({
    packages: fc.integer({ min: 1, max: 2 }),
    cellsPerPackage: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    coresPerL3: fc.integer({ min: 1, max: 3 }),
    threadsPerCore: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(shape, ({ groups, ...counts }) => {
      const coresPerCell = groups * counts.coresPerL3;
      const index = indexTopology(buildTopology({ ...counts, coresPerCell, memoryMiB: mib(4096) }));
      const n = index.ids.length;
      for (let a = 0; a < n; a++) {
        for (let b = 0; b < n; b++) {
          if (a === b) continue;
          let expected = 72;
          if (index.coreOf[a] === index.coreOf[b]) expected = 10;
          else if (index.l3Of[a] === index.l3Of[b]) expected = 40;
          else if (index.cellOf[a] === index.cellOf[b]) expected = 50;
          else if (index.packageOf[a] === index.packageOf[b]) expected = 52;
          assert.equal(index.distance[a * n + b], expected);
        }
      }
    }),
    { numRuns: 50 },
  );
});

test("an asymmetric NUMA table counts with its larger entry, a missing one as Linux assumes", () => {
  const apart = [0, 1, 2].map((id) => ({ id, cellId: id, caches: [{ index: 0, level: 1, domain: id }] }));
  const table = distanceTable(topologyOf(apart, [cell(0, { 0: 10, 1: 17 }), cell(1, { 0: 31, 1: 10 }), cell(2, {})]));
  assert.equal(table[1], 10 + 31);
  assert.equal(table[2], 10 + 20);
});

test("caches of one level are told apart: a shared L1i is no shared L1d", () => {
  const caches = (l1d: number, l1i: number) => [
    { index: 0, level: 1, domain: l1d },
    { index: 1, level: 1, domain: l1i },
  ];
  const two = [
    { id: 0, cellId: 0, caches: caches(0, 7) },
    { id: 1, cellId: 0, caches: caches(7, 7) },
  ];
  assert.equal(distanceTable(topologyOf(two, [cell(0, { 0: 10 })]))[1], 20);
});

test("a host that tells of no caches still keeps the threads of a core together", () => {
  const bare = buildTopology({
    ...{ packages: 1, cellsPerPackage: 1, coresPerCell: 2, threadsPerCore: 2, coresPerL3: 2 },
    memoryMiB: mib(4096),
  });
  const index = indexTopology({ ...bare, pcpus: bare.pcpus.map((pcpu) => ({ ...pcpu, caches: [] })) });
  assert.deepEqual([...index.distance.slice(0, 4)], [0, 20, 10, 20]);
});
