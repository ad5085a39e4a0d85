/**
 * What a pass of each sizing policy takes, and how that and the memory grow from 500 to 50,000 VMs of the beginning and from 30 to 10,000
 * hosts; beside a look at each host, which is what an index must beat. After a warm-up, in CPU time, as others may compute too.
 */
import { configurationBound } from "../../src/core/sizing/configuration-lp.js";
import { demandAfter, kindsOf } from "../../src/core/sizing/kinds.js";
import { columnsOf, type VmColumns } from "../../src/core/sizing/model.js";
import { bids } from "../../src/core/sizing/policies/bid.js";
import { firstFit } from "../../src/core/sizing/policies/first-fit.js";
import { paper } from "../../src/core/sizing/policies/progress.js";
import { type Policy, runPass } from "../../src/core/sizing/run.js";
import { BID_WEIGHTS, sizeWorkload } from "../../src/core/sizing/size.js";
import { highestFirst } from "../../src/core/sizing/volume.js";
import { highsSolver } from "../../src/drivers/highs/solver.js";
import { experiment, HOST } from "../sizing/worlds.js";

/** First fit by a look at each host. */
const plainScan: Policy = {
  begin: (vms, hosts) => (vm) => {
    for (let host = 0; host < hosts.open; host++)
      if (hosts.fits(host, vms.level[vm]!, vms.vcpus[vm]!, vms.memoryMiB[vm]!)) return host;
    return -1;
  },
};

const MIX = [25, 25, 50] as const;
const WARM_UP_MS = 500;
const BATCHES = 5;
const solver = highsSolver();

/** CPU milliseconds of this process. */
async function cpuMs<T>(work: () => T | Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, result };
}

/** The median of several batches, as another's work makes single ones dear; after a warm-up, so that the code is compiled. */
async function measured(columns: VmColumns, policy: Policy, passes: number): Promise<string> {
  const pass = (): number => runPass(columns, HOST, Number.POSITIVE_INFINITY, policy).hostsUsed;
  let used = 0;
  for (let warm = 0; warm < WARM_UP_MS; ) warm += (await cpuMs(() => (used = pass()))).ms;
  globalThis.gc?.();
  const before = process.memoryUsage();
  const batches: number[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const { ms } = await cpuMs(() => {
      for (let each = 0; each < passes; each++) used = pass();
    });
    batches.push(ms / passes);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const made = heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers;
  const mib = Math.max(0, made / passes / BATCHES / 2 ** 20);
  lastMs = batches.sort((a, b) => a - b)[BATCHES >> 1]!;
  const perSecond = Math.round(columns.events.length / (lastMs / 1000));
  return `${lastMs.toFixed(2)} ms, ${perSecond.toLocaleString("en")} events/s, ${mib.toFixed(1)} MiB made, ${used} hosts`;
}
let lastMs = 0;

for (const [initial, passes] of [
  [240, 40],
  [500, 40],
  [5_000, 4],
  [50_000, 1],
  [80_000, 1],
] as const) {
  const vms = experiment("ovhcloud2023", MIX, 1, initial);
  const columns = columnsOf(vms);
  const kinds = kindsOf(columns, HOST);
  const { event } = highestFirst(columns, HOST)[0]!;
  const { prices } = await configurationBound(kinds, demandAfter(columns, kinds, event), solver.solve);
  console.log(`${initial} VMs at the beginning, ${columns.count} in all, ${columns.events.length} events, a pass:`);
  const plain = initial > 5_000 ? null : await measured(columns, plainScan, passes);
  const plainMs = lastMs;
  if (plain !== null) console.log(`  first fit, a look at each host: ${plain}`);
  for (const [name, policy] of [
    ["first fit", firstFit],
    ["paper", paper],
    ["bid", bids(kinds, prices, BID_WEIGHTS)[0]!],
  ] as const) {
    const figures = await measured(columns, policy, passes);
    console.log(
      `  ${name}: ${figures}${plain === null ? "" : `, ${(plainMs / lastMs).toFixed(1)} x as fast as the look`}`,
    );
  }
  if (initial > 50_000) continue;
  const policies = ["first-fit", "dedicated", "paper", "headroom"] as const;
  const sized = await cpuMs(() => sizeWorkload({ vms, shape: HOST, policies, migrations: 0, solve: solver.solve }));
  const hosts = [...sized.result.policies].map(([name, { hosts: count }]) => `${name} ${count}`).join(", ");
  const { volume } = sized.result.lowerBound;
  console.log(`  all of headroom size: ${(sized.ms / 1000).toFixed(2)} s; ${hosts}, bound ${volume}`);
}
console.log(`${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB at the most`);
await solver.close();
