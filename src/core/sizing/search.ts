/**
 * The smallest number of hosts with which a pass takes every VM. Searched upwards, the whole pass repeated with each number, since with
 * more hosts a policy may refuse what it took with fewer. Several policies: the number counts with which one of them
 * takes all. In large clusters upwards in steps, and by bisection within the last: then it is a number that suffices, one less than
 * which does not.
 */
import { assert } from "../assert.js";
import type { SizedHost, VmColumns } from "./model.js";
import { type MakeRoom, type Pass, type Policy, runPass } from "./run.js";

export interface Fewest {
  readonly hosts: number;
  readonly pass: Pass;
  /** Place of the policy that takes all. */
  readonly policy: number;
}

/** Up to so many hosts every number is tried. */
const EVERY_NUMBER = 400;
const STEPS = 200;

export interface SearchOptions {
  readonly vms: VmColumns;
  readonly shape: SizedHost;
  readonly policies: readonly Policy[];
  /** A lower bound: nothing below is tried. */
  readonly from: number;
  readonly makeRoom?: MakeRoom | null;
}

export function fewestHosts({ vms, shape, policies, from, makeRoom = null }: SearchOptions): Fewest {
  const attempt = (hosts: number): Fewest | null => {
    for (const [place, policy] of policies.entries()) {
      const pass = runPass(vms, shape, hosts, policy, makeRoom);
      if (pass.refused === null) return { hosts, pass, policy: place };
    }
    return null;
  };
  const step = from <= EVERY_NUMBER ? 1 : Math.ceil(from / STEPS);
  for (let hosts = from; ; hosts += step) {
    assert(hosts <= vms.count + step, "a host for each VM takes every VM");
    const found = attempt(hosts);
    if (found !== null) return step === 1 ? found : bisect(attempt, Math.max(from - 1, hosts - step), found);
  }
}

function bisect(attempt: (hosts: number) => Fewest | null, tooFew: number, enough: Fewest): Fewest {
  let [low, best] = [tooFew, enough];
  while (best.hosts - low > 1) {
    const half = (low + best.hosts) >> 1;
    const found = attempt(half);
    if (found === null) low = half;
    else best = found;
  }
  return best;
}
