/**
 * The way from a scheduler to an agent, in one process: the real agent behind the scheduler's client port, and a network that loses
 * requests and answers, delivers late or twice, and is slow.
 */
import type { Agent } from "../agent/agent.js";
import type { VmView } from "../agent/service.js";
import { parseCpuSet } from "../core/cpuset.js";
import type { Refusal, Result } from "../core/result.js";
import { milliseconds } from "../core/units.js";
import type {
  AgentClient,
  ChangeOutcome,
  NoAnswer,
  ReportedVm,
  ReportOutcome,
  RevokeOutcome,
  VmOutcome,
} from "../ports/agent-client.js";
import type { Clock } from "../ports/clock.js";
import { OperationalError } from "../ports/errors.js";

export const DEADLINE_MS = 2_000;

export type Fate =
  | { readonly kind: "fine" }
  | { readonly kind: "lost-request" }
  | { readonly kind: "lost-answer" }
  | { readonly kind: "refused-connection" }
  /** Given up by the caller, and delivered all the same. */
  | { readonly kind: "late"; readonly delayMs: number }
  /** Delivered and answered, and once more later. */
  | { readonly kind: "twice"; readonly delayMs: number }
  | { readonly kind: "slow"; readonly delayMs: number };

export const FINE: Fate = { kind: "fine" };

const unanswered = (reason: string, notSent = false): NoAnswer => ({ kind: "unanswered", reason, notSent });

const never = <T>(): Promise<T> => new Promise(() => undefined);

/** One link to one agent. `agent`: as it is when the message arrives; null: its process is down. */
export class Link implements AgentClient {
  constructor(
    private readonly clock: Clock,
    private readonly agent: () => Agent | null,
    private readonly fateOf: () => Fate,
  ) {}

  deploy(request: Parameters<AgentClient["deploy"]>[0]): Promise<ChangeOutcome> {
    return this.pass((agent) => changed(agent, agent.deploy(request)));
  }

  remove({ name, uuid, ...rest }: Parameters<AgentClient["remove"]>[0]): Promise<ChangeOutcome> {
    return this.pass((agent) => changed(agent, agent.remove(name, { ...rest, ...(uuid === null ? {} : { uuid }) })));
  }

  resize({ uuid, ...rest }: Parameters<AgentClient["resize"]>[0]): Promise<ChangeOutcome> {
    return this.pass((agent) => changed(agent, agent.resize({ ...rest, ...(uuid === null ? {} : { uuid }) })));
  }

  receive(request: Parameters<AgentClient["receive"]>[0]): Promise<ChangeOutcome> {
    return this.pass((agent) => changed(agent, agent.receive(request)));
  }

  send({ pins, ...rest }: Parameters<AgentClient["send"]>[0]): Promise<ChangeOutcome> {
    return this.pass((agent) => changed(agent, agent.send({ ...rest, pins: pins.map(parseCpuSet) })));
  }

  revoke(request: Parameters<AgentClient["revoke"]>[0]): Promise<RevokeOutcome> {
    return this.pass(async (agent): Promise<RevokeOutcome> => {
      const result = await agent.revoke(request);
      if (!result.ok) return notDone(result);
      const { outcome, vm } = result.value;
      const status = agent.hostStatus();
      const reported = vm === null ? null : reportedVm(agent, vm);
      return outcome === "done"
        ? { kind: "done", vm: reported, view: vm, status }
        : { kind: "revoked", vm: reported, status };
    });
  }

  vm(name: string, epoch: number): Promise<VmOutcome> {
    return this.pass(async (agent): Promise<VmOutcome> => {
      const result = await agent.look(name, epoch);
      const status = agent.hostStatus();
      if (result.ok) return { kind: "vm", vm: reportedVm(agent, result.value), view: result.value, status };
      return result.refusal.code === "unknown-vm" ? { kind: "vm", vm: null, view: null, status } : notDone(result);
    });
  }

  report(tag: string | null): Promise<ReportOutcome> {
    return this.pass(
      async (agent): Promise<ReportOutcome> =>
        tag === agent.tag() ? { kind: "unchanged" } : { kind: "report", report: agent.hostReport() },
    );
  }

  private async pass<T>(work: (agent: Agent) => Promise<T | NoAnswer>): Promise<T | NoAnswer> {
    const fate = this.fateOf();
    if (fate.kind === "refused-connection") return unanswered("connection refused", true);
    const deadline = new AbortController();
    const patience = this.giveUp(deadline.signal);
    if (fate.kind === "lost-request") return patience;
    if (fate.kind === "late") {
      void this.deliver(work, fate.delayMs);
      return patience;
    }
    if (fate.kind === "twice") void this.deliver(work, fate.delayMs);
    const answer = this.deliver(work, fate.kind === "slow" ? fate.delayMs : 0);
    const heard = fate.kind === "lost-answer" ? never<T>() : answer;
    try {
      return await Promise.race([heard, patience]);
    } finally {
      deadline.abort();
    }
  }

  private async giveUp(signal: AbortSignal): Promise<NoAnswer> {
    await this.clock.sleep(milliseconds(DEADLINE_MS), signal);
    return unanswered(`no answer within ${DEADLINE_MS} ms`);
  }

  private async deliver<T>(work: (agent: Agent) => Promise<T>, delayMs: number): Promise<T | NoAnswer> {
    if (delayMs > 0) await this.clock.sleep(milliseconds(delayMs));
    const agent = this.agent();
    if (agent === null) return never();
    try {
      return await work(agent);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: "failed", code: error.code, reason: error.message };
    }
  }
}

async function changed(agent: Agent, change: Promise<Result<VmView>>): Promise<ChangeOutcome> {
  const result = await change;
  if (result.ok) return { kind: "accepted", vm: result.value, status: agent.hostStatus() };
  if (result.refusal.code === "stale-leader") return notDone(result);
  return { kind: "refused", refusal: result.refusal, status: agent.hostStatus() };
}

function notDone({ refusal }: { readonly refusal: Refusal }): NoAnswer {
  return refusal.code === "stale-leader"
    ? { kind: "stale-leader", reason: refusal.reason, epoch: Number(refusal.details?.epoch) }
    : { kind: "failed", code: refusal.code, reason: refusal.reason };
}

const reportedVm = (agent: Agent, vm: VmView): ReportedVm => ({
  name: vm.name,
  uuid: vm.uuid,
  requestId: agent.requestIdOf(vm.name),
  vcpus: vm.vcpus,
  memoryMiB: vm.memoryMiB,
  ratio: vm.ratio,
  vcpuRatios: vm.vcpuRatios,
  image: vm.image,
  state: vm.state,
});
