/**
 * Streams an estimator's trace (JSON, plain or compressed) to a visitor, one window of one machine at a time; nothing else is
 * kept. `config` and `epoch` are needed before the rest: where they come later in the file, it is read twice. Odd input that
 * can be worked with (missing lists, nulls, lists of differing lengths, a VM with fewer windows than the host) is; what
 * cannot stops the reading, with the place and what is allowed.
 */
import { OperationalError } from "../ports/errors.js";
import { HostLists, isListName, type Refuse, VmLists } from "./estimator-lists.js";
import type { EstimatorTraceVisitor, TraceConfig } from "./estimator-record.js";
import { bytePieces, type ReadProgress } from "./input.js";
import { JsonScanner, type JsonVisitor, notNumber, type Reading } from "./json-scanner.js";
import { NumberList } from "./number-list.js";

/** More is no host's history but a mistake: it would be kept for every slice. */
const MOST_HISTORY = 10_000;

type Step = string | number;

const showPath = (path: readonly Step[]): string =>
  path.map((step, i) => (typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${step}`)).join("");

const bad = (path: string, message: string): OperationalError =>
  new OperationalError("bad-input-file", `${path}: ${message}`, false);

/** Builds `TraceConfig` from the values that stand in `config`. Throws `OperationalError` (bad-input-file). */
function configOf(path: string, values: ReadonlyMap<string, unknown>): TraceConfig {
  const fail = (key: string, allowed: string): never => {
    const found = values.has(key) ? `is ${JSON.stringify(values.get(key))}` : "is missing";
    throw bad(path, `config.${key} ${found}; allowed: ${allowed}`);
  };
  const positive = (key: string): number => {
    const value = values.get(key);
    return typeof value === "number" && value > 0 && Number.isFinite(value)
      ? value
      : fail(key, "a number of seconds above 0");
  };
  const nodeName = values.get("node_name");
  if (typeof nodeName !== "string") return fail("node_name", "a text");
  const nodeScope = positive("node_scope");
  const sliceScope = positive("slice_scope");
  if (sliceScope > nodeScope || nodeScope % sliceScope !== 0)
    fail("node_scope", `a multiple of slice_scope (${sliceScope})`);
  const history = values.get("historical_occurences");
  if (typeof history !== "number" || !Number.isInteger(history) || history < 0 || history > MOST_HISTORY)
    return fail("historical_occurences", `a whole number from 0 to ${MOST_HISTORY}`);
  return { nodeName, nodeScope, sliceScope, history, slices: nodeScope / sliceScope };
}

/** What the rest of a trace cannot be read without. */
interface Head {
  readonly config: TraceConfig;
  readonly epochs: Float64Array;
}

/** Where a value stands: above the machines, a machine, its list of windows, a window, or a list in a window. */
type Place = "root" | "config" | "setting" | "epoch" | "machines" | "machine" | "windows" | "window" | "list" | "other";

/** What each place holds; others are passed over. */
const ALLOWED: Readonly<Partial<Record<Place, "object" | "list">>> = {
  root: "object",
  config: "object",
  epoch: "list",
  machines: "object",
  machine: "object",
  windows: "list",
  window: "object",
  list: "list",
};

/** Places that may be null: told of, with nothing to tell. */
const NULLABLE: ReadonlySet<Place> = new Set(["machines", "machine", "windows", "window", "list"]);

/** Thrown where machines come before what is needed to read them. */
class HeadIsLate extends Error {}

class Reader implements JsonVisitor {
  readonly #path: Step[] = [];
  readonly #settings = new Map<string, unknown>();
  readonly #epochs = new NumberList();
  readonly #host: HostLists;
  readonly #vm: VmLists;
  #head: Head | null = null;
  /** Whether what `close` ends was walked. */
  #isWalked = true;
  /** The first window of the machine that was not handed over yet. */
  #due = 0;
  #hasHost = false;

  /** `visitor`: null to read the head alone. `known`: the head, where an earlier reading found it. */
  constructor(
    private readonly file: string,
    private readonly visitor: EstimatorTraceVisitor | null,
    private readonly known: Head | null,
    private readonly isChecked: boolean,
  ) {
    const refuse: Refuse = (name, occurrence, word) => {
      const machine = this.#path.slice(0, this.#path.lastIndexOf("raw_data"));
      throw bad(file, `${showPath([...machine, "raw_data", occurrence, name])}: ${notNumber(word)}`);
    };
    this.#host = new HostLists(refuse);
    this.#vm = new VmLists(refuse);
  }

  /** Of the machine that is being read. */
  get #lists(): HostLists | VmLists {
    return this.#path[0] === "vm" ? this.#vm : this.#host;
  }

  where(): string {
    return showPath(this.#path);
  }

  key(name: string): void {
    this.#path[this.#path.length - 1] = name;
  }

  scalar(value: string | number | boolean | null): void {
    const place = this.#place();
    if (place === "setting") this.#settings.set(String(this.#path[1]), value);
    else if (place !== "other" && (value !== null || !NULLABLE.has(place))) this.#wrong(place, JSON.stringify(value));
    else if (place === "window") this.#window(false);
    else if (place === "machine") this.#startMachine();
    this.#next();
  }

  open(kind: "object" | "list"): Reading {
    const place = this.#place();
    const allowed = ALLOWED[place];
    if (allowed !== undefined && allowed !== kind) this.#wrong(place, kind === "list" ? "a list" : "an object");
    const reading = this.#reading(place);
    this.#isWalked = reading === "walk" || place === "window";
    if (!this.#isWalked) return reading;
    if (place === "machine") this.#startMachine();
    if (place === "windows") this.#due = 0;
    if (place === "window") this.#lists.clear();
    this.#path.push(kind === "list" ? 0 : "");
    return reading;
  }

  close(): void {
    if (this.#isWalked) {
      this.#path.pop();
      const place = this.#place();
      if (place === "window") this.#window(!this.#lists.isEmpty);
      else if (place === "machine") this.#endMachine();
      else if (place === "root") this.#endTrace();
    }
    this.#isWalked = true;
    this.#next();
  }

  /** The next member of a list. */
  #next(): void {
    const last = this.#path.length - 1;
    const step = this.#path[last];
    if (typeof step === "number") this.#path[last] = step + 1;
  }

  #place(): Place {
    const path = this.#path;
    const [top] = path;
    const depth = path.length;
    if (depth === 0) return "root";
    if (top === "config") return depth === 1 ? "config" : depth === 2 ? "setting" : "other";
    if (top === "epoch" && depth === 1) return "epoch";
    if (top !== "node" && top !== "vm") return "other";
    const own = top === "node" ? 1 : 2;
    if (depth < own) return "machines";
    if (depth === own) return "machine";
    if (path[own] !== "raw_data") return "other";
    if (depth === own + 1) return "windows";
    if (depth === own + 2) return "window";
    return depth === own + 3 && isListName(String(path[own + 2])) ? "list" : "other";
  }

  #reading(place: Place): Reading {
    switch (place) {
      case "root":
      case "config":
      case "windows":
        return "walk";
      case "window":
        return this.#lists.fields;
      case "machines":
      case "machine":
        if (this.visitor === null) return "skip";
        this.#start();
        return "walk";
      case "epoch":
        return this.#epochs;
      default:
        return "skip";
    }
  }

  #start(): void {
    if (this.#head !== null) return;
    if (this.known === null && (this.#settings.size === 0 || !this.#epochs.isTold)) throw new HeadIsLate();
    this.#head = this.known ?? this.head();
    this.visitor?.start(this.#head.config, this.#head.epochs);
  }

  /** Once `config` and `epoch` were read. */
  head(): Head {
    const config = configOf(this.file, this.#settings);
    if (!this.#epochs.isTold) throw bad(this.file, "epoch is missing; allowed: a list of numbers, one for each window");
    if (this.#epochs.missing > 0) throw bad(this.file, "epoch has members that are no numbers");
    return { config, epochs: this.#epochs.view().slice() };
  }

  #startMachine(): void {
    this.#due = 0;
    if (this.#path[0] === "vm") this.visitor?.vm(String(this.#path[1]));
    else if (this.#hasHost) throw bad(this.file, "node stands twice");
    else this.#hasHost = true;
  }

  /** A list of windows may be shorter than the trace, or missing; what is longer is nobody's. */
  #endMachine(): void {
    const isVm = this.#path[0] === "vm";
    for (; this.#due < this.#head!.epochs.length; this.#due++) this.#hand(this.#due, isVm, false);
  }

  #window(isThere: boolean): void {
    const occurrence = Number(this.#path.at(-1));
    if (occurrence >= this.#head!.epochs.length) return;
    this.#hand(occurrence, this.#path[0] === "vm", isThere);
    if (isThere && this.isChecked) this.#lists.readAll();
    this.#due = occurrence + 1;
  }

  #hand(occurrence: number, isVm: boolean, isThere: boolean): void {
    if (isVm) this.visitor?.vmWindow(occurrence, isThere ? this.#vm.at(occurrence) : null);
    else this.visitor?.host(occurrence, isThere ? this.#host.at(occurrence) : null);
  }

  #endTrace(): void {
    if (this.visitor === null) return;
    if (!this.#hasHost)
      throw bad(this.file, "node is missing; allowed: an object with raw_data, one object for each window");
  }

  #wrong(place: Place, found: string): never {
    const allowed = ALLOWED[place] === "list" ? "a list" : "an object";
    const orNull = NULLABLE.has(place) ? " or null" : "";
    const name = this.where() === "" ? "the trace" : this.where();
    throw bad(this.file, `${name} is ${found}; allowed: ${allowed}${orNull}`);
  }
}

async function scan(path: string, reader: Reader, progress?: ReadProgress): Promise<void> {
  const scanner = new JsonScanner(path, reader);
  for await (const piece of bytePieces(path, progress)) scanner.push(piece);
  scanner.end();
}

/** Throws `OperationalError` (bad-input-file), also for what a list holds once somebody asks for it; of every list where `isChecked`. */
export async function readEstimatorTrace(
  path: string,
  visitor: EstimatorTraceVisitor,
  progress?: ReadProgress,
  isChecked = false,
): Promise<void> {
  try {
    await scan(path, new Reader(path, visitor, null, isChecked), progress);
  } catch (error) {
    if (!(error instanceof HeadIsLate)) throw error;
    const headReader = new Reader(path, null, null, isChecked);
    await scan(path, headReader);
    await scan(path, new Reader(path, visitor, headReader.head(), isChecked), progress);
  }
}
