/** What the demonstration's screen shows, as plain values: taken from the agent's answers, drawn by frame.ts. */
import { parseCpuSet } from "../../core/cpuset.js";
import type { TopologyIndex } from "../../core/topology/model.js";
import type { HostAnswer } from "../../http/schemas/answers.js";
import type { EventLine } from "../play/happening.js";

export interface Totals {
  readonly arrived: number;
  readonly left: number;
  readonly refused: number;
}

export interface Moment {
  readonly atSeconds: number;
  /** pCPUs of each pool, by ratio. */
  readonly sizes: ReadonlyMap<number, number>;
}

export interface DemoView {
  readonly url: string;
  readonly index: TopologyIndex;
  readonly atSeconds: number;
  readonly speed: number;
  readonly host: HostAnswer;
  /** Ratios seen so far, ascending: a pool keeps its colour when others come and go. */
  readonly ratios: readonly number[];
  /** Pool sizes over the hour so far, in order of time. */
  readonly history: readonly Moment[];
  /** Newest last. */
  readonly events: readonly EventLine[];
  readonly totals: Totals;
}

/** For each position in topology order, the place of its pool in `ratios`, or -1 when free. */
export function poolOfPositions(view: DemoView): Int16Array {
  const places = new Int16Array(view.index.ids.length).fill(-1);
  for (const pool of view.host.pools) {
    const place = view.ratios.indexOf(pool.ratio);
    for (const id of parseCpuSet(pool.pcpus)) {
      const position = view.index.positionOf.get(id);
      if (position !== undefined) places[position] = place;
    }
  }
  return places;
}

/** `07:05` of the simulated hour. */
export function formatClock(atSeconds: number): string {
  const whole = Math.floor(atSeconds);
  return `${String(Math.floor(whole / 60)).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}
