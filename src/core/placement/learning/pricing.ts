/**
 * Placement by prices: Headroom's own weighers with the one that bids before them. Until there are prices it says nothing, and the others
 * weigh what they weigh without it; prices come and change while VMs are placed (`Placer.reprice`).
 */
import type { SizedHost } from "../../sizing/model.js";
import type { Milliseconds } from "../../units.js";
import type { PlacerSettings } from "../placer.js";
import { BUILT_IN } from "../rules.js";
import type { Worth } from "../weighers/bid/prices.js";
import { bidWeigher, unpricedBidWeigher } from "../weighers/bid/weigher.js";
import { BID_WEIGHTS } from "../weights.js";
import type { Wanted } from "./demand.js";

/** Prices, and what they are from. */
export interface PriceList {
  readonly worth: Worth;
  /** The host that they are of. */
  readonly host: SizedHost;
  /** learnt: from what was placed and asked for. given: a list of the operator's. */
  readonly source: "learnt" | "given";
  /** VMs that it was learnt from: those that were there, and others that count in part. Of a given list, all that are in it. */
  readonly vms: number;
  readonly others: number;
}

/** What placement pays for a VM, and why. */
export interface ShownPrices extends Omit<PriceList, "worth"> {
  /** Of the VM that was asked about, in hosts. */
  readonly price: number;
  /** Since when they count, by the wall clock. */
  readonly since: Milliseconds;
}

/** Works prices out, apart from whoever asks. Null: nothing of it can be priced. */
export type SolvePrices = (wanted: readonly Wanted[], host: SizedHost) => Promise<Worth | null>;

/** Where a scheduler that bids has its prices from. */
export type PriceSource =
  | { readonly kind: "given"; readonly prices: PriceList }
  | { readonly kind: "learnt"; readonly solve: SolvePrices };

/** How a cluster places: with prices or without (null). */
export interface ClusterPlacement extends PlacerSettings {
  readonly prices?: PriceSource | null;
}

/** `base`: placement without prices. Null: there are none yet. */
export function withPrices(base: PlacerSettings, worth: Worth | null): PlacerSettings {
  const { weights, registry = BUILT_IN } = base;
  const bid = worth === null ? unpricedBidWeigher : bidWeigher(worth);
  const usage = weights.usage === undefined ? {} : { usage: weights.usage };
  return {
    ...base,
    weights: worth === null ? { bid: BID_WEIGHTS.bid!, ...weights } : { ...BID_WEIGHTS, ...usage },
    registry: { ...registry, weighers: [bid, ...registry.weighers] },
  };
}
