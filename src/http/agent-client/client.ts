/**
 * The scheduler's client of agents (ports/agent-client.ts) over their HTTP interface. Answers carry the host's status
 * (`status=1`), so that the scheduler's view of a host is as fresh as its last word. A client never repeats a change.
 */
import { z } from "zod";
import type {
  AgentClient,
  AgentClients,
  AgentDeploy,
  AgentReceive,
  AgentRemove,
  AgentResize,
  AgentRevoke,
  AgentSend,
  ChangeOutcome,
  HostReport,
  HostStatus,
  NoAnswer,
  ReportOutcome,
  RevokeOutcome,
  VmOutcome,
} from "../../ports/agent-client.js";
import { fromWire } from "../schemas/names.js";
import { hostReport } from "../schemas/report.js";
import { revocationAnswer, vmWithStatus } from "../schemas/scheduler-calls.js";
import { type Answered, exchange, type Line, type Question } from "./exchange.js";
import { accepted, type Declined, problemOutcome, refused, reportedOf, unanswered, viewOf } from "./outcomes.js";

export interface AgentClientSettings {
  /** Presented to agents; null: none. */
  readonly token: string | null;
  /** Connections, shared by all clients. */
  readonly dispatcher: Line["dispatcher"];
  /** A deploy waits for a real guest to start. */
  readonly changeMs: number;
  /** Reports, and questions about VMs and requests: an agent answers them between two steps of its own. */
  readonly questionMs: number;
}

export const DEFAULT_DEADLINES = { changeMs: 60_000, questionMs: 10_000 };

export const agentClients =
  (settings: AgentClientSettings): AgentClients =>
  (url) =>
    new HttpAgentClient(settings, url);

/** Every agent answers this without the id of its host. */
const hostIds = z.object({ items: z.array(z.object({ id: z.string() })).min(1) });

class HttpAgentClient implements AgentClient {
  private readonly line: Line;
  /** Known since the first report. */
  private hostId: string | null = null;

  constructor(
    private readonly settings: AgentClientSettings,
    url: string,
  ) {
    this.line = { url: url.replace(/\/+$/, ""), token: settings.token, dispatcher: settings.dispatcher };
  }

  deploy(request: AgentDeploy, signal?: AbortSignal): Promise<ChangeOutcome> {
    const { requestId, epoch, name, vcpus, memoryMiB, ratio, image } = request;
    const body = { name, vcpus, memoryMiB, ...(ratio === null ? {} : { ratio }), image };
    return this.change(
      { method: "POST", path: "/v1/vms?status=1", body, headers: sender(epoch, requestId) },
      request,
      signal,
    );
  }

  remove(request: AgentRemove, signal?: AbortSignal): Promise<ChangeOutcome> {
    const { requestId, epoch, name, uuid } = request;
    const path = `${vmPath(name)}?status=1${only(uuid)}`;
    return this.change({ method: "DELETE", path, headers: sender(epoch, requestId) }, request, signal);
  }

  resize(request: AgentResize, signal?: AbortSignal): Promise<ChangeOutcome> {
    const { requestId, epoch, name, uuid, ...body } = request;
    const path = `${vmPath(name)}/resize?status=1${only(uuid)}`;
    return this.change({ method: "POST", path, body, headers: sender(epoch, requestId) }, request, signal);
  }

  receive(request: AgentReceive, signal?: AbortSignal): Promise<ChangeOutcome> {
    const { requestId, epoch, ratio, ...vm } = request;
    const body = { ...vm, ...(ratio === null ? {} : { ratio }) };
    const headers = sender(epoch, requestId);
    return this.change({ method: "POST", path: "/v1/migrations?status=1", body, headers }, request, signal);
  }

  send(request: AgentSend, signal?: AbortSignal): Promise<ChangeOutcome> {
    const { requestId, epoch, name, uuid, address, pins } = request;
    const path = `${vmPath(name)}/migrate?status=1${only(uuid)}`;
    const headers = sender(epoch, requestId);
    return this.change({ method: "POST", path, body: { address, pins }, headers }, request, signal);
  }

  async revoke({ requestId, epoch, name }: AgentRevoke, signal?: AbortSignal): Promise<RevokeOutcome> {
    const path = `/v1/requests/${encodeURIComponent(requestId)}/revoke?status=1`;
    const answer = await this.question({ method: "POST", path, body: { name }, headers: sender(epoch), signal });
    const parsed = this.read(answer, revocationAnswer);
    if (parsed.kind !== "read") return parsed.kind === "declined" ? declinedQuestion(parsed) : parsed;
    const { outcome, vm, requestId: made = null, hostStatus } = parsed.value;
    if (hostStatus === undefined) return this.withoutStatus();
    const status = fromWire<HostStatus>(hostStatus);
    const view = vm === null ? null : viewOf(vm);
    const reported = view === null ? null : reportedOf(view, made);
    return outcome === "done"
      ? { kind: "done", vm: reported, view, status }
      : { kind: "revoked", vm: reported, status };
  }

