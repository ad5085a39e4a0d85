/**
 * A VM followed through the windows: whether it is there, what it booked, its own peak, and how much of it is still unknown.
 * A VM is gone when the teller says so, or when its window repeats the one before (recordings do that with VMs that left); it
 * may come back. One that idles is not gone. VMs of too little history count with their full size: as peaks in full, and
 * towards the host's usage with the part that usage has not seen.
 */
import { meanOf } from "./statistics.js";
import { TopHistory } from "./top-history.js";
import { NO_PART, type VmPart, type VmTrack, type VmTrackSettings, type VmWindow } from "./vm-window.js";

interface Slice {
  /** Null where nobody asks for peaks. */
  readonly cpu: TopHistory | null;
  readonly memory: TopHistory | null;
  /** What the VM used on the mean in the last windows of the slice, 0 where it was not there. */
  readonly cpuMeans: number[];
  readonly memoryMeans: number[];
}

/** Enough of a window to know it again, without keeping it. */
type Fingerprint = readonly (number | null)[];

/** Plain, for snapshots. */
interface TrackState {
  readonly slices: readonly (readonly [
    slice: number,
    cpu: ReturnType<TopHistory["snapshot"]> | null,
    memory: ReturnType<TopHistory["snapshot"]> | null,
    cpuMeans: readonly number[],
    memoryMeans: readonly number[],
  ])[];
  readonly last: Fingerprint | null;
  readonly seen: number;
  readonly vcpus: number;
  readonly memory: number;
}

/** Sums, and sums by place: lists that differ anywhere hardly have both in common. */
function digest(values: Float64Array): readonly number[] {
  let [sum, byPlace] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    byPlace += (i + 1) * values[i]!;
  }
  return [values.length, sum, byPlace];
}

const fingerprintOf = ({ times, cpuUsage, memoryUsage }: VmWindow): Fingerprint => [
  times.first,
  times.last,
  times.count,
  ...digest(cpuUsage),
  ...digest(memoryUsage),
];

function isConstant(values: Float64Array): boolean {
  for (const value of values) if (value !== values[0]) return false;
  return true;
}

/** Where no times tell, two windows of constant usage are an idle VM rather than a repetition. */
function isRepeated(last: Fingerprint, fingerprint: Fingerprint, { times, cpuUsage, memoryUsage }: VmWindow): boolean {
  if (last.some((value, i) => value !== fingerprint[i])) return false;
  return times.count > 0 || !isConstant(cpuUsage) || !isConstant(memoryUsage);
}

function remember(means: number[], value: number, limit: number): void {
  if (means.length >= limit) means.shift();
  means.push(value);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export class ObservedVmTrack implements VmTrack {
  readonly #slices = new Map<number, Slice>();
  #last: Fingerprint | null = null;
  /** Windows that it was there. */
  #seen = 0;
  #vcpus = 0;
  #memory = 0;

  constructor(private readonly settings: VmTrackSettings) {}

  update(slice: number, window: VmWindow | null): ReturnType<VmTrack["update"]> {
    const state = this.#slice(slice);
    const limit = this.settings.history + 1;
    const fingerprint = window === null ? null : fingerprintOf(window);
    const isGone =
      window === null || (this.#last !== null && fingerprint !== null && isRepeated(this.#last, fingerprint, window));
    if (isGone) {
      remember(state.cpuMeans, 0, limit);
      remember(state.memoryMeans, 0, limit);
      return { cpu: NO_PART, memory: NO_PART, isThere: false };
    }
    this.#last = fingerprint;
    this.#seen += 1;
    this.#vcpus = window.vcpus ?? this.#vcpus;
    this.#memory = window.memory ?? this.#memory;
    const used = window.memoryUsage.length > 0 ? window.memoryUsage : (window.memoryRss ?? window.memoryUsage);
    return {
      cpu: this.#part(this.#vcpus, window.cpuUsage, state.cpu, state.cpuMeans),
      memory: this.#part(this.#memory, used, state.memory, state.memoryMeans),
      isThere: true,
    };
  }

  /** Everything that later windows rest on, as JSON; for `restore`. */
  snapshot(): TrackState {
    const slices = [...this.#slices].map(
      ([slice, { cpu, memory, cpuMeans, memoryMeans }]) =>
        [slice, cpu?.snapshot() ?? null, memory?.snapshot() ?? null, [...cpuMeans], [...memoryMeans]] as const,
    );
    return { slices, last: this.#last, seen: this.#seen, vcpus: this.#vcpus, memory: this.#memory };
  }

  /** Takes up what `snapshot` of a track with the same settings gave, in this or an earlier process. */
  restore({ slices, last, seen, vcpus, memory }: TrackState): void {
    this.#slices.clear();
    for (const [slice, cpu, own, cpuMeans, memoryMeans] of slices) {
      const state = this.#slice(slice);
      state.cpu?.restore(cpu ?? []);
      state.memory?.restore(own ?? []);
      state.cpuMeans.push(...cpuMeans);
      state.memoryMeans.push(...memoryMeans);
    }
    [this.#last, this.#seen, this.#vcpus, this.#memory] = [last, seen, vcpus, memory];
  }

  #slice(slice: number): Slice {
    let state = this.#slices.get(slice);
    if (state === undefined) {
      const { history, peaks, cpuPeakPercentile, memoryPeakPercentile } = this.settings;
      const historyOf = (percent: number): TopHistory | null => (peaks ? new TopHistory(history + 1, percent) : null);
      const histories = { cpu: historyOf(cpuPeakPercentile), memory: historyOf(memoryPeakPercentile) };
      state = { ...histories, cpuMeans: [], memoryMeans: [] };
      this.#slices.set(slice, state);
    }
    return state;
  }

  #part(size: number, used: Float64Array, history: TopHistory | null, means: number[]): VmPart {
    remember(means, used.length === 0 ? 0 : meanOf(used), this.settings.history + 1);
    const isFresh = this.settings.caution && this.#seen <= this.settings.history;
    return {
      booked: size,
      ...this.#peak(size, used, history),
      fresh: isFresh ? size : 0,
      unseen: isFresh ? Math.max(0, size - mean(means)) : 0,
    };
  }

  /** Windows without samples do not fill the history. */
  #peak(size: number, used: Float64Array, history: TopHistory | null): Pick<VmPart, "peak" | "isNumpy"> {
    if (history === null) return { peak: 0, isNumpy: false };
    if (used.length > 0) history.push(used);
    if (!history.isFull) return { peak: size, isNumpy: false };
    return { peak: Math.min(history.percentile(), size), isNumpy: true };
  }
}
