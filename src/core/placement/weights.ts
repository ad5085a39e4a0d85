/**
 * What each weigher counts, by the name of the placement. Of those of `headroom` the first decides and the others settle what is
 * nearly equal.
 */
import type { Weights } from "./rules.js";

export const WEIGHTS = {
  headroom: {
    /** pCPUs and memory of a host run out together: what strands one of them costs hosts. Between -1 and 1. */
    balance: 1,
    /** A VM that its pool takes for nothing is worth a fiftieth of a host's balance, so it decides among balanced hosts. */
    thrift: 0.02,
    /** Balance is often exactly equal between hosts; the fuller one then, so that the emptiest stay empty. */
    pack: 0.005,
  },
  /** As SlackVM chooses. */
  slackvm: { progress: 1 },
  spread: { spread: 1 },
  pack: { pack: 1 },
} as const satisfies Readonly<Record<string, Weights>>;

/**
 * Of `headroom` where a forecast of VMs gives prices: those decide; balance and pack among hosts that lose about the same; thrift as
 * much to balance as without.
 */
export const BID_WEIGHTS: Weights = { bid: 1, balance: 0.2, pack: 0.01, thrift: 0.004 };
