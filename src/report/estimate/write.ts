/** The files of a run: `estimates.jsonl`, a line for each window, and `summary.json`. A file is whole, or the old one stands. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { TextOutput } from "../../agent/replay/output.js";
import { RESOURCES } from "../../core/estimator/resource.js";
import type { TraceConfig } from "../../trace/estimator-record.js";
import { writeWhole } from "../files.js";
import type { EstimateOptions } from "./options.js";
import type { ResourceOutcome, WindowOutcome } from "./run.js";

/** Of a list: some KiB. */
const MEMBERS_AT_ONCE = 500;

export interface RunCost {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** Of the whole process so far. */
  readonly peakRssMiB: number;
}

const resourceLine = ({ capacity, estimate }: ResourceOutcome): object => ({
  estimate: estimate.need,
  free: estimate.free,
  stable: estimate.stable,
  capacity,
  samples: estimate.samples,
  missing: estimate.missing,
  ...(estimate.deviations === null ? {} : { deviations: estimate.deviations }),
  ...(estimate.instead === null ? {} : { instead: estimate.instead }),
});

export function estimateLine({ occurrence, epoch, slice, cpu, memory }: WindowOutcome, horizonSeconds: number): string {
  return JSON.stringify({
    occurrence,
    epoch,
    slice,
    horizonSeconds,
    bookedCpu: cpu.booked,
    bookedMemory: memory.booked,
    cpu: resourceLine(cpu),
    memory: resourceLine(memory),
  });
}

/** What is known of a run once its windows have passed by. */
export class RunTally {
  windows = 0;
  readonly withheld = { cpu: 0, memory: 0 };
  last: WindowOutcome | null = null;

  add(window: WindowOutcome): void {
    this.windows += 1;
    for (const resource of RESOURCES) if (window[resource].estimate.need === null) this.withheld[resource] += 1;
    this.last = window;
  }
}

/** Writes the windows as they come, to `estimates.jsonl` in `folder` (null: nowhere), and counts them. */
export function writeEstimates(folder: string | null, config: TraceConfig, windows: Iterable<WindowOutcome>): RunTally {
  const tally = new RunTally();
  const path = folder === null ? null : join(folder, "estimates.jsonl");
  const output = path === null ? null : new TextOutput(`${path}.new`, "utf8");
  for (const window of windows) {
    tally.add(window);
    output?.write(`${estimateLine(window, config.sliceScope)}\n`);
    output?.drain();
  }
  output?.end();
  if (path !== null) renameSync(`${path}.new`, path);
  return tally;
}

export interface EstimateSummary {
  readonly options: EstimateOptions;
  readonly trace: {
    readonly nodeName: string;
    readonly windows: number;
    readonly windowSeconds: number;
    readonly slices: number;
    readonly history: number;
    readonly vms: number;
  };
  /** Windows without samples, whose estimates were withheld. */
  readonly withheld: { readonly cpu: number; readonly memory: number };
  readonly runTime: RunCost;
}

export const summaryOf = (
  options: EstimateOptions,
  config: TraceConfig,
  vms: number,
  { windows, withheld }: RunTally,
  runTime: RunCost,
): EstimateSummary => ({
  options,
  trace: {
    nodeName: config.nodeName,
    windows,
    windowSeconds: config.sliceScope,
    slices: config.slices,
    history: config.history,
    vms,
  },
  withheld,
  runTime,
});

/** `value` as JSON in pieces of moderate size: members of objects on lines of their own, lists of plain values on one. */
function* jsonPieces(value: unknown, indent: string): Generator<string> {
  if (Array.isArray(value) && value.every((member) => typeof member !== "object" || member === null)) {
    yield "[";
    for (let i = 0; i < value.length; i += MEMBERS_AT_ONCE)
      yield (i === 0 ? "" : ",") + JSON.stringify(value.slice(i, i + MEMBERS_AT_ONCE)).slice(1, -1);
    yield "]";
  } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    for (const [i, [name, member]] of members.entries()) {
      yield `${i === 0 ? "{" : ","}\n${indent}  ${JSON.stringify(name)}: `;
      yield* jsonPieces(member, `${indent}  `);
    }
    yield members.length === 0 ? "{}" : `\n${indent}}`;
  } else yield JSON.stringify(value, null, 2).replaceAll("\n", `\n${indent}`);
}

/** As `writeJson`, of what is too long for one text. */
export function writeLongJson(path: string, value: object): void {
  const output = new TextOutput(`${path}.new`, "utf8");
  for (const piece of jsonPieces(value, "")) {
    output.write(piece);
    output.drain();
  }
  output.write("\n");
  output.end();
  renameSync(`${path}.new`, path);
}

export const writeJson = (path: string, value: object): void => writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);
