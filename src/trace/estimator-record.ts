/**
 * The model of an estimator's trace (docs/traces.md): a recorded host, window by window, with its VMs. The names of the format,
 * misspelling included, stand here and in the reader.
 */
import type { Times, VmWindow } from "../core/estimator/vm-window.js";

export interface TraceConfig {
  readonly nodeName: string;
  /** A "virtual day", seconds. */
  readonly nodeScope: number;
  /** A window, seconds; the day is a multiple of it. */
  readonly sliceScope: number;
  /** Windows of the same slice to look back on, without the present one. */
  readonly history: number;
  /** Slices of a day. */
  readonly slices: number;
}

/** Lists are the reader's, and hold until it goes on. */
export interface HostRecord {
  /** Cores; null: not told. */
  readonly cpuCapacity: number | null;
  /** MB. */
  readonly memoryCapacity: number | null;
  readonly cpuUsage: Float64Array;
  readonly memoryUsage: Float64Array;
  /** Null: not told. */
  readonly memoryRss: Float64Array | null;
  readonly schedBusy: Float64Array;
  readonly pageFaults: Float64Array;
  /** Null: not told; the seed tells an empty list from none. */
  readonly cyclesPerInstruction: Float64Array | null;
  readonly cycles: Float64Array | null;
  readonly times: Times;
  /** Samples that are null or no number. */
  readonly missingCpu: number;
  readonly missingMemory: number;
}

/** What a VM tells beyond what decisions need; for statistics only. */
export interface VmRecord extends VmWindow {
  readonly cyclesPerInstruction: Float64Array | null;
  readonly cycles: Float64Array | null;
}

/** Gets a trace in the order of the file: all windows of the host, then one VM after the other; or the VMs first. */
export interface EstimatorTraceVisitor {
  start(config: TraceConfig, epochs: Float64Array): void;
  /** `record`: null where the trace tells nothing of the window. */
  host(occurrence: number, record: HostRecord | null): void;
  /** Begins a VM: its windows follow, every occurrence in order. */
  vm(name: string): void;
  /** `record`: null where the VM is not on the host. */
  vmWindow(occurrence: number, record: VmRecord | null): void;
}
