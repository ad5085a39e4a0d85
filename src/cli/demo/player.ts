/**
 * Plays the hour against an agent through its HTTP interface, in order and on time: a VM that is refused never leaves, a
 * departure that comes while the agent is busy waits its turn. Tells what happened; decides nothing.
 */
import { milliseconds } from "../../core/units.js";
import type { AgentClient } from "../../http/client.js";
import { ProblemError } from "../../http/client-call.js";
import type { Clock } from "../../ports/clock.js";
import { type Arrival, type Departure, describeArrival, type EventLine, type Happening } from "../play/happening.js";
import type { Totals } from "./view.js";
import { HOUR_SECONDS } from "./workload.js";

export interface Played {
  readonly totals: Totals;
  /** Refusals by problem code. */
  readonly refusals: ReadonlyMap<string, number>;
}

export interface PlayOptions {
  readonly client: AgentClient;
  readonly happenings: readonly Happening[];
  /** The host's clock; the hour begins when the play does. */
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onEvent: (event: EventLine, totals: Totals) => void;
}

class Player {
  private readonly running = new Set<string>();
  private readonly refusals = new Map<string, number>();
  private arrived = 0;
  private left = 0;

  constructor(private readonly options: PlayOptions) {}

  get totals(): Totals {
    const refused = [...this.refusals.values()].reduce((sum, count) => sum + count, 0);
    return { arrived: this.arrived, left: this.left, refused };
  }

  get played(): Played {
    return { totals: this.totals, refusals: this.refusals };
  }

  async play(happening: Happening): Promise<void> {
    const event = happening.kind === "arrive" ? await this.arrive(happening) : await this.leave(happening);
    if (event !== null) this.options.onEvent(event, this.totals);
  }

  private async arrive(arrival: Arrival): Promise<EventLine> {
    const { name, vcpus, memoryMiB, ratio, atSeconds } = arrival;
    try {
      await this.options.client.createVm({ name, vcpus, memoryMiB, ratio }, name);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      this.refusals.set(error.code, (this.refusals.get(error.code) ?? 0) + 1);
      return { atSeconds, kind: "refused", text: `${describeArrival(arrival)}  ${error.message}` };
    }
    this.arrived++;
    this.running.add(name);
    return { atSeconds, kind: "arrived", text: describeArrival(arrival) };
  }

  private async leave({ name, atSeconds }: Departure): Promise<EventLine | null> {
    if (!this.running.delete(name)) return null;
    await this.options.client.removeVm(name);
    this.left++;
    return { atSeconds, kind: "left", text: name };
  }
}

/** Resolves when the hour is over, or early when `signal` aborts. Operational failures are thrown. */
export async function playHour(options: PlayOptions): Promise<Played> {
  const { happenings, clock, signal } = options;
  const player = new Player(options);
  const beganMs = clock.monotonic();
  const until = (atSeconds: number): Promise<void> =>
    clock.sleep(milliseconds(Math.max(0, beganMs + atSeconds * 1000 - clock.monotonic())), signal);
  for (const happening of happenings) {
    await until(happening.atSeconds);
    if (signal.aborted) break;
    await player.play(happening);
  }
  await until(HOUR_SECONDS);
  return player.played;
}
