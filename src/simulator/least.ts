/**
 * The smallest number of hosts on which nobody is refused. It is searched upwards from a guess in widening steps, then between the last that
 * failed and the first that did not. A run that refuses ends there. That more hosts always suffice where fewer do is assumed.
 */

import type { SimulationOptions } from "./options.js";
import { type Sink, type Summary, simulate } from "./simulate.js";

const SILENT: Sink = { event: () => undefined, sample: () => undefined, progress: () => undefined };

export interface LeastHosts {
  readonly hosts: number;
  readonly summary: Summary;
  readonly runs: number;
}

/** `optionsFor`: of a run with so many hosts. `tried`: told of each number, and whether it sufficed. `known`: so many are known to be too few. */
export async function leastHosts(
  guess: number,
  optionsFor: (hosts: number) => SimulationOptions,
  tried: (hosts: number, suffices: boolean) => void = () => undefined,
  known = 0,
): Promise<LeastHosts> {
  let runs = 0;
  const attempt = async (hosts: number): Promise<Summary | null> => {
    runs++;
    const summary = await simulate({ ...optionsFor(hosts), untilRefused: true }, SILENT);
    tried(hosts, summary.refused === 0);
    return summary.refused === 0 ? summary : null;
  };
  let [tooFew, enough] = [known, Math.max(1, guess)];
  let best = await attempt(enough);
  for (let step = 1; best === null; step *= 2) {
    tooFew = enough;
    enough += step;
    best = await attempt(enough);
  }
  // The guess may have been too high: downwards in the same way.
  for (let step = 1; tooFew === 0 && enough > 1; step *= 2) {
    const fewer = Math.max(1, enough - step);
    const summary = await attempt(fewer);
    if (summary === null) tooFew = fewer;
    else [enough, best] = [fewer, summary];
  }
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    const summary = await attempt(middle);
    if (summary === null) tooFew = middle;
    else [enough, best] = [middle, summary];
  }
  return { hosts: enough, summary: best, runs };
}
