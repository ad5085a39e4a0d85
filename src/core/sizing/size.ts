/**
 * How many hosts a workload needs, for each policy, beside the bounds that no policy can beat. The policies: `first-fit`,
 * `paper` and `java_argmax` decide as the references do; `dedicated` is a cluster of its own for every ratio, each by first fit;
 * `headroom` takes bid prices, with a few weights and first fit beside them, and the number with which any of them takes all.
 */

import { configurationBound } from "./configuration-lp.js";
import { demandAfter, kindsOf } from "./kinds.js";
import type { SolveCovering } from "./linear-program.js";
import { columnsOf, type SizedHost, type SizedVm, type VmColumns } from "./model.js";
import { movesWithin } from "./moves.js";
import { type BidWeights, bids } from "./policies/bid.js";
import { firstFit } from "./policies/first-fit.js";
import { javaArgmax, paper } from "./policies/progress.js";
import { type Policy, runPass } from "./run.js";
import { fewestHosts } from "./search.js";
import { highestFirst, hostsFor } from "./volume.js";

export const SIZING_POLICIES = ["first-fit", "dedicated", "paper", "java_argmax", "headroom"] as const;
export type SizingPolicy = (typeof SIZING_POLICIES)[number];

export interface SharedSize {
  readonly hosts: number;
  /** Host of each VM, in order of submission. */
  readonly placement: readonly number[];
  /** With one host less: which VM is refused, and when. Null: no host at all is needed. */
  readonly refusedWithOneLess: { readonly vm: string; readonly at: number } | null;
  /** Live moves of the pass; null: none were allowed. */
  readonly moves: number | null;
}

export interface DedicatedSize {
  readonly hosts: number;
  /** Hosts of each ratio's own cluster, ascending by ratio. */
  readonly byRatio: readonly { readonly ratio: number; readonly hosts: number }[];
}

export interface SizingReport {
  readonly policies: ReadonlyMap<SizingPolicy, SharedSize | DedicatedSize>;
  readonly lowerBound: { readonly volume: number; readonly configurationLp: number };
  /** What is wanted when the load is highest, in hosts' worth of pCPUs and of memory. */
  readonly peak: { readonly pcpus: number; readonly memory: number };
}

export interface SizingOptions {
  readonly vms: readonly SizedVm[];
  readonly shape: SizedHost;
  readonly policies: readonly SizingPolicy[];
  /** Live moves per refusal that `headroom` may make. */
  readonly migrations: 0 | 1 | 2;
  readonly solve: SolveCovering;
  readonly onProgress?: (what: string) => void;
}

/** Tuned on other seeds than those of the published figures (docs/sizing.md). Tried in this order. */
export const BID_WEIGHTS: readonly BidWeights[] = [
  { balance: 0.2, fullness: 0.005 },
  { balance: 0.05, fullness: 0.005 },
  { balance: 0.2, fullness: 0.02 },
];

/** Moments whose configuration bound is computed: it differs from the volume bound, if at all, when the load is highest. */
const MOMENTS = 3;

/** A VM that no host takes; null: each has one. `vms` are checked before they are sized. */
export function tooLarge(vms: readonly SizedVm[], { pcpus, memoryMiB }: SizedHost): SizedVm | null {
  return vms.find((vm) => vm.vcpus > pcpus || vm.memoryMiB > memoryMiB) ?? null;
}

interface Prepared {
  readonly columns: VmColumns;
  readonly volume: number;
  readonly configurationLp: number;
  readonly bids: readonly Policy[];
  readonly peak: SizingReport["peak"];
}

async function prepare({ vms, shape, solve }: SizingOptions): Promise<Prepared> {
  const columns = columnsOf(vms);
  const kinds = kindsOf(columns, shape);
  const highest = highestFirst(columns, shape);
  const volume = highest[0] === undefined ? 0 : hostsFor(highest[0]);
  let configurationLp = volume;
  let prices: readonly number[] = [];
  let configurations: readonly (readonly number[])[] = [];
  for (const [place, { event }] of highest.slice(0, MOMENTS).entries()) {
    const bound = await configurationBound(kinds, demandAfter(columns, kinds, event), solve, configurations);
    configurations = bound.configurations;
    configurationLp = Math.max(configurationLp, bound.hosts);
    if (place === 0) prices = bound.prices;
  }
  const priced = prices.length === 0 ? [] : bids(kinds, prices, BID_WEIGHTS);
  const { pcpus, memory } = highest[0] ?? { pcpus: 0, memory: 0 };
  return { columns, volume, configurationLp, bids: priced, peak: { pcpus, memory } };
}

export async function sizeWorkload(options: SizingOptions): Promise<SizingReport> {
  const { policies, onProgress = () => undefined } = options;
  onProgress("bounds");
  const prepared = await prepare(options);
  const sized = new Map<SizingPolicy, SharedSize | DedicatedSize>();
  for (const policy of policies) {
    onProgress(policy);
    sized.set(policy, policy === "dedicated" ? sizeDedicated(options) : sizeShared(options, prepared, policy));
  }
  const { volume, configurationLp, peak } = prepared;
  return { policies: sized, lowerBound: { volume, configurationLp }, peak };
}

const REFERENCE_POLICIES: Readonly<Record<Exclude<SizingPolicy, "dedicated" | "headroom">, Policy>> = {
  "first-fit": firstFit,
  paper,
  java_argmax: javaArgmax,
};

function sizeShared(
  { vms, shape, migrations, onProgress = () => undefined }: SizingOptions,
  { columns, volume, bids }: Prepared,
  name: Exclude<SizingPolicy, "dedicated">,
): SharedSize {
  const policies = name === "headroom" ? [...bids, firstFit] : [REFERENCE_POLICIES[name]];
  const moving =
    name === "headroom" && migrations > 0 ? (onMove: () => void) => movesWithin(columns, migrations, onMove) : null;
  const {
    hosts,
    pass,
    moves,
    refusedWithOneLess: refused,
  } = fewestHosts({
    vms: columns,
    shape,
    policies,
    from: volume,
    moving,
    onNumber: (number) => onProgress(`${name}, ${number} hosts`),
  });
  return {
    hosts,
    placement: Array.from(pass.placement),
    refusedWithOneLess: refused === null ? null : { vm: vms[refused.vm]!.id, at: refused.at },
    moves: moving === null ? null : moves,
  };
}

function sizeDedicated({ vms, shape }: SizingOptions): DedicatedSize {
  const ratios = [...new Set(vms.map((vm) => vm.ratio))].sort((a, b) => a - b);
  const byRatio = ratios.map((ratio) => {
    const columns = columnsOf(vms.filter((vm) => vm.ratio === ratio));
    return { ratio, hosts: runPass(columns, shape, Number.POSITIVE_INFINITY, firstFit).hostsUsed };
  });
  return { hosts: byRatio.reduce((sum, { hosts }) => sum + hosts, 0), byRatio };
}
