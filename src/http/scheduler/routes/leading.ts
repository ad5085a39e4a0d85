/**
 * How a scheduler answers changes: here where it leads, at the leader otherwise. A client without an Idempotency-Key gets
 * one made up, so that a request that meets a change of leaders half-way is known by the next one.
 */
import { randomUUID } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ClusterResult, NotLeader } from "../../../scheduler/service.js";
import { type Answer, fingerprint, idempotencyKey } from "../../idempotency.js";
import { clusterProblem, RequestError } from "../../problem.js";
import { sendAnswer } from "../../routes/answer.js";
import type { SchedulerContext } from "../context.js";
import { LEADER } from "../forward.js";

/** The value as 200 (or `status`), or the refusal as its problem. */
export function clusterAnswer<T>(result: ClusterResult<T>, body: (value: T) => unknown, status = 200): Answer {
  if (result.ok) return { status, body: body(result.value) };
  const problem = clusterProblem(result.refusal);
  return { status: problem.status, body: problem };
}

/** True when `leadership` says that changes are decided here, now or in a moment. */
const decidesHere = ({ scheduler }: SchedulerContext): boolean => scheduler.leadership().role !== "standby";

async function passOn(
  context: SchedulerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  leader: string | null,
  key: string,
): Promise<void> {
  const { status, headers, body } = await context.changes.run(() => context.forwarder.forward(request, leader, key));
  // Written by the leader already.
  reply.code(status).headers(headers).serializer(String).send(body);
}

/** Who answered `NotLeader` leads by now, or is about to. Nothing was done. */
const takingOver = (): RequestError =>
  new RequestError("not-ready", "This scheduler is taking the cluster over; try again in a moment");

/** Runs a change here, or has the leader run it. `work` gets the id of the request. */
export async function onLeader(
  context: SchedulerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (requestId: string) => Promise<Answer>,
): Promise<void> {
  const given = idempotencyKey(request.headers["idempotency-key"]);
  const key = given ?? randomUUID();
  if (!decidesHere(context)) return passOn(context, request, reply, context.scheduler.leadership().leader, key);
  try {
    await answerHere(context, request, reply, given, () => context.changes.run(() => work(key)));
  } catch (error) {
    if (!(error instanceof NotLeader)) throw error;
    if (decidesHere(context)) throw takingOver();
    await passOn(context, request, reply, error.leader, key);
  }
}

async function answerHere(
  context: SchedulerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  key: string | null,
  work: () => Promise<Answer>,
): Promise<void> {
  const { leader } = context.scheduler.leadership();
  if (leader !== null) reply.header(LEADER, leader);
  if (key === null || request.method !== "POST") return sendAnswer(reply, await work());
  const print = fingerprint(request.method, request.url.split("?", 1)[0] ?? "", request.body);
  const scope = request.bearer?.id ?? "anyone";
  const { answer, replayed } = await context.idempotency.run(scope, key, print, work);
  if (replayed) reply.header("idempotency-replayed", "true");
  sendAnswer(reply, answer);
}