  async vm(name: string, epoch: number, signal?: AbortSignal): Promise<VmOutcome> {
    const path = `${vmPath(name)}?status=1`;
    const answer = await this.question({ method: "GET", path, headers: sender(epoch), signal });
    const parsed = this.read(answer, vmWithStatus);
    if (parsed.kind === "declined" && parsed.refusal.code === "unknown-vm" && parsed.status !== null)
      return { kind: "vm", vm: null, view: null, status: parsed.status };
    if (parsed.kind !== "read") return parsed.kind === "declined" ? declinedQuestion(parsed) : parsed;
    const { hostStatus, requestId = null } = parsed.value;
    if (hostStatus === undefined) return this.withoutStatus();
    const view = viewOf(parsed.value);
    return { kind: "vm", vm: reportedOf(view, requestId), view, status: fromWire<HostStatus>(hostStatus) };
  }

  async report(tag: string | null, signal?: AbortSignal): Promise<ReportOutcome> {
    if (this.hostId === null) {
      const found = this.read(await this.question({ method: "GET", path: "/v1/hosts", signal }), hostIds);
      if (found.kind !== "read") return found.kind === "declined" ? declinedQuestion(found) : found;
      this.hostId = found.value.items[0]?.id ?? null;
    }
    const headers: Record<string, string> = tag === null ? {} : { "if-none-match": `W/"${tag}"` };
    const path = `/v1/hosts/${encodeURIComponent(this.hostId ?? "")}/report`;
    const answer = await this.question({ method: "GET", path, headers, signal });
    if (answer.kind === "answered" && answer.status === 304) return { kind: "unchanged" };
    const parsed = this.read(answer, hostReport);
    if (parsed.kind === "read") return { kind: "report", report: fromWire<HostReport>(parsed.value) };
    // Another host answers here, or the host has another name: asked anew next time.
    this.hostId = null;
    return parsed.kind === "declined" ? declinedQuestion(parsed) : parsed;
  }

  private async change(
    question: Omit<Question, "deadlineMs" | "signal">,
    { name, epoch }: { readonly name: string; readonly epoch: number },
    signal: AbortSignal | undefined,
  ): Promise<ChangeOutcome> {
    const { changeMs } = this.settings;
    const parsed = this.read(await exchange(this.line, { ...question, deadlineMs: changeMs, signal }), vmWithStatus);
    if (parsed.kind === "read") return accepted(parsed.value) ?? this.withoutStatus();
    if (parsed.kind !== "declined") return parsed;
    if (parsed.status !== null) return refused(parsed.refusal, parsed.status);
    // Called wrong before the agent itself saw it: nothing was done, and the host is asked how it is.
    const seen = await this.vm(name, epoch, signal);
    return seen.kind === "vm" ? refused(parsed.refusal, seen.status) : seen;
  }

  private question(question: Omit<Question, "deadlineMs">): ReturnType<typeof exchange> {
    return exchange(this.line, { ...question, deadlineMs: this.settings.questionMs });
  }

  private read<S extends z.ZodType>(
    answer: Answered | NoAnswer,
    schema: S,
  ): { readonly kind: "read"; readonly value: z.output<S> } | Declined | NoAnswer {
    if (answer.kind !== "answered") return answer;
    if (answer.status >= 400) return problemOutcome(this.line.url, answer);
    const parsed = schema.safeParse(answer.body);
    if (parsed.success) return { kind: "read", value: parsed.data };
    const field = parsed.error.issues[0]?.path.join(".") ?? "";
    return unanswered(
      `what answered at ${this.line.url} is no Headroom agent of this version (field ${field || "body"})`,
    );
  }

  private withoutStatus(): NoAnswer {
    return unanswered(`the agent at ${this.line.url} did not tell its status: is it of an older version?`);
  }
}

const declinedQuestion = ({ refusal }: Declined): NoAnswer => ({
  kind: "failed",
  code: refusal.code,
  reason: refusal.reason,
});

const vmPath = (name: string): string => `/v1/vms/${encodeURIComponent(name)}`;
const only = (uuid: string | null): string => (uuid === null ? "" : `&uuid=${encodeURIComponent(uuid)}`);

const sender = (epoch: number, requestId?: string): Readonly<Record<string, string>> => ({
  "headroom-epoch": String(epoch),
  ...(requestId === undefined ? {} : { "idempotency-key": requestId }),
});
