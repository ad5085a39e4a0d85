/** Drawings are kept in drawings/ and were looked at when they were; HEADROOM_REDRAW=1 writes them anew, to be looked at. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { drawHost } from "../../src/core/topology/draw.js";
import { describeDistances } from "../../src/core/topology/draw-distances.js";
import { excludePcpus } from "../../src/core/topology/exclude.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { buildTopology, presetTopology } from "../../src/core/topology/presets.js";
import { mib } from "../../src/core/units.js";
import fc from "../support/property.js";
import { HOST_NAMES, recordedHost } from "./hosts.js";

const redraw = process.env.HEADROOM_REDRAW === "1";

function assertDrawing(name: string, drawn: string): void {
  const file = new URL(`drawings/${name}.txt`, import.meta.url);
  if (redraw) writeFileSync(file, `${drawn}\n`);
  assert.equal(`${drawn}\n`, readFileSync(file, "utf8"));
}

const columnsOf = (text: string): number => Math.max(...text.split("\n").map((line) => [...line].length));
const hostOf = (name: string) => indexTopology(recordedHost(name).topology);

describe("every recorded host is drawn as it was looked at", () => {
  for (const name of HOST_NAMES) {
    test(name, () => assertDrawing(`${name}.80`, drawHost(hostOf(name), { width: 80 })));
  }
  test("256 pCPUs on a wide terminal", () => {
    assertDrawing("epyc-7662-2s.160", drawHost(hostOf("epyc-7662-2s"), { width: 160 }));
  });
  test("8 cells on a wide terminal", () => {
    assertDrawing("epyc-7451-2s-8-cells.130", drawHost(hostOf("epyc-7451-2s-8-cells"), { width: 130 }));
  });
  test("a core half excluded shows the gap, and the note says what is not for VMs", () => {
    const part = excludePcpus(presetTopology("i7-1185g7")!, [0, 1, 5]);
    assertDrawing("i7-1185g7-part.80", drawHost(indexTopology(part), { width: 80 }));
  });
  test("in ASCII", () => {
    const drawn = drawHost(hostOf("core-ultra-9-185h"), { width: 80, ascii: true });
    assert.match(drawn, /^[\n -~]*$/);
    assertDrawing("core-ultra-9-185h-ascii.80", drawn);
  });
  test("pools instead of ids", () => {
    const labelOf = (id: number): string => (id % 64 < 12 ? "A" : id % 64 < 40 ? "B" : ".");
    assertDrawing("epyc-7662-2s-labels.80", drawHost(hostOf("epyc-7662-2s"), { width: 80, labelOf }));
  });
  test("distances", () => {
    assertDrawing("epyc-7451-2s-8-cells-distances", describeDistances(hostOf("epyc-7451-2s-8-cells")));
    assertDrawing("i7-1185g7-distances", describeDistances(hostOf("i7-1185g7")));
  });
});

const shape = fc.record({
  packages: fc.integer({ min: 1, max: 4 }),
  cellsPerPackage: fc.integer({ min: 1, max: 3 }),
  groups: fc.integer({ min: 1, max: 9 }),
  coresPerL3: fc.integer({ min: 1, max: 40 }),
  threadsPerCore: fc.integer({ min: 1, max: 4 }),
});

/** Larger hosts take long to index and look no different. */
const MOST_PCPUS = 400;
const pcpusOf = (s: {
  packages: number;
  cellsPerPackage: number;
  groups: number;
  coresPerL3: number;
  threadsPerCore: number;
}) => s.packages * s.cellsPerPackage * s.groups * s.coresPerL3 * s.threadsPerCore;

const anyHost = shape
  .filter((counts) => pcpusOf(counts) <= MOST_PCPUS)
  .map(({ groups, ...counts }) =>
    indexTopology(buildTopology({ ...counts, coresPerCell: groups * counts.coresPerL3, memoryMiB: mib(65_536) })),
  );

test("a drawing shows each pCPU once and keeps to its width, whatever the host", () => {
  fc.assert(
    fc.property(anyHost, fc.integer({ min: 60, max: 200 }), (index, width) => {
      const seen: number[] = [];
      const drawn = drawHost(index, {
        width,
        paint: (text, part) => {
          if (part.kind === "pcpu") {
            assert.equal(text.trim(), String(part.id));
            seen.push(part.id);
          }
          return text;
        },
      });
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        [...index.ids],
      );
      assert.ok(columnsOf(drawn) <= width, `${columnsOf(drawn)} columns instead of ${width}:\n${drawn}`);
    }),
    { numRuns: 60 },
  );
});

test("colours change nothing but colours", () => {
  const index = hostOf("core-ultra-9-185h");
  const painted = drawHost(index, { width: 80, paint: (text, part) => `<${part.kind}>${text}</>` });
  assert.equal(painted.replace(/<[a-z/]+>/g, ""), drawHost(index, { width: 80 }));
});
