/**
 * The points that the seed's aggregator makes of eight scrapes (goldens/vmaggreg), and ours of the same texts. Where Headroom
 * differs it does so on purpose, and the differences are all listed here.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { advance, type CounterState, type SubjectValues } from "../../src/core/telemetry/rates.js";
import { readScrape } from "../../src/core/telemetry/read-scrape.js";
import { milliseconds } from "../../src/core/units.js";
import { sharedPath, skipWithoutShared } from "../support/shared.js";

interface Point {
  readonly measurement: "node" | "domain";
  readonly tags: { readonly url: string; readonly domain?: string };
  readonly fields: Readonly<Record<string, number>>;
  readonly epoch_ms: number;
}

const GAP = milliseconds(600_000);
/** Sums that nobody knows when no VM has been measured yet: the seed writes 0. */
const UNKNOWN_AT_FIRST_SIGHT = ["oc_cpu_d", "minflt_sum", "majflt_sum"];

/** Snapshot, and why our points are not the seed's. */
const REPEATED = 2;
const FIRST_SIGHTS = [0, 7];

const read = (name: string): string => readFileSync(sharedPath(`goldens/vmaggreg/${name}`), "utf8");

function ours(): readonly { at: number; samples: readonly SubjectValues[] }[] {
  let state: CounterState | null = null;
  return Array.from({ length: 8 }, (_, index) => {
    const scrape = readScrape(read(`snapshot-${index}.prom`), null);
    if (!scrape.ok) return { at: 0, samples: [] };
    const next = advance(state, scrape.reading, GAP);
    if (next.repeated) return { at: 0, samples: [] };
    state = next.state;
    return { at: scrape.reading.at, samples: next.samples };
  });
}

const without = (fields: Readonly<Record<string, number>>, keys: readonly string[]) =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));

describe("the seed's points", { skip: skipWithoutShared }, () => {
  const golden = skipWithoutShared
    ? []
    : (JSON.parse(read("points.json")) as { snapshot: number; points: readonly Point[] }[]);
  const made = skipWithoutShared ? [] : ours();

  for (const { snapshot, points } of golden) {
    if (snapshot === REPEATED) {
      test("2: a repeated scrape overwrites nothing (the seed writes its rates again, as zeros)", () =>
        assert.deepEqual(made[REPEATED]!.samples, []));
      continue;
    }
    const differing = FIRST_SIGHTS.includes(snapshot) ? UNKNOWN_AT_FIRST_SIGHT : [];
    test(`${snapshot}: ${points.length} points, equal${differing.length > 0 ? ` but ${differing.join(", ")}` : ""}`, () => {
      const { at, samples } = made[snapshot]!;
      const expected = points.map(({ tags, fields }) => ({
        vm: tags.domain ?? null,
        values: without(fields, differing),
      }));
      assert.deepEqual(samples, expected);
      for (const { epoch_ms } of points) assert.equal(at, epoch_ms);
    });
  }

  test("6: without the host's part there is no time, and the scrape is refused with a reason", () => {
    const scrape = readScrape(read("snapshot-6.prom"), "example");
    assert.ok(!scrape.ok);
    assert.match(scrape.problem, /no example_global_probe_epoch/);
  });
});
