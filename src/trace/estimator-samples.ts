/**
 * Reads a trace of estimators (docs/traces.md) as samples, streamed: those of a window of one machine at a time. Every list of
 * numbers whose name is a metric's is read, not only what estimators use. Times come from `time`; where it is missing, a
 * window's samples are spread over it evenly. A list that is shorter than the times lacks those that `missing` names, and
 * otherwise the first ones: a first reading has no differences.
 */
import { isMetricName } from "../core/telemetry/metric-name.js";
import { milliseconds } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import type { Sample } from "../ports/sample-store.js";
import { bytePieces, type ReadProgress } from "./input.js";
import { JsonScanner, type JsonVisitor, type Reading } from "./json-scanner.js";
import { NumberList } from "./number-list.js";

const MS_PER_SECOND = 1000;
const WINDOW_DEPTH = { node: 3, vm: 4 } as const;

type Step = string | number;

/** Lists of a window by their place in it: `cpu_usage`, `missing.cpu_usage`. */
type Lists = Map<string, NumberList>;

class SampleReader implements JsonVisitor {
  readonly #path: Step[] = [];
  readonly #lists: Lists = new Map();
  readonly #epochs = new NumberList();
  #isWalked = true;
  #nodeName: string | null = null;
  #sliceSeconds: number | null = null;
  /** Read and not taken yet. */
  #samples: Sample[] = [];

  /** `host`: the name that the host shall have; null: as the trace calls it. */
  constructor(
    private readonly file: string,
    private readonly host: string | null,
  ) {}

  take(): readonly Sample[] {
    const samples = this.#samples;
    this.#samples = [];
    return samples;
  }

  where(): string {
    return this.#path.join(".");
  }

  key(name: string): void {
    this.#path[this.#path.length - 1] = name;
  }

  scalar(value: string | number | boolean | null): void {
    if (this.where() === "config.node_name" && typeof value === "string") this.#nodeName = value;
    if (this.where() === "config.slice_scope" && typeof value === "number") this.#sliceSeconds = value;
    this.#next();
  }

  open(kind: "object" | "list"): Reading {
    const reading = this.#reading(kind);
    this.#isWalked = reading === "walk";
    if (reading === "walk") this.#path.push(kind === "list" ? 0 : "");
    return reading;
  }

  close(): void {
    if (this.#isWalked) {
      this.#path.pop();
      if (this.#inWindow() === 0) this.#endWindow();
    }
    this.#isWalked = true;
    this.#next();
  }

  #next(): void {
    const last = this.#path.length - 1;
    const step = this.#path[last];
    if (typeof step === "number") this.#path[last] = step + 1;
  }

  /** How deep below a window the place is; null: it is in none. */
  #inWindow(): number | null {
    const [top] = this.#path;
    if (top !== "node" && top !== "vm") return null;
    const depth = WINDOW_DEPTH[top];
    return this.#path.length >= depth && this.#path[depth - 2] === "raw_data" ? this.#path.length - depth : null;
  }

  #reading(kind: "object" | "list"): Reading {
    const path = this.#path;
    const [top] = path;
    if (path.length === 0) return this.#must(kind, "object", "the trace");
    if (path.length === 1 && top === "epoch") return kind === "list" ? this.#epochs : "skip";
    const depth = this.#inWindow();
    if (depth === null) return ["config", "node", "vm"].includes(String(top)) ? "walk" : "skip";
    if (depth === 0) {
      this.#lists.clear();
      return this.#must(kind, "object", this.where());
    }
    const name = path.slice(path.length - depth).join(".");
    if (kind === "object") return name === "missing" ? "walk" : "skip";
    const metric = String(path.at(-1));
    const isWanted = metric === "time" || isMetricName(metric);
    return isWanted && (depth === 1 || name.startsWith("missing.")) ? this.#listOf(name) : "skip";
  }

  #must(kind: string, allowed: "object", place: string): Reading {
    if (kind === allowed) return "walk";
    throw new OperationalError("bad-input-file", `${this.file}: ${place} is a ${kind}; allowed: an ${allowed}`, false);
  }

  #listOf(name: string): NumberList {
    const values = new NumberList();
    this.#lists.set(name, values);
    return values;
  }

  #endWindow(): void {
    const isVm = this.#path[0] === "vm";
    const host = this.host ?? this.#nodeName;
    const lists = [...this.#lists].filter(([name, { length }]) => !name.includes(".") && name !== "time" && length > 0);
    if (lists.length === 0) return;
    if (host === null || host === "")
      throw new OperationalError(
        "bad-input-file",
        `${this.file}: config.node_name must stand before node, or be given (--host)`,
        false,
      );
    const longest = lists.reduce((most, [, { length }]) => Math.max(most, length), 0);
    const times = this.#times(longest);
    const values = times.map((): Record<string, number> => ({}));
    for (const [name, list] of lists) place(values, name, list.view(), this.#lists.get(`missing.${name}`)?.view());
    for (const [i, at] of times.entries())
      this.#samples.push({ host, vm: isVm ? String(this.#path[1]) : null, at: milliseconds(at), values: values[i]! });
  }

  #times(count: number): readonly number[] {
    const told = this.#lists.get("time");
    if (told !== undefined && told.length > 0)
      return Array.from(told.view(), (time) => Math.round(time * MS_PER_SECOND));
    const occurrence = Number(this.#path.at(-1));
    const end = this.#epochs.view()[occurrence];
    if (end === undefined || this.#sliceSeconds === null)
      throw new OperationalError(
        "bad-input-file",
        `${this.file}: ${this.where()} has no time; config and epoch must then stand before it`,
        false,
      );
    const length = this.#sliceSeconds * MS_PER_SECOND;
    return Array.from({ length: count }, (_, i) => Math.round(end * MS_PER_SECOND - length + (i * length) / count));
  }
}

/** Puts the values of a list to the samples that have them. */
function place(samples: Record<string, number>[], name: string, list: Float64Array, missing?: Float64Array): void {
  const lacking = new Set(missing ?? Array.from({ length: Math.max(0, samples.length - list.length) }, (_, i) => i));
  let next = 0;
  for (const [i, values] of samples.entries()) {
    if (lacking.has(i) || next >= list.length) continue;
    values[name] = list[next++]!;
  }
}

/** Batches of samples. Throws `OperationalError` (bad-input-file). */
export async function* estimatorSamples(
  path: string,
  host: string | null,
  progress?: ReadProgress,
): AsyncIterable<readonly Sample[]> {
  const reader = new SampleReader(path, host);
  const scanner = new JsonScanner(path, reader);
  for await (const piece of bytePieces(path, progress)) {
    scanner.push(piece);
    const samples = reader.take();
    if (samples.length > 0) yield samples;
  }
  scanner.end();
  yield reader.take();
}
