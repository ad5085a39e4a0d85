/**
 * What an agent's HTTP answer means to a scheduler (ports/agent-client.ts), as pure functions. Only a refusal says that
 * nothing was done; an answer that is not the agent's own (a proxy's 502, half a body) says nothing at all.
 */
import type { z } from "zod";
import { REFUSAL_CODES, type Refusal, type RefusalCode } from "../../core/result.js";
import type {
  Accepted,
  AgentFailed,
  HostStatus,
  NoAnswer,
  Refused,
  ReportedVm,
  Unanswered,
} from "../../ports/agent-client.js";
import type { VmView } from "../../ports/agent-views.js";
import { fromWire } from "../schemas/names.js";
import { problemWithStatus, type vmWithStatus } from "../schemas/scheduler-calls.js";
import type { Answered } from "./exchange.js";

type VmAnswer = z.infer<typeof vmWithStatus>;
type ProblemAnswer = z.infer<typeof problemWithStatus>;

/** `null` status: the problem did not carry it. */
export type Declined = { readonly kind: "declined"; readonly refusal: Refusal; readonly status: HostStatus | null };

export const unanswered = (reason: string): Unanswered => ({ kind: "unanswered", reason, notSent: false });

const isRefusalCode = (code: string): code is RefusalCode => REFUSAL_CODES.some((known) => known === code);

/** An agent whose limits are narrower than the scheduler's calls the request wrong, where it means: not here. */
const REFUSAL_OF_FIELD: Readonly<Record<string, RefusalCode>> = {
  image: "image-not-found",
  vcpus: "vm-larger-than-host",
  ratio: "ratio-not-offered",
  memoryMiB: "no-memory-capacity",
};

/** What a status of 400 and above means. */
export function problemOutcome(url: string, answer: Answered): Declined | NoAnswer {
  const parsed = problemWithStatus.safeParse(answer.body);
  if (!parsed.success)
    return unanswered(
      `what answered at ${url} is not a Headroom agent: status ${answer.status} without a problem document`,
    );
  const problem = parsed.data;
  const { code, detail } = problem;
  if (code === "stale-leader") return { kind: "stale-leader", reason: detail, epoch: epochOf(problem) };
  if (code === "unauthenticated" || code === "forbidden") return { kind: "unauthorised", reason: `${url}: ${detail}` };
  // The change goes on behind this answer.
  if (code === "deadline-exceeded") return unanswered(`${url}: ${detail}`);
  const refusal = refusalOf(problem);
  if (refusal === null) return failed(code, `${url}: ${detail}`);
  return { kind: "declined", refusal, status: statusOf(problem) };
}

export const failed = (code: string, reason: string): AgentFailed => ({ kind: "failed", code, reason });

function epochOf({ details }: ProblemAnswer): number | null {
  const epoch = details?.epoch;
  return typeof epoch === "number" ? epoch : null;
}

function refusalOf({ code, detail, details, errors }: ProblemAnswer): Refusal | null {
  if (isRefusalCode(code)) return { code, reason: detail, ...(details === undefined ? {} : { details }) };
  if (code !== "invalid-body") return null;
  const meant = REFUSAL_OF_FIELD[errors?.[0]?.field ?? ""];
  return meant === undefined ? null : { code: meant, reason: detail };
}

const statusOf = ({ hostStatus }: { readonly hostStatus?: ProblemAnswer["hostStatus"] }): HostStatus | null =>
  hostStatus === undefined ? null : fromWire<HostStatus>(hostStatus);

/** A VM's view without what was added for schedulers. */
export function viewOf({ requestId: _id, hostStatus: _status, ...view }: VmAnswer): VmView {
  return fromWire<VmView>(view);
}

export const reportedOf = (view: VmView, requestId: string | null): ReportedVm => ({
  name: view.name,
  uuid: view.uuid,
  requestId,
  vcpus: view.vcpus,
  memoryMiB: view.memoryMiB,
  ratio: view.ratio,
  vcpuRatios: view.vcpuRatios,
  image: view.image,
  state: view.state,
});

/** Null: the agent is of a version that does not tell its status with an answer. */
export function accepted(answer: VmAnswer): Accepted | null {
  const status = statusOf(answer);
  return status === null ? null : { kind: "accepted", vm: viewOf(answer), status };
}

export const refused = (refusal: Refusal, status: HostStatus): Refused => ({ kind: "refused", refusal, status });
