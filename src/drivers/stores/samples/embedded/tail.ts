/**
 * What was written and stands in no segment yet, in memory: the newest samples, by source. A sample replaces one of the same
 * source and time.
 */
import { compareSamples, compareSources } from "../../../../core/telemetry/sample-order.js";
import { type Milliseconds, milliseconds } from "../../../../core/units.js";
import type { Sample, SampleQuery, SampleSource, SourceSpan } from "../../../../ports/sample-store.js";
import { dayOf } from "./names.js";

const NO_HOST = "";

/** Names contain no NUL: Linux, libvirt and URLs have none. */
const keyOf = ({ host, vm }: SampleSource): string => `${host}\0${vm ?? NO_HOST}`;

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Of one host or several. */
export interface Asked {
  readonly hosts: readonly string[];
  readonly of: SampleQuery["of"] | "all";
  readonly metrics: readonly string[];
}

export class Tail {
  private readonly sources = new Map<string, Map<Milliseconds, Sample>>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  add(sample: Sample): void {
    const key = keyOf(sample);
    let times = this.sources.get(key);
    if (times === undefined) {
      times = new Map();
      this.sources.set(key, times);
    }
    if (!times.has(sample.at)) this.count++;
    times.set(sample.at, sample);
  }

  /** Days of its samples, ascending. */
  days(): readonly number[] {
    const days = new Set<number>();
    for (const { at } of this.all()) days.add(dayOf(at));
    return [...days].sort((a, b) => a - b);
  }

  /** Its samples of a day, in no order. */
  ofDay(day: number): readonly Sample[] {
    return [...this.all()].filter(({ at }) => dayOf(at) === day);
  }

  /** Its samples that a query asks for, in the order in which they are told. */
  select({ hosts, of }: Pick<Asked, "hosts" | "of">, { from, to }: Range): readonly Sample[] {
    const wanted = typeof of === "string" ? null : new Set(of);
    const found: Sample[] = [];
    for (const times of this.sources.values()) {
      const first = times.values().next().value;
      if (first === undefined || !hosts.includes(first.host)) continue;
      const { vm } = first;
      if (of === "host" && vm !== null) continue;
      if (of !== "host" && of !== "all" && (vm === null || (wanted !== null && !wanted.has(vm)))) continue;
      for (const sample of times.values()) if (sample.at >= from && sample.at < to) found.push(sample);
    }
    return found.sort(compareSamples);
  }

  spans({ from, to }: Range, host: string | null): readonly SourceSpan[] {
    const spans: SourceSpan[] = [];
    for (const times of this.sources.values()) {
      const inRange = [...times.values()].filter(({ at }) => at >= from && at < to);
      const [one] = inRange;
      if (one === undefined || (host !== null && one.host !== host)) continue;
      const first = inRange.reduce((a, b) => (b.at < a.at ? b : a)).at;
      const last = inRange.reduce((a, b) => (b.at > a.at ? b : a)).at;
      spans.push({ host: one.host, vm: one.vm, first, last });
    }
    return spans;
  }

  private *all(): Iterable<Sample> {
    for (const times of this.sources.values()) yield* times.values();
  }
}

/** One of two spans per source, by host and name. */
export function joinSpans(spans: Iterable<SourceSpan>): readonly SourceSpan[] {
  const joined = new Map<string, SourceSpan>();
  for (const span of spans) {
    const { first, last } = joined.get(keyOf(span)) ?? span;
    joined.set(keyOf(span), {
      host: span.host,
      vm: span.vm,
      first: milliseconds(Math.min(span.first, first)),
      last: milliseconds(Math.max(span.last, last)),
    });
  }
  return [...joined.values()].sort(compareSources);
}
