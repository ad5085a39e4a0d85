/** Periods that a lease may have: etcd grants none below its election timeout, and a silent host should be noticed. */
import { assert } from "../../core/assert.js";

export const SHORTEST_PERIOD_SECONDS = 2;
const LONGEST_PERIOD_SECONDS = 3_600;

export function checkPeriod(seconds: number): void {
  const whole = Number.isInteger(seconds) && seconds >= SHORTEST_PERIOD_SECONDS && seconds <= LONGEST_PERIOD_SECONDS;
  assert(
    whole,
    `a lease of ${seconds} s; whole seconds from ${SHORTEST_PERIOD_SECONDS} to ${LONGEST_PERIOD_SECONDS} are allowed`,
  );
}
