/** The seeds' own topology files, against the distances that they recorded. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { formatSeedTopology, parseSeedTopology } from "../../src/core/topology/seed-json.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";

const FILES = ["topology_EPYC-7662-exp.json", "topology_EPYC-7662.json", "topology_i7-1185G7.json"] as const;
const recorded = (file: string): string => readFileSync(sharedPath(`data/topologies/${file}`), "utf8");

interface SeedFile {
  readonly cpuset: { readonly distances: Readonly<Record<string, Readonly<Record<string, number>>>> };
}

/** Pairs of pCPUs whose recomputed distance is not the file's, as `file -> recomputed` with their number. */
function differences(file: string): Record<string, number> {
  const index = indexTopology(parseSeedTopology(recorded(file)));
  const { distances } = (JSON.parse(recorded(file)) as SeedFile).cpuset;
  const found: Record<string, number> = {};
  let pairs = 0;
  for (const [from, row] of Object.entries(distances)) {
    for (const [to, distance] of Object.entries(row)) {
      pairs++;
      const a = index.positionOf.get(Number(from))!;
      const b = index.positionOf.get(Number(to))!;
      const ours = index.distance[a * index.ids.length + b]!;
      if (ours !== distance) found[`${distance} -> ${ours}`] = (found[`${distance} -> ${ours}`] ?? 0) + 1;
    }
  }
  assert.equal(pairs, index.ids.length * (index.ids.length - 1));
  return found;
}

describe("the seeds' topology JSON", { skip: skipWithoutShared }, () => {
  test("recomputed distances are those of the recorded hosts", () => {
    assert.deepEqual(differences("topology_EPYC-7662-exp.json"), {});
    assert.deepEqual(differences("topology_i7-1185G7.json"), {});
  });

  test("stale distances in a file are not believed", () => {
    // Recorded by an older version of the seed, which walked one step further where no cache is shared.
    assert.deepEqual(differences("topology_EPYC-7662.json"), { "60 -> 50": 30720, "92 -> 72": 32768 });
  });

  test("reading and writing gives the file back, byte for byte", () => {
    assert.equal(formatSeedTopology(parseSeedTopology(recorded(FILES[0]))), recorded(FILES[0]));
    assert.equal(formatSeedTopology(parseSeedTopology(recorded(FILES[2]))), recorded(FILES[2]));
  });

  test("presets are the recorded machines, but for their memory", () => {
    const dense = (topology: Parameters<typeof indexTopology>[0]) => {
      const { topology: _, ...tables } = indexTopology(topology);
      return tables;
    };
    assert.deepEqual(dense(presetTopology("epyc-7662-2s")!), dense(parseSeedTopology(recorded(FILES[1]))));
    assert.deepEqual(dense(presetTopology("i7-1185g7")!), dense(parseSeedTopology(recorded(FILES[2]))));
  });
});
