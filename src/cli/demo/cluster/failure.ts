/**
 * The failure in the demonstration's hour: one host's agent ends in the middle, and another is started on it later. Watches,
 * through the scheduler's interface, what the cluster makes of it. Decides nothing.
 */
import { plural } from "../../../core/plural.js";
import { milliseconds } from "../../../core/units.js";
import type { Clock } from "../../../ports/clock.js";
import type { HostState } from "../../../scheduler/service.js";
import { HOUR_SECONDS } from "../workload.js";
import type { LiveMachine } from "./machines.js";
import type { Failure } from "./story.js";
import type { ClusterWatch } from "./watch.js";

/** Shares of the hour. Between them is more than the silence that makes a host down (run-cluster.ts). */
const [FAILS_AT, RETURNS_AT] = [0.35, 0.65];
/** On a machine that is too busy the host returns later, but while there is time to see it. */
const RETURNS_BY = 0.9;
/** Of the simulated hour: a quarter of a second at the usual speed. */
const LOOK_SECONDS = 15;

interface FailureOptions {
  readonly machines: readonly LiveMachine[];
  readonly watch: ClusterWatch;
  /** Of the simulated hour. */
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Of the machines that have VMs the middle one: what it leaves to the others is seen, and fits. */
function middling(machines: readonly LiveMachine[], vmCounts: ReadonlyMap<string, number>): LiveMachine {
  const countOf = ({ name }: LiveMachine): number => vmCounts.get(name) ?? 0;
  const busy = machines.filter((machine) => countOf(machine) > 0).sort((a, b) => countOf(b) - countOf(a));
  return busy[Math.floor(busy.length / 2)] ?? machines[0]!;
}

/** Null when the play was ended before the host failed. */
export async function playFailure({ machines, watch, clock, signal }: FailureOptions): Promise<Failure | null> {
  const beganMs = clock.monotonic();
  const until = (share: number): Promise<void> =>
    clock.sleep(milliseconds(Math.max(0, beganMs + share * HOUR_SECONDS * 1000 - clock.monotonic())), signal);
  const passed = (sinceMs: number): number => (clock.monotonic() - sinceMs) / watch.speed / 1000;
  await until(FAILS_AT);
  if (signal.aborted) return null;
  const machine = middling(machines, await watch.vmCounts());
  /** Wall seconds since `sinceMs` when the host was first seen in one of the states; null: the time was over before. */
  const seen = async (states: readonly HostState[], sinceMs: number, before: number): Promise<number | null> => {
    while (!signal.aborted && clock.monotonic() < beganMs + before * HOUR_SECONDS * 1000) {
      if (states.includes((await watch.hostState(machine.name)).state)) return passed(sinceMs);
      await clock.sleep(milliseconds(LOOK_SECONDS * 1000), signal);
    }
    return null;
  };
  const { vmCount: vmsBefore } = await watch.hostState(machine.name);
  const deployedBefore = watch.tallyOf().deployed;
  const failedMs = clock.monotonic();
  watch.tell(`${machine.name}  its agent dies with ${plural(vmsBefore, "VM")} on the host`, "suspect");
  await machine.fail();
  const suspectSeconds = await seen(["suspect", "down"], failedMs, RETURNS_BY);
  const downSeconds = await seen(["down"], failedMs, RETURNS_BY);
  const vmsWhileDown = downSeconds === null ? null : (await watch.hostState(machine.name)).vmCount;
  if (downSeconds !== null) watch.tell(await watch.explain(machine.name), null);
  await until(RETURNS_AT);
  const elsewhere = watch.tallyOf().deployed - deployedBefore;
  const startedMs = clock.monotonic();
  await machine.comeBack();
  const backSeconds = await seen(["up"], startedMs, 1);
  return { host: machine.name, vmsBefore, vmsWhileDown, elsewhere, suspectSeconds, downSeconds, backSeconds };
}
