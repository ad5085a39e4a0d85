/**
 * What it costs to look for live moves that make room (src/core/placement/making-room.ts), in milliseconds of the process: requests that no host
 * takes, in clusters filled until they refuse, then with some churn. It is what a refused request adds where there is a migration budget, once a
 * second for the same request at most. The baseline is what a refusal costs without: one look into the index.
 */
import { type Guest, movesThatMakeRoom } from "../../src/core/placement/making-room.js";
import { type HostSummary, NO_CONSTRAINTS, type VmShape } from "../../src/core/placement/model.js";
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

function rowOf(cluster: Cluster, limit: number): string[] {
  const { placer } = cluster;
  const residentsOf = ({ id }: HostSummary) => {
    const shapes = cluster.shapesOn(id);
    return { shapes, movable: shapes.map((shape, place) => guest(`${id}-${place}`, shape)) };
  };
  const looks: number[] = [];
  const plans: number[] = [];
  let found = 0;
  for (const shape of wantedShapes(REQUESTS)) {
    // Asked for the first time, a shape's scores are made.
    placer.choose(shape);
    const began = performance.now();
    const isRefused = placer.choose(shape) === null;
    looks.push(performance.now() - began);
    if (!isRefused) continue;
    const cpu = process.cpuUsage();
    if (movesThatMakeRoom(placer, residentsOf, guest("wanted", shape), limit) !== null) found++;
    plans.push(process.cpuUsage(cpu).user / 1000);
  }
  const sorted = plans.sort((a, b) => a - b);
  const at = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
  const look = looks.sort((a, b) => a - b)[looks.length >> 1]!;
  return [
    cluster.hostCount.toLocaleString("en-US"),
    String(limit),
    String(plans.length),
    String(found),
    at(0.5).toFixed(1),
    at(0.9).toFixed(1),
    at(1).toFixed(1),
    (1000 * look).toFixed(0),
    `${Math.round(at(0.5) / look).toLocaleString("en-US")} x`,
  ];
}

const rows: string[][] = [];
// The first one warms the code up.
for (const [place, hosts] of [200, 1_000, 10_000].entries()) {
  const { cluster } = filled(hosts, 1, { weights: WEIGHTS.headroom });
  for (const limit of [1, 2]) {
    const row = rowOf(cluster, limit);
    if (place > 0) rows.push(row);
  }
}
printTable(["hosts", "moves", "refused", "room made", "p50 ms", "p90 ms", "most", "a look, us", "to it"], rows);
