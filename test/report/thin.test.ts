/** What is drawn of a long series: the picture of all of it, and never more than it can show. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { highestOf, outline, type Placed } from "../../src/report/thin.js";
import { seeded } from "../estimator/families.js";

const series = (count: number): readonly Placed[] => {
  const random = seeded(count);
  return Array.from({ length: count }, (_, hours) => ({ hours, value: random() }));
};
const columnOf = (points: readonly Placed[], columns: number, { hours }: Placed): number =>
  Math.floor((hours / points.at(-1)!.hours) * columns);

test("a short series is drawn as it is", () => {
  const points = series(400);
  assert.equal(outline(points, 100), points);
  assert.equal(highestOf(points, 400), points);
  assert.deepEqual(outline([], 100), []);
});

test("of a long one every column keeps its ends, its lowest and its highest, in order", () => {
  const columns = 50;
  const points = series(5000);
  const drawn = outline(points, columns);
  assert.ok(drawn.length <= 4 * (columns + 1));
  for (let column = 0; column < columns; column++) {
    const of = (some: readonly Placed[]) => some.filter((point) => columnOf(points, columns, point) === column);
    const [all, kept] = [of(points), of(drawn)];
    const values = (some: readonly Placed[]) => some.map(({ value }) => value);
    assert.equal(Math.max(...values(kept)), Math.max(...values(all)));
    assert.equal(Math.min(...values(kept)), Math.min(...values(all)));
    assert.deepEqual([kept[0], kept.at(-1)], [all[0], all.at(-1)]);
  }
  assert.deepEqual(
    drawn,
    [...drawn].sort((a, b) => a.hours - b.hours),
  );
  assert.equal(new Set(drawn).size, drawn.length);
});

test("of bars the highest of each column stands", () => {
  const points = series(5000);
  const drawn = highestOf(points, 50);
  assert.ok(drawn.length <= 51);
  assert.equal(Math.max(...drawn.map(({ value }) => value)), Math.max(...points.map(({ value }) => value)));
});
