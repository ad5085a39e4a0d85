/** Lets faults begin and end in a cluster, and mends everything. Pure decisions about them: fault.ts. */
import type { Random } from "../core/workload/random.js";
import { OperationalError } from "../ports/errors.js";
import { NotLeader, type SchedulerService } from "../scheduler/service.js";
import type { SimulatedCluster } from "./cluster.js";
import type { Fault, FaultKind } from "./fault.js";
import { DEADLINE_MS, type Fate, FINE } from "./link.js";
import type { Machine } from "./machine.js";

/** Part of the messages that something happens to while answers get lost. */
const LOST_SHARE = 0.3;
/** How late a message may come: later than its sender waits. */
const LATEST_MS = 20_000;
/** Of a hypervisor that is slow: each call. */
const SLOW_CALL_MS = 400;

export class Trouble {
  /** How many faults of each kind lie on each machine now; null: on the scheduler. */
  private readonly lying = new Map<string, number>();

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly random: Random,
  ) {}

  begin({ kind, host }: Fault): void {
    if (this.count(kind, host, 1) > 1) return;
    if (host === null) this.meetScheduler(kind);
    else this.meet(kind, this.cluster.machines[host]!);
  }

  end({ kind, host }: Fault): void {
    if (this.count(kind, host, -1) > 0) return;
    if (host === null) this.mendScheduler(kind);
    else this.mend(kind, this.cluster.machines[host]!);
  }

  /** Everything is in order from now on; what was under way goes on. */
  mendAll(): void {
    this.lying.clear();
    this.mendScheduler("store-down");
    this.mendScheduler("scheduler-down");
    for (const machine of this.cluster.machines)
      for (const kind of ["host-down", "agent-down", "slow-agent", "cut-off", "lost-answers", "drain"] as const)
        this.mend(kind, machine);
  }

  private count(kind: FaultKind, host: number | null, by: 1 | -1): number {
    const key = `${kind} ${host}`;
    const now = Math.max(0, (this.lying.get(key) ?? 0) + by);
    this.lying.set(key, now);
    return now;
  }

  private meetScheduler(kind: FaultKind): void {
    if (kind === "store-down") this.cluster.core.usualFault = "unreachable";
    else this.cluster.killScheduler();
  }

  private mendScheduler(kind: FaultKind): void {
    if (kind === "store-down") this.cluster.core.usualFault = "fine";
    else if (!this.cluster.schedulerRuns) this.cluster.startScheduler();
  }

  private meet(kind: FaultKind, machine: Machine): void {
    if (kind === "host-down") machine.losePower();
    else if (kind === "agent-down") machine.kill();
    else if (kind === "cut-off") machine.reachable = false;
    else if (kind === "lost-answers") machine.usualFate = () => this.lostFate();
    else if (kind === "slow-agent") {
      machine.usualFate = () => ({ kind: "slow", delayMs: this.upTo(2 * DEADLINE_MS) });
      machine.hypervisor.faults.delay("any", SLOW_CALL_MS);
    } else this.order((scheduler) => scheduler.drain(machine.name));
  }

  private mend(kind: FaultKind, machine: Machine): void {
    if (kind === "host-down") machine.regainPower();
    else if (kind === "cut-off") machine.reachable = true;
    else if (kind === "lost-answers" || kind === "slow-agent") machine.usualFate = () => FINE;
    else if (kind === "drain") this.order((scheduler) => scheduler.uncordon(machine.name));
    if (kind === "slow-agent") machine.hypervisor.faults.clear();
    if ((kind === "host-down" || kind === "agent-down") && machine.agent === null) this.cluster.startAgent(machine);
  }

  /** An operator's, who asks once. */
  private order(what: (scheduler: SchedulerService) => Promise<unknown>): void {
    const leader = this.cluster.leader();
    if (leader === null) return;
    what(leader).catch((error: unknown) => {
      if (!(error instanceof NotLeader) && !(error instanceof OperationalError)) this.cluster.failures.push(error);
    });
  }

  private lostFate(): Fate {
    if (this.random() >= LOST_SHARE) return FINE;
    const delayMs = this.upTo(LATEST_MS);
    const fates: readonly Fate[] = [
      { kind: "lost-request" },
      { kind: "lost-answer" },
      { kind: "refused-connection" },
      { kind: "late", delayMs },
      { kind: "twice", delayMs },
    ];
    return fates[Math.floor(this.random() * fates.length)]!;
  }

  private upTo(ms: number): number {
    return 1 + Math.floor(this.random() * ms);
  }
}
