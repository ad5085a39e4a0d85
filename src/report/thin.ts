/**
 * Which points of a long series are drawn. Where several share a column of the picture, the first, the last, the lowest and the highest of
 * them stay: the line through these covers the same pixels as the line through all (M4: Jugel et al., VLDB 2014), so that no peak is
 * lost, and a picture does not grow with its series. Points come in the order of time.
 */
export interface Placed {
  readonly hours: number;
  readonly value: number;
}

/** Calls `take` with the points of each column. */
function byColumn<T extends Placed>(points: readonly T[], columns: number, take: (some: readonly T[]) => void): void {
  const start = points[0]!.hours;
  const width = (points.at(-1)!.hours - start) / columns;
  let [from, column] = [0, 0];
  for (let i = 1; i <= points.length; i++) {
    const next = i === points.length ? columns : Math.floor((points[i]!.hours - start) / width);
    if (next === column && i < points.length) continue;
    take(points.slice(from, i));
    [from, column] = [i, next];
  }
}

/** What a line through `points` looks like in so many columns. */
export function outline<T extends Placed>(points: readonly T[], columns: number): readonly T[] {
  if (points.length <= 4 * columns) return points;
  const kept: T[] = [];
  byColumn(points, columns, (some) => {
    let [lowest, highest] = [0, 0];
    for (const [i, { value }] of some.entries()) {
      if (value < some[lowest]!.value) lowest = i;
      if (value > some[highest]!.value) highest = i;
    }
    const wanted = new Set([0, lowest, highest, some.length - 1]);
    kept.push(...some.filter((_, i) => wanted.has(i)));
  });
  return kept;
}

/** Of bars that stand in one column the highest hides the others. */
export function highestOf<T extends Placed>(points: readonly T[], columns: number): readonly T[] {
  if (points.length <= columns) return points;
  const kept: T[] = [];
  byColumn(points, columns, (some) => {
    kept.push(some.reduce((highest, point) => (point.value > highest.value ? point : highest)));
  });
  return kept;
}
