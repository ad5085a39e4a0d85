/** What tests of the sample stores share. */
import { milliseconds } from "../../src/core/units.js";
import type { Sample, SampleQuery, SampleStore } from "../../src/ports/sample-store.js";

/** A sample `seconds` after `base`. */
export const sample = (
  base: number,
  seconds: number,
  vm: string | null,
  values: Readonly<Record<string, number>>,
  host = "h",
): Sample => ({ host, vm, at: milliseconds(base + seconds * 1000), values });

export async function collect(samples: AsyncIterable<Sample>): Promise<readonly Sample[]> {
  const all: Sample[] = [];
  for await (const one of samples) all.push(one);
  return all;
}

/** Everything of host "h" from `base` on for a day, unless the query says otherwise. */
export const query = (base: number, change: Partial<SampleQuery> = {}): SampleQuery => ({
  host: "h",
  of: "vms",
  metrics: [],
  from: milliseconds(base),
  to: milliseconds(base + 86_400_000),
  ...change,
});

export const read = (store: SampleStore, base: number, change: Partial<SampleQuery> = {}): Promise<readonly Sample[]> =>
  collect(store.read(query(base, change)));
