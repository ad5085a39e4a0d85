/**
 * Tells a sink again what it keeps in memory only: soon after it has lost that, as a cluster does with its leader, and now and then in any case, for
 * hosts that it has come to know since. Asking is cheap, so it is asked often; all estimates are told only where they are missing.
 */
import type { Milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import { OperationalError } from "../ports/errors.js";
import type { EstimateSink, HostEstimate } from "../ports/estimates.js";
import type { Courier } from "./courier.js";

export interface ReminderParts {
  readonly sink: EstimateSink;
  readonly courier: Courier;
  /** All that there are. */
  readonly estimates: () => readonly HostEstimate[];
  readonly clock: Clock;
  /** How often the sink is asked. */
  readonly askEvery: Milliseconds;
  /** How often it is told without asking. */
  readonly tellEvery: Milliseconds;
}

/** Until `signal` aborts. */
export async function remind(parts: ReminderParts, signal: AbortSignal): Promise<void> {
  const { courier, estimates, clock, askEvery, tellEvery } = parts;
  let toldAt = clock.monotonic();
  while (!signal.aborted) {
    await clock.sleep(askEvery, signal);
    const lacks = !signal.aborted && (await isLacking(parts, signal));
    if (!lacks && clock.monotonic() - toldAt < tellEvery) continue;
    toldAt = clock.monotonic();
    courier.offer(estimates().filter(({ validUntil }) => validUntil > clock.now()));
    // It has just answered: there is nothing to wait for.
    if (lacks) courier.hurry();
  }
}

/** A sink that does not answer is the courier's to tell of. */
async function isLacking({ sink }: ReminderParts, signal: AbortSignal): Promise<boolean> {
  try {
    return (await sink.isLacking?.(signal)) ?? false;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return false;
  }
}
