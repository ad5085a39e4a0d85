/**
 * Moves under way from this host. They last for minutes, so they run beside the queue, and only what follows from their end
 * goes through it (send.ts). What is remembered here is lost with the process; the journal's task is not.
 */
import type { Milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { Hypervisor, MigrationTarget } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import type { SendTask } from "../state.js";

interface Departure {
  readonly stop: AbortController;
  /** Null while it is under way; then why it failed, or the empty text. */
  outcome: string | null;
  ended: Promise<void>;
}

export class Departures {
  private readonly known = new Map<string, Departure>();

  constructor(
    private readonly hypervisor: Hypervisor,
    private readonly clock: Clock,
    private readonly log: Log,
    /** A guest that writes to its memory faster than the network carries it would be on its way for ever. */
    private readonly patience: Milliseconds,
    /** Something has ended: it is to be settled. */
    private readonly wake: () => void,
  ) {}

  begin({ name, uuid }: SendTask, target: MigrationTarget): void {
    const departure: Departure = { stop: new AbortController(), outcome: null, ended: Promise.resolve() };
    this.known.set(uuid, departure);
    departure.ended = this.run(name, uuid, target, departure);
  }

  isUnderWay({ uuid }: SendTask): boolean {
    return this.known.get(uuid)?.outcome === null;
  }

  /** Ends it if it is under way; the guest stays, unless it had all but gone. */
  async stop({ uuid }: SendTask): Promise<void> {
    const departure = this.known.get(uuid);
    departure?.stop.abort();
    await departure?.ended;
  }

  async stopAll(): Promise<void> {
    for (const { stop } of this.known.values()) stop.abort();
    await Promise.all([...this.known.values()].map(({ ended }) => ended));
  }

  /** Why it failed; null: this process has not followed it to its end. Forgets it. */
  take({ uuid }: SendTask): string | null {
    const departure = this.known.get(uuid);
    this.known.delete(uuid);
    return departure?.outcome || null;
  }

  private async run(name: string, uuid: string, target: MigrationTarget, departure: Departure): Promise<void> {
    const done = new AbortController();
    let late = false;
    void this.clock.sleep(this.patience, done.signal).then(() => {
      late = !done.signal.aborted;
      departure.stop.abort();
    });
    try {
      await this.hypervisor.migrate(name, uuid, target, departure.stop.signal);
      departure.outcome = "";
    } catch (error) {
      if (!(error instanceof OperationalError)) this.log.error({ err: error, vm: name }, "a move failed on a bug");
      const reason = error instanceof Error ? error.message : String(error);
      departure.outcome = late ? `it was not across within ${this.patience / 1000} s (${reason})` : reason;
    } finally {
      done.abort();
      this.wake();
    }
  }
}
