/**
 * Prices worked out in a thread of their own, which is started for each list and ends with it: linear programs and their tables take up to some
 * seconds of a processor, and requests are not to wait for them. It keeps no process alive.
 */
import type { Wanted } from "../../core/placement/learning/demand.js";
import type { SolvePrices } from "../../core/placement/learning/pricing.js";
import type { Worth } from "../../core/placement/weighers/bid/prices.js";
import type { SizedHost } from "../../core/sizing/model.js";
import { inThreads, type StartThread, threadOf } from "../sizing/threads.js";

export interface PriceQuestion {
  readonly wanted: readonly Wanted[];
  readonly host: SizedHost;
}

const startThread: StartThread = threadOf("../cluster/price-thread.js");

/** `start`: replaced in tests. */
export function pricesInThread(start: StartThread = startThread): SolvePrices {
  const startAside: StartThread = () => {
    const thread = start();
    thread.unref();
    return thread;
  };
  return async (wanted, host) => {
    const question = { wanted, host };
    const [worth] = await inThreads<null, PriceQuestion, Worth | null>(
      startAside,
      1,
      null,
      [question],
      () => undefined,
    );
    return worth ?? null;
  };
}
