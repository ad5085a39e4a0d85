/** Time along the bottom of a figure, since its beginning, in the unit that gives readable numbers; and lines thin enough to draw. */

export interface TimeAxis {
  readonly unit: "minutes" | "hours" | "days";
  /** For sentences: `2.5 h`. */
  readonly short: "min" | "h" | "d";
  readonly seconds: number;
  /** For Plot's `x`. */
  readonly x: { readonly label: string; readonly labelAnchor: "center"; readonly labelArrow: "none" };
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
/** Up to two hours in minutes, up to three days in hours. */
const [MOST_MINUTES, MOST_HOURS] = [2 * HOUR, 3 * DAY];

/** `spanSeconds`: from the first to the last moment shown. */
export function timeAxis(spanSeconds: number, since: string): TimeAxis {
  const [unit, short, seconds] =
    spanSeconds <= MOST_MINUTES
      ? (["minutes", "min", MINUTE] as const)
      : spanSeconds <= MOST_HOURS
        ? (["hours", "h", HOUR] as const)
        : (["days", "d", DAY] as const);
  return {
    unit,
    short,
    seconds,
    x: { label: `time since ${since} (${unit})`, labelAnchor: "center", labelArrow: "none" },
  };
}

/** A point of a line; `y` null: a gap. */
export interface LinePoint {
  readonly x: number;
  readonly y: number | null;
}

/** More pieces than a figure has pixels for show nothing more. */
const MOST_PIECES = 600;

/**
 * A line with the same looks and far fewer points: of each piece its first, its lowest, its highest and its last (and a gap,
 * where it has one).
 */
export function thinned(points: readonly LinePoint[]): readonly LinePoint[] {
  const size = Math.ceil(points.length / MOST_PIECES);
  if (size <= 4) return points;
  const kept: LinePoint[] = [];
  for (let from = 0; from < points.length; from += size) {
    const to = Math.min(points.length, from + size);
    let [low, high, gap] = [-1, -1, -1];
    for (let i = from; i < to; i++) {
      const y = points[i]!.y;
      if (y === null) gap = i;
      else {
        if (low < 0 || y < points[low]!.y!) low = i;
        if (high < 0 || y > points[high]!.y!) high = i;
      }
    }
    const wanted = new Set([from, low, high, gap, to - 1].filter((i) => i >= 0));
    for (const i of [...wanted].sort((a, b) => a - b)) kept.push(points[i]!);
  }
  return kept;
}

/** Readings in a row that may be missing without a gap in the line. */
const BRIDGED = 2;

/** Without the short gaps, so that the line goes over them; longer ones stay. */
export function bridged(points: readonly LinePoint[]): readonly LinePoint[] {
  let missing = 0;
  const lengths = points.map(({ y }) => {
    missing = y === null ? missing + 1 : 0;
    return missing;
  });
  // From the end, the last length of each gap is its whole one.
  let whole = 0;
  return points
    .toReversed()
    .filter(({ y }, i) => {
      const length = lengths[points.length - 1 - i]!;
      if (y === null && length > whole) whole = length;
      if (y !== null) whole = 0;
      return y !== null || whole > BRIDGED;
    })
    .reverse();
}
