/**
 * Bid prices: every kind of VM has a price, what it costs in hosts (the duals of the configuration program); what is left of a host
 * is worth the best that could still be sold of it (a knapsack); and a VM goes where it costs the host no more than its price,
 * or as little more as can be. That alone knows hosts to be full when one resource is left without the other. Between hosts that cost
 * the same, the one that comes nearer to an even use of both resources, then the fuller one. Needs a forecast of what is sold,
 * for the prices, and knows nothing of when VMs leave.
 */
import { BestHosts } from "../best-hosts.js";
import { grown, type Hosts } from "../hosts.js";
import type { Kinds } from "../kinds.js";
import { bestValues } from "../knapsack.js";
import type { Policy } from "../run.js";

export interface BidWeights {
  /** Against a host's drift from an even use of CPU and memory, in hosts per host's worth of drift. */
  readonly balance: number;
  /** Against what is free on the host. */
  readonly fullness: number;
}

/** Scores of equal hosts differ by rounding: they are counted in steps of this. */
const STEPS_PER_HOST = 1e12;
const NEAR = 1e-9;

/** One policy for each of `choices`: they share what is computed of the prices. */
export function bids(kinds: Kinds, prices: readonly number[], choices: readonly BidWeights[]): readonly Policy[] {
  const worth = bestValues(kinds.grid, kinds.kinds, prices);
  return choices.map((weights) => bid(kinds, worth, weights));
}

function bid(kinds: Kinds, worth: Float64Array, weights: BidWeights): Policy {
  const { width, height } = kinds.grid;
  const stride = height + 1;
  return {
    begin(vms, hosts) {
      const kindOfNeed = new Int32Array(vms.needs.count);
      for (let vm = 0; vm < vms.count; vm++) kindOfNeed[vms.need[vm]!] = kinds.kindOf[vm]!;
      const rest = new Rest(kinds, hosts);
      const best = new BestHosts(vms, hosts, (need, host) => {
        const kind = kinds.kinds[kindOfNeed[need]!]!;
        rest.look(host);
        const wide = rest.wide[host]!;
        const high = rest.high[host]!;
        const wideThen = Math.max(0, wide - kind.width);
        const highThen = Math.max(0, high - kind.height);
        const lost = worth[wide * stride + high]! - worth[wideThen * stride + highThen]!;
        const drift = Math.abs(wideThen / width - highThen / height) - Math.abs(wide / width - high / height);
        const cost = lost + weights.balance * drift + weights.fullness * (wide / width + high / height);
        return -Math.round(cost * STEPS_PER_HOST);
      });
      return (vm) => best.best(vms.need[vm]!);
    },
  };
}

/** What is free of a host, in steps of the grid: by volume, since VMs that stand alone now will share with the next. */
class Rest {
  wide = new Int32Array(0);
  high = new Int32Array(0);
  /** The host's `lastChange` when it was looked at; -1: never. */
  private seen = new Int32Array(0);
  private readonly stepsPerVcpu: Float64Array;

  constructor(
    private readonly kinds: Kinds,
    private readonly hosts: Hosts,
  ) {
    this.stepsPerVcpu = Float64Array.from(hosts.ratios, (ratio) => kinds.stepsPerPcpu / Math.max(1, ratio));
  }

  /** What it was found to have stays right until the host changes. */
  look(host: number): void {
    const { lastChange } = this.hosts;
    if (host >= this.seen.length) this.reserve(lastChange.length);
    if (this.seen[host] === lastChange[host]) return;
    this.seen[host] = lastChange[host]!;
    let free = this.kinds.grid.width;
    for (let level = 0; level < this.stepsPerVcpu.length; level++)
      free -= this.hosts.vcpusAt(host, level) * this.stepsPerVcpu[level]!;
    this.wide[host] = Math.max(0, Math.floor(free + NEAR));
    this.high[host] = Math.max(0, Math.floor(this.hosts.freeMemoryMiB[host]! * this.kinds.stepsPerMiB + NEAR));
  }

  private reserve(capacity: number): void {
    this.wide = grown(this.wide, new Int32Array(capacity));
    this.high = grown(this.high, new Int32Array(capacity));
    this.seen = grown(this.seen, new Int32Array(capacity), -1);
  }
}
