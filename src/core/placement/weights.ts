/** Weights of the placement by policy. */
import type { Weights } from "./rules.js";

export const WEIGHTS = {
  headroom: { balance: 1, thrift: 1, "best-fit": 1 },
  slackvm: { progress: 1 },
  spread: { spread: 1 },
  pack: { pack: 1 },
} as const satisfies Readonly<Record<string, Weights>>;
