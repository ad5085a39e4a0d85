/**
 * A VM as the seed follows it, errors included (spec 5.6): a VM whose statistics are those of its window before has "ended" for
 * ever, one that is not on the host keeps its old windows and goes on counting, and one without memory samples counts nothing.
 * Equality is of six statistics; they are taken one after the other, the cheap ones first, and mostly the first one settles it.
 */
import { aggregated, aggregatedCount, deviationOf, meanOf, percentileOf, sorted } from "./statistics.js";
import { TopHistory } from "./top-history.js";
import { NO_PART, type VmPart, type VmTrack, type VmWindow } from "./vm-window.js";

/** The seed's, whatever percentiles it is asked for. */
const CPU_PEAK = 99;
const MEMORY_PEAK = 100;
/** Of indicators of contention. */
const STRAIN_RANK = 90;

/** What equality looks at: the mean of its CPU usage, and all the rest where that is the same. */
interface Seen {
  readonly cpuMean: number;
  readonly window: VmWindow;
}

interface Slice {
  readonly cpu: TopHistory;
  readonly memory: TopHistory;
  windows: number;
  last: Seen | null;
  vcpus: number;
  memorySize: number;
  ended: boolean;
}

/** NaN stands for what is not told, and is equal to itself. */
const same = (one: number, other: number): boolean => one === other || (Number.isNaN(one) && Number.isNaN(other));

function kept(window: VmWindow, spare: VmWindow | null): VmWindow {
  if (window.kept !== undefined) return window.kept(spare);
  const { cpuUsage, memoryUsage, memoryRss, schedBusy, pageFaults } = window;
  return {
    ...window,
    cpuUsage: cpuUsage.slice(),
    memoryUsage: memoryUsage.slice(),
    memoryRss: memoryRss?.slice() ?? null,
    schedBusy: schedBusy.slice(),
    pageFaults: pageFaults.slice(),
  };
}

export class SeedVmTrack implements VmTrack {
  readonly #slices = new Map<number, Slice>();

  constructor(
    private readonly history: number,
    private readonly aggregation: number,
    private readonly peaks: boolean,
  ) {}

  update(slice: number, window: VmWindow | null): ReturnType<VmTrack["update"]> {
    const state = this.#slice(slice);
    const isAdded = window !== null && this.#add(state, window);
    return {
      cpu: this.#cpu(state, isAdded ? (window.vcpus ?? 0) : 0),
      memory: this.#memory(state, isAdded ? (window.memory ?? 0) : 0),
      isThere: isAdded,
    };
  }

  #slice(slice: number): Slice {
    let state = this.#slices.get(slice);
    if (state === undefined) {
      const limit = this.history + 1;
      const histories = { cpu: new TopHistory(limit, CPU_PEAK), memory: new TopHistory(limit, MEMORY_PEAK) };
      state = { ...histories, windows: 0, last: null, vcpus: 0, memorySize: 0, ended: false };
      this.#slices.set(slice, state);
    }
    return state;
  }

  #add(state: Slice, window: VmWindow): boolean {
    const cpuMean = meanOf(this.#aggregated(window.cpuUsage));
    if (state.last !== null && same(state.last.cpuMean, cpuMean) && this.#isEqual(state.last.window, window, cpuMean)) {
      state.ended = true;
      return false;
    }
    state.last = { cpuMean, window: kept(window, state.last?.window ?? null) };
    state.vcpus = window.vcpus ?? 0;
    state.memorySize = window.memory ?? 0;
    state.windows = Math.min(state.windows + 1, this.history + 1);
    if (this.peaks) {
      state.cpu.push(window.cpuUsage);
      state.memory.push(window.memoryUsage);
    }
    return true;
  }

  #aggregated(values: Float64Array): Float64Array {
    return aggregated(values, this.aggregation);
  }

  /** Of windows whose means of CPU usage are equal. */
  #isEqual(last: VmWindow, now: VmWindow, cpuMean: number): boolean {
    const deviation = ({ cpuUsage }: VmWindow): number => deviationOf(this.#aggregated(cpuUsage), cpuMean);
    const memory = ({ memoryRss, memoryUsage }: VmWindow): number => meanOf(this.#aggregated(memoryRss ?? memoryUsage));
    const values = ({ times }: VmWindow): number => aggregatedCount(times.count, this.aggregation);
    return (
      same(deviation(last), deviation(now)) &&
      same(memory(last), memory(now)) &&
      values(last) === values(now) &&
      same(this.#strain(last.pageFaults, "sum"), this.#strain(now.pageFaults, "sum")) &&
      same(this.#strain(last.schedBusy, "mean"), this.#strain(now.schedBusy, "mean"))
    );
  }

  #strain(values: Float64Array, how: "sum" | "mean"): number {
    return percentileOf(sorted(aggregated(values, this.aggregation, how)), STRAIN_RANK);
  }

  #cpu(state: Slice, booked: number): VmPart {
    if (!this.peaks || state.ended || state.cpu.count === 0) return { ...NO_PART, booked };
    const size = state.vcpus;
    const peak = state.windows > this.history ? state.cpu.percentile() * size : size;
    return { ...NO_PART, booked, peak: Math.min(peak, size), isNumpy: state.windows > this.history && peak <= size };
  }

  #memory(state: Slice, booked: number): VmPart {
    if (!this.peaks || state.ended || state.memory.count === 0) return { ...NO_PART, booked };
    const isFull = state.windows > this.history;
    return { ...NO_PART, booked, peak: isFull ? state.memory.percentile() : state.memorySize, isNumpy: isFull };
  }
}
