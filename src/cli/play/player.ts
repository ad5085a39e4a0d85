/**
 * Plays a workload against a scheduler through its HTTP interface, each VM on time and none waiting for another: a host that
 * does not answer holds up only what is asked of it. A VM whose host is silent leaves once the host is back.
 */
import { once } from "node:events";
import { type Milliseconds, milliseconds } from "../../core/units.js";
import { ProblemError } from "../../http/client-call.js";
import type { SchedulerApiClient } from "../../http/scheduler/client.js";
import type { Clock } from "../../ports/clock.js";
import { joined } from "../../ports/signals.js";
import { type Arrival, type Departure, describeArrival, type EventLine, type Happening } from "./happening.js";

/** What was asked of the scheduler so far, and what became of it. */
export interface Tally {
  readonly deployed: number;
  readonly removed: number;
  /** Departures that wait for their host to come back. */
  readonly waiting: number;
  /** Refusals by problem code. */
  readonly refusals: ReadonlyMap<string, number>;
  /** Mean wall time of a deploy that was done, by HTTP from end to end; null before the first. */
  readonly deployMs: number | null;
}

export function refusalsText({ refusals }: Tally): string {
  const total = [...refusals.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return "0 refused";
  return `${total} refused (${[...refusals].map(([code, count]) => `${count} ${code}`).join(", ")})`;
}

/** `7 removed, 2 wait for their host, 1 refused (1 no-host-fits)`. */
export function leavingsText(tally: Tally): string {
  const wait = tally.waiting > 0 ? `, ${tally.waiting} wait for their host` : "";
  return `${tally.removed} removed${wait}, ${refusalsText(tally)}`;
}

interface PlayOptions {
  readonly client: Pick<SchedulerApiClient, "createVm" | "removeVm">;
  /** In order of time. */
  readonly happenings: Iterable<Happening>;
  /** When the play is over. */
  readonly endSeconds: number;
  /** Of the workload's time, which begins when the play does. */
  readonly clock: Clock;
  /** The machine's. */
  readonly wallClock: Clock;
  readonly signal: AbortSignal;
  /** How long requests under way may still take when the play is over; null: as long as the client waits. */
  readonly lastWordsMs: Milliseconds | null;
  readonly onEvent: (event: EventLine) => void;
}

/** Between two attempts to remove a VM of a silent host. */
const RETRY_MS = milliseconds(500);

export class ClusterPlayer {
  private readonly arrivals = new Map<string, Promise<boolean>>();
  private readonly underWay = new Set<Promise<void>>();
  private readonly refusals = new Map<string, number>();
  private readonly waiting = new Set<string>();
  private readonly over = new AbortController();
  private readonly ended: AbortSignal;
  private deployed = 0;
  private removed = 0;
  private deployingMs = 0;

  constructor(private readonly options: PlayOptions) {
    this.ended = joined(this.over.signal, options.signal).signal;
  }

  get tally(): Tally {
    const { deployed, removed, waiting, refusals, deployingMs } = this;
    return {
      deployed,
      removed,
      waiting: waiting.size,
      refusals,
      deployMs: deployed === 0 ? null : deployingMs / deployed,
    };
  }

  /** Resolves when the play is over and what it asked is answered (`lastWordsMs`), or early when `signal` aborts. */
  async play(): Promise<void> {
    const { happenings, clock, signal } = this.options;
    const beganMs = clock.monotonic();
    const until = (atSeconds: number): Promise<void> =>
      clock.sleep(milliseconds(Math.max(0, beganMs + atSeconds * 1000 - clock.monotonic())), signal);
    const retries = this.retry();
    for (const happening of happenings) {
      await until(happening.atSeconds);
      if (signal.aborted) break;
      this.begin(happening);
    }
    await until(this.options.endSeconds);
    this.over.abort();
    await Promise.race([Promise.all([...this.underWay, retries]), this.patience()]);
  }

  /** Resolves when nobody waits any longer for the answers that are due. */
  private async patience(): Promise<void> {
    const { wallClock, signal, lastWordsMs } = this.options;
    if (lastWordsMs !== null) await wallClock.sleep(lastWordsMs);
    else if (!signal.aborted) await once(signal, "abort");
  }

  private begin(happening: Happening): void {
    if (happening.kind === "arrive") {
      const arrival = this.arrive(happening);
      this.arrivals.set(happening.name, arrival);
      this.track(arrival.then(() => undefined));
    } else this.track(this.leave(happening));
  }

  private track(work: Promise<void>): void {
    const done = work.finally(() => this.underWay.delete(done));
    this.underWay.add(done);
  }

  private async arrive(arrival: Arrival): Promise<boolean> {
    const { client, wallClock, onEvent } = this.options;
    const { name, vcpus, memoryMiB, ratio, atSeconds } = arrival;
    const askedMs = wallClock.monotonic();
    try {
      const vm = await client.createVm({ name, vcpus, memoryMiB, ratio }, name);
      this.deployed++;
      this.deployingMs += wallClock.monotonic() - askedMs;
      onEvent({ atSeconds, kind: "arrived", text: `${describeArrival(arrival)}  on ${vm.host}` });
      return true;
    } catch (error) {
      const { code, message } = failureOf(error);
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
      onEvent({ atSeconds, kind: "refused", text: `${describeArrival(arrival)}  ${shortened(message)}` });
      return false;
    }
  }

  private async leave({ name, atSeconds }: Departure): Promise<void> {
    if (!(await this.arrivals.get(name))) return;
    if (await this.tryRemove(name)) this.options.onEvent({ atSeconds, kind: "left", text: name });
    else this.waiting.add(name);
  }

  /** Asks again for those that could not leave, until the play is over. */
  private async retry(): Promise<void> {
    const { wallClock } = this.options;
    while (!this.ended.aborted) {
      await Promise.all(
        [...this.waiting].map(async (name) => (await this.tryRemove(name)) && this.waiting.delete(name)),
      );
      await wallClock.sleep(RETRY_MS, this.ended);
    }
  }

  private async tryRemove(name: string): Promise<boolean> {
    try {
      await this.options.client.removeVm(name);
      this.removed++;
      return true;
    } catch (error) {
      // Its host does not answer now; anything else would be no better the next time.
      return failureOf(error).code !== "agent-unreachable";
    }
  }
}

/** `no host fits: memory 5, state 1` of the scheduler's sentence, which says the same for a cluster of any size. */
const shortened = (message: string): string => message.replace(/^.*none takes it \((.*)\)$/, "no host fits: $1");

function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof ProblemError) return error;
  const { code, message } = error as { code?: string; message?: string };
  return { code: code ?? "failed", message: message ?? String(error) };
}
