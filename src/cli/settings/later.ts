/**
 * Names of the seeds (spec 2.3) that stand in old `.env` files and belong to parts of Headroom that are not built yet. They
 * are accepted without a word at start, and `headroom config` says that nothing reads them so far.
 */
const ELASTIC = "elastic pools";

export const LATER_NAMES: ReadonlyMap<string, string> = new Map(
  ["SCL_ACT_MONITORING", "SCL_ACT_LEARNING", "SCL_ACT_LEEWAY"].map((name) => [name, ELASTIC] as const),
);
