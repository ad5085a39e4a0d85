/**
 * Which segments of a day are merged into one. Every merge of the log leaves a small segment, some hundreds a day; readers
 * want few. By size in tiers (as in O'Neil et al., "The Log-Structured Merge-Tree", 1996): when so many of the newest are
 * below a tier's limit, they become one, which belongs to the next tier. A row is thus rewritten once per tier. A day that is
 * over is made one segment. Only neighbours are merged: which of two segments is right depends on their order.
 */
export interface Sized {
  readonly rows: number;
}

const PER_TIER = 8;
/** A merge of the log; each tier holds eight times the one below. */
const SMALLEST_TIER_ROWS = 32_768;
const TIERS = 5;

/** How many of the newest (the last) to merge; 0: none. */
export function newestToMerge(segments: readonly Sized[], isOver: boolean): number {
  if (isOver) return segments.length > 1 ? segments.length : 0;
  for (let tier = 0, limit = SMALLEST_TIER_ROWS * 2; tier < TIERS; tier++, limit *= PER_TIER) {
    const firstLarge = segments.findLastIndex(({ rows }) => rows > limit);
    const count = segments.length - 1 - firstLarge;
    if (count >= PER_TIER) return count;
  }
  return 0;
}
