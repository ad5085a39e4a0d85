/**
 * History of one host out of a sample store, as series over equal pieces of time: means of the host's readings, and of every VM's.
 * Streamed; kept are sums for each piece and VM. A piece without readings has no value; nothing is filled in.
 */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Sample, SampleStore } from "../../ports/sample-store.js";
import type { Series } from "../lines.js";

/** Pieces that a figure shows; more than it has room for say nothing more. */
const PIECES = 400;
/** Probes read every few seconds: a shorter piece would often be empty. */
const SHORTEST_PIECE_MS = 15_000;

/** Metrics that are read, by the names of core/telemetry/sample-metrics.ts. */
const HOST_METRICS = ["cpu", "cpu_usage", "mem", "mem_usage", "vm_number"] as const;
const VM_METRICS = ["cpu", "cpu_usage", "cpu_wait", "mem", "mem_usage"] as const;
type HostMetric = (typeof HOST_METRICS)[number];
type VmMetric = (typeof VM_METRICS)[number];

export interface History {
  readonly host: string;
  readonly from: Milliseconds;
  readonly to: Milliseconds;
  readonly pieceMs: number;
  /** Beginning of each piece. */
  readonly times: readonly Milliseconds[];
  readonly samples: number;
  readonly hostMeans: Readonly<Record<HostMetric, Series>>;
  /** Largest reading of a piece. */
  readonly hostPeak: Series;
  readonly vms: ReadonlyMap<string, Readonly<Record<VmMetric, Series>>>;
}

class Means<M extends string> {
  readonly #sums = new Map<M, Float64Array>();
  readonly #counts = new Map<M, Uint32Array>();

  constructor(
    private readonly metrics: readonly M[],
    private readonly pieces: number,
  ) {
    for (const metric of metrics) {
      this.#sums.set(metric, new Float64Array(pieces));
      this.#counts.set(metric, new Uint32Array(pieces));
    }
  }

  add(piece: number, values: Sample["values"]): void {
    for (const metric of this.metrics) {
      const value = values[metric];
      if (value === undefined) continue;
      this.#sums.get(metric)![piece]! += value;
      this.#counts.get(metric)![piece]! += 1;
    }
  }

  series(): Readonly<Record<M, Series>> {
    const one = (metric: M): Series => {
      const [sums, counts] = [this.#sums.get(metric)!, this.#counts.get(metric)!];
      return Array.from({ length: this.pieces }, (_, i) => (counts[i] === 0 ? null : sums[i]! / counts[i]!));
    };
    return Object.fromEntries(this.metrics.map((metric) => [metric, one(metric)])) as Record<M, Series>;
  }
}

/** Null: the store has nothing of this host in the range. */
export async function gatherHistory(
  store: Pick<SampleStore, "sources" | "read">,
  host: string,
  range: { readonly from: Milliseconds; readonly to: Milliseconds },
): Promise<History | null> {
  const spans = await store.sources({ ...range, host });
  if (spans.length === 0) return null;
  const from = Math.min(...spans.map(({ first }) => first));
  const last = Math.max(...spans.map(({ last: latest }) => latest));
  const pieceMs = Math.max(SHORTEST_PIECE_MS, Math.ceil((last - from + 1) / PIECES));
  const pieces = Math.ceil((last - from + 1) / pieceMs);
  const hostMeans = new Means(HOST_METRICS, pieces);
  const hostPeak: (number | null)[] = new Array<null>(pieces).fill(null);
  const vms = new Map<string, Means<VmMetric>>();
  let samples = 0;
  const inRange = { host, from: milliseconds(from), to: milliseconds(last + 1) };
  for await (const { at, values } of store.read({ ...inRange, of: "host", metrics: HOST_METRICS })) {
    const piece = Math.floor((at - from) / pieceMs);
    samples += 1;
    hostMeans.add(piece, values);
    const used = values.cpu_usage;
    if (used !== undefined) hostPeak[piece] = Math.max(hostPeak[piece] ?? 0, used);
  }
  for await (const { at, vm, values } of store.read({ ...inRange, of: "vms", metrics: VM_METRICS })) {
    if (vm === null) continue;
    const means = vms.get(vm) ?? new Means(VM_METRICS, pieces);
    vms.set(vm, means);
    samples += 1;
    means.add(Math.floor((at - from) / pieceMs), values);
  }
  return {
    ...inRange,
    pieceMs,
    times: Array.from({ length: pieces }, (_, i) => milliseconds(from + i * pieceMs)),
    samples,
    hostMeans: hostMeans.series(),
    hostPeak,
    vms: new Map([...vms].map(([name, means]) => [name, means.series()])),
  };
}
