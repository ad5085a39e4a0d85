/**
 * Full simulations: events a second, memory, and how both grow with VMs and hosts, over one day of 24 slices (the beginning's VMs, no later
 * arrivals), agents ticking once a slice. The baseline is the smallest of the same run. HEADROOM_BENCH_LARGE=1 adds 50,000 VMs and 10,000
 * hosts, which takes long. Sizing alone: sizing.bench.ts.
 */

import { parseShares } from "../../src/cli/sizing/scenarios.js";
import { mib, seconds } from "../../src/core/units.js";
import { SCENARIOS } from "../../src/core/workload/scenario.js";
import { optionsOf } from "../../src/simulator/plan.js";
import { simulate } from "../../src/simulator/simulate.js";
import { generatedVms } from "../../src/simulator/workload.js";
import { printTable } from "./table.js";

const SIZES: readonly (readonly [vms: number, hosts: number])[] = [
  [200, 30],
  [500, 70],
  [2_000, 260],
  [5_000, 650],
  ...(process.env.HEADROOM_BENCH_LARGE === "1"
    ? ([
        [50_000, 6_500],
        [50_000, 10_000],
      ] as const)
    : []),
];
const SCENARIO = { ...SCENARIOS.get("ovhcloud2023")!, ratios: parseShares("1=25,2=25,3=50") };
const TEMPORALITY = { slice: seconds(360), day: seconds(8_640), days: 1 };
const TIMES = { step: seconds(60), tick: seconds(360), sample: seconds(360), day: seconds(8_640) };
const SILENT = { event: () => undefined, sample: () => undefined, progress: () => undefined };
const MB = 1e6;

interface Figures {
  readonly events: number;
  readonly seconds: number;
  readonly liveMb: number;
  readonly refused: number;
}

async function measure(count: number, hosts: number): Promise<Figures> {
  const vms = generatedVms(SCENARIO, TEMPORALITY, count, 1);
  const shape = { pcpus: 32, memoryMiB: mib(131_072) };
  const rest = {
    placement: "headroom" as const,
    seed: 1,
    faults: "",
    correlation: 0,
    course: "independent" as const,
    dynamic: null,
    ratioFactor: 1,
  };
  const options = optionsOf({ hosts, shape, ...rest, ...TIMES }, vms);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  let most = before;
  const began = performance.now();
  const summary = await simulate(options, {
    ...SILENT,
    sample: () => {
      most = Math.max(most, process.memoryUsage().heapUsed);
    },
  });
  const elapsed = (performance.now() - began) / 1000;
  return { events: summary.events, seconds: elapsed, liveMb: (most - before) / MB, refused: summary.refused };
}

let baseline: number | null = null;
const rows: string[][] = [];
for (const [vms, hosts] of SIZES) {
  const { events, seconds: took, liveMb, refused } = await measure(vms, hosts);
  const rate = events / took;
  baseline ??= rate;
  const perVm = ((took * 1000) / vms).toFixed(2);
  const cells = [
    events,
    took.toFixed(1),
    Math.round(rate),
    (rate / baseline).toFixed(2),
    perVm,
    Math.round(liveMb),
    refused,
  ];
  rows.push([`${vms} VMs on ${hosts} hosts`, ...cells.map(String)]);
}
printTable(
  ["full simulation, one day", "events", "s", "events/s", "x smallest", "ms a VM", "MB at most", "refused"],
  rows,
);
