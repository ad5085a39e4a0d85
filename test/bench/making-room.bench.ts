/**
 * What it costs to look for live moves that make room (src/core/placement/making-room.ts), in milliseconds of the process: requests that no host
 * takes, in clusters filled until they refuse, then with some churn. It is what a refused request adds where there is a migration budget, once a
 * second for the same request at most; a scheduler goes on with other work between its pieces. The baseline finds the hosts that miss least by a
 * plain scan (src/core/placement/nearest-hosts.ts), and gives the same moves.
 */
import assert from "node:assert/strict";
import {
  type Guest,
  movesFoundInPieces,
  movesThatMakeRoom,
  type PlacementView,
} from "../../src/core/placement/making-room.js";
import { type HostSummary, NO_CONSTRAINTS, type VmShape } from "../../src/core/placement/model.js";
import { emptied, nearestHosts } from "../../src/core/placement/nearest-hosts.js";
import { WEIGHTS } from "../../src/core/placement/weights.js";
import { mib, ratio } from "../../src/core/units.js";
import { type Cluster, filled } from "./filled-cluster.js";
import { printTable } from "./table.js";

const ANYWHERE: ReadonlySet<string> = new Set();
const guest = (name: string, shape: VmShape): Guest => ({
  name,
  shape,
  constraints: NO_CONSTRAINTS,
  exclude: ANYWHERE,
});

/** From four vCPUs up, the larger ones of which are refused first. */
const wantedShapes = (count: number): VmShape[] =>
  Array.from({ length: count }, (_, place) => ({
    vcpus: 4 + (place % 13),
    memoryMiB: mib(1024 * (8 + 4 * (place % 11))),
    ratio: ratio(1 + (place % 3)),
  }));

const REQUESTS = 60;

const byPlainScan = ({ placer }: Cluster): PlacementView => ({
  host: (id) => placer.host(id),
  takes: (...of) => placer.takes(...of),
  candidates: (...of) => placer.candidates(...of),
  nearest: (shape, constraints, exclude, most) => {
    // All hosts are of one make.
    let isSuited: boolean | undefined;
    const suited = (host: HostSummary): boolean => {
      isSuited ??= placer.takes(emptied(host), shape, constraints);
      return isSuited && !exclude.has(host.id);
    };
    return nearestHosts(placer.hosts(), shape, suited, most);
  },
});

const cpuMs = (since: NodeJS.CpuUsage): number => process.cpuUsage(since).user / 1000;

function quantiles(values: readonly number[]): readonly [p50: number, p90: number, most: number] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
  return [at(0.5), at(0.9), at(1)];
}

async function rowOf(cluster: Cluster, limit: number): Promise<string[]> {
  const { placer } = cluster;
  const residentsOf = ({ id }: HostSummary) => {
    const shapes = cluster.shapesOn(id);
    return { shapes, movable: shapes.map((shape, place) => guest(`${id}-${place}`, shape)) };
  };
  const plain = byPlainScan(cluster);
  // As a scheduler does that has a budget, when it begins to lead.
  placer.nearest({ vcpus: 1, memoryMiB: mib(1), ratio: null }, NO_CONSTRAINTS, ANYWHERE, 1);
  const [plans, plainPlans, pieces]: [number[], number[], number[]] = [[], [], []];
  let found = 0;
  for (const shape of wantedShapes(REQUESTS)) {
    if (placer.choose(shape) !== null) continue;
    const wanted = guest("wanted", shape);
    let began = process.cpuUsage();
    const moves = movesThatMakeRoom(placer, residentsOf, wanted, limit);
    plans.push(cpuMs(began));
    if (moves !== null) found++;
    began = process.cpuUsage();
    assert.deepEqual(movesThatMakeRoom(plain, residentsOf, wanted, limit), moves);
    plainPlans.push(cpuMs(began));
    let longest = 0;
    began = process.cpuUsage();
    const ended = (): void => {
      longest = Math.max(longest, cpuMs(began));
      began = process.cpuUsage();
    };
    const pause = async (): Promise<void> => ended();
    assert.deepEqual(await movesFoundInPieces(placer, residentsOf, wanted, limit, pause), moves);
    ended();
    pieces.push(longest);
  }
  const [whole, piece, byScan] = [quantiles(plans), quantiles(pieces), quantiles(plainPlans)];
  return [
    cluster.hostCount.toLocaleString("en-US"),
    String(limit),
    `${found} of ${plans.length}`,
    ...[...whole, ...piece, byScan[0]].map((ms) => ms.toFixed(1)),
    `${(byScan[0] / whole[0]).toFixed(1)} x`,
  ];
}

const rows: string[][] = [];
// The first one warms the code up.
for (const [place, hosts] of [200, 1_000, 10_000].entries()) {
  const { cluster } = filled(hosts, 1, { weights: WEIGHTS.headroom });
  for (const limit of [1, 2]) {
    const row = await rowOf(cluster, limit);
    if (place > 0) rows.push(row);
  }
}
const whole = ["p50 ms", "p90 ms", "most"];
const piece = ["piece p50", "p90", "most"];
printTable(["hosts", "moves", "room made", ...whole, ...piece, "plain p50", "to it"], rows);
