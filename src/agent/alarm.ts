/**
 * When the next tick is due: after the interval, or earlier when something happened, but never sooner after the last one
 * than a gap, so that a burst of events costs one tick.
 */
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";

export class Alarm {
  private sleeping: AbortController | null = null;
  private early = false;

  constructor(
    private readonly clock: Clock,
    private readonly interval: Milliseconds,
    private readonly gap: Milliseconds,
  ) {}

  /** Ends the present wait, or shortens the next one. */
  ring(): void {
    this.early = true;
    this.sleeping?.abort();
  }

  /** Resolves when the next tick is due, or when `signal` aborts. `lastTick`: monotonic time of the last one's end. */
  async wait(lastTick: Milliseconds, signal: AbortSignal): Promise<void> {
    if (!this.early) await this.sleepUntil(lastTick + this.interval, signal, true);
    await this.sleepUntil(lastTick + this.gap, signal, false);
    // The tick that follows sees everything that rang up to now.
    this.early = false;
  }

  private async sleepUntil(due: number, signal: AbortSignal, canBeRung: boolean): Promise<void> {
    const duration = due - this.clock.monotonic();
    if (duration <= 0 || signal.aborted) return;
    const controller = new AbortController();
    const stop = () => controller.abort();
    signal.addEventListener("abort", stop, { once: true });
    if (canBeRung) this.sleeping = controller;
    await this.clock.sleep(milliseconds(duration), controller.signal);
    this.sleeping = null;
    signal.removeEventListener("abort", stop);
  }
}
