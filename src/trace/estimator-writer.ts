/**
 * Writes the history of a host as a trace of estimators (docs/traces.md), window by window: no more than a window of one
 * machine is in memory. Numbers are written as the seed's reader wants them, with a dot. Lists hold what there is: where a
 * metric lacks at some of a window's times, `missing` says at which, so that nothing shifts when the trace is read again.
 */
import { type Milliseconds, milliseconds, type Seconds } from "../core/units.js";
import type { Sample, SampleQuery, SampleStore } from "../ports/sample-store.js";
import { pythonFloat } from "./python-number.js";

/** The lists of the format, besides `time`. */
export const ESTIMATOR_METRICS = [
  ...["cpu", "mem", "cpu_usage", "mem_usage", "mem_rss", "sched_busy", "swpagefaults", "cpi", "hwcpucycles"],
];

export interface EstimatorTraceOptions {
  readonly host: string;
  /** Start of the first window, and of the one after the last. */
  readonly from: Milliseconds;
  readonly to: Milliseconds;
  /** A window. */
  readonly sliceSeconds: Seconds;
  /** A "virtual day": a multiple of it. */
  readonly scopeSeconds: Seconds;
  /** Windows of the same slice that an estimator looks back on. */
  readonly history: number;
}

const MS_PER_SECOND = 1000;

const list = (values: readonly number[]): string => `[${values.map(pythonFloat).join(",")}]`;

/** The lists of a window, without the braces; empty: there are no samples. */
function windowText(samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const parts = [`"time":${list(samples.map(({ at }) => at / MS_PER_SECOND))}`];
  const missing: string[] = [];
  for (const name of ESTIMATOR_METRICS) {
    const there = samples.flatMap(({ values }) => values[name] ?? []);
    if (there.length === 0) continue;
    parts.push(`"${name}":${list(there)}`);
    const lacking = samples.flatMap(({ values }, i) => (values[name] === undefined ? [i] : []));
    if (lacking.length > 0) missing.push(`"${name}":[${lacking.join(",")}]`);
  }
  if (missing.length > 0) parts.push(`"missing":{${missing.join(",")}}`);
  return parts.join(",");
}

/** The samples of each window, the empty ones too. */
async function* windows(
  samples: AsyncIterable<Sample>,
  { from, to, sliceSeconds }: EstimatorTraceOptions,
): AsyncIterable<readonly Sample[]> {
  const length = sliceSeconds * MS_PER_SECOND;
  let end = from + length;
  let held: Sample[] = [];
  for await (const sample of samples) {
    for (; sample.at >= end; end += length) {
      yield held;
      held = [];
    }
    held.push(sample);
  }
  for (; end <= to; end += length) {
    yield held;
    held = [];
  }
}

/** Names of the VMs that have samples in each window. */
async function namesIn(store: SampleStore, host: string, from: number, to: number): Promise<readonly string[]> {
  const sources = await store.sources({ host, from: milliseconds(from), to: milliseconds(to) });
  return sources.flatMap(({ vm }) => vm ?? []);
}

/** Pieces of text of the trace. */
export async function* estimatorTrace(store: SampleStore, options: EstimatorTraceOptions): AsyncIterable<string> {
  const { host, from, to, sliceSeconds, scopeSeconds, history } = options;
  const length = sliceSeconds * MS_PER_SECOND;
  const read = (of: SampleQuery["of"]) =>
    windows(store.read({ host, of, metrics: ESTIMATOR_METRICS, from, to }), options);
  const config = `"node_name":${JSON.stringify(host)},"node_scope":${scopeSeconds},"slice_scope":${sliceSeconds}`;
  const epochs = Array.from({ length: (to - from) / length }, (_, i) => (from + (i + 1) * length) / MS_PER_SECOND);
  yield `{"config":{${config},"historical_occurences":${history}},"epoch":[${epochs.join(",")}],\n"node":{"raw_data":[`;
  let index = 0;
  for await (const samples of read("host")) {
    const start = from + index * length;
    const names = `"vm":${JSON.stringify(await namesIn(store, host, start, start + length))}`;
    const text = windowText(samples);
    yield `${index === 0 ? "\n" : ",\n"}{${text === "" ? names : `${text},${names}`}}`;
    index++;
  }
  yield `]},\n"vm":{`;
  for (const [number, name] of (await namesIn(store, host, from, to)).entries()) {
    yield `${number === 0 ? "\n" : ",\n"}${JSON.stringify(name)}:{"raw_data":[`;
    let isFirst = true;
    for await (const samples of read([name])) {
      yield `${isFirst ? "" : ","}{${windowText(samples)}}`;
      isFirst = false;
    }
    yield "]}";
  }
  yield "}}\n";
}
