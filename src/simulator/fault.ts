/**
 * What goes wrong in a simulation, and when: as somebody writes it (`host-down@3600+600:3`), or drawn (`random=12`). Pure. Each fault
 * begins and ends; when the run is over, everything is mended.
 */
import { type Seconds, seconds } from "../core/units.js";
import type { Random } from "../core/workload/random.js";
import { wholeBetween } from "../core/workload/random.js";

export const FAULT_KINDS = [
  /** The machine loses its power; its guests start again when it is back. */
  "host-down",
  /** The agent's process is killed; guests run on. */
  "agent-down",
  /** The agent hangs now and then, and its hypervisor takes its time. */
  "slow-agent",
  /** No message reaches the host, and none of its own arrives. */
  "cut-off",
  /** Requests and answers get lost, come late or twice. */
  "lost-answers",
  /** The scheduler's process is killed, and another one started. */
  "scheduler-down",
  /** The scheduler's store cannot be written. */
  "store-down",
  /** An operator has the host emptied, and opened again. */
  "drain",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly at: Seconds;
  readonly lasts: Seconds;
  /** From 0; null where it meets the scheduler. */
  readonly host: number | null;
}

const OF_THE_SCHEDULER: readonly FaultKind[] = ["scheduler-down", "store-down"];
/** Of those that are drawn, in seconds: from a hiccup to longer than anybody waits. */
const [SHORTEST, LONGEST] = [5, 900];

export interface FaultGround {
  readonly hosts: number;
  readonly end: Seconds;
  readonly random: Random;
}

/** Why the text says no faults. */
export class FaultFormatError extends Error {}

const FORM = /^([a-z-]+)@(\d{1,9})\+(\d{1,7})(?::(\d{1,6}))?$/;

/** A list with commas; in order of time. Throws `FaultFormatError`. */
export function parseFaults(text: string, ground: FaultGround): readonly Fault[] {
  const faults = text.split(",").flatMap((part) => faultsOf(part.trim(), ground));
  return faults.sort((a, b) => a.at - b.at);
}

function faultsOf(part: string, ground: FaultGround): readonly Fault[] {
  const drawn = /^random=(\d{1,6})$/.exec(part);
  if (drawn !== null) return drawnFaults(Number(drawn[1]), ground);
  const match = FORM.exec(part);
  const kind = FAULT_KINDS.find((one) => one === match?.[1]);
  if (match === null || kind === undefined)
    throw new FaultFormatError(
      `"${part}" is no fault; allowed: random=NUMBER, or KIND@SECOND+SECONDS:HOST with KIND one of ${FAULT_KINDS.join(", ")}`,
    );
  const wanted = match[4] === undefined ? null : Number(match[4]);
  if (wanted !== null && wanted >= ground.hosts)
    throw new FaultFormatError(
      `"${part}": there is no host ${wanted}; hosts are numbered from 0 to ${ground.hosts - 1}`,
    );
  const host = OF_THE_SCHEDULER.includes(kind) ? null : (wanted ?? wholeBetween(ground.random, 0, ground.hosts - 1));
  return [{ kind, at: seconds(Number(match[2])), lasts: seconds(Number(match[3])), host }];
}

/** Of all kinds alike, evenly over the time; they last from seconds to minutes, short ones more often. */
export function drawnFaults(count: number, { hosts, end, random }: FaultGround): readonly Fault[] {
  return Array.from({ length: count }, (): Fault => {
    const kind = FAULT_KINDS[wholeBetween(random, 0, FAULT_KINDS.length - 1)]!;
    const host = wholeBetween(random, 0, hosts - 1);
    return {
      kind,
      at: seconds(Math.floor(random() * end)),
      lasts: seconds(Math.round(SHORTEST * (LONGEST / SHORTEST) ** random())),
      host: OF_THE_SCHEDULER.includes(kind) ? null : host,
    };
  });
}
