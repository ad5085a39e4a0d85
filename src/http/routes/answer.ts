/**
 * How changes are answered: refusals become problems, at most so many changes are under way, each within the limit of
 * time, and a POST with an Idempotency-Key is done once.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Result } from "../../core/result.js";
import type { HttpContext, SharedContext } from "../context.js";
import { type Answer, fingerprint, idempotencyKey } from "../idempotency.js";
import { type Problem, refusalProblem, sendProblem } from "../problem.js";

export const isProblem = (answer: Answer): answer is Answer & { body: Problem } => answer.status >= 400;

/** The value as 200 (or `status`), or the refusal as its problem. */
export function answerOf<T, B>(context: HttpContext, result: Result<T>, body: (value: T) => B, status = 200): Answer {
  if (result.ok) return { status, body: body(result.value) };
  const problem = refusalProblem(result.refusal, context.hostId());
  return { status: problem.status, body: problem };
}

export function sendAnswer(reply: FastifyReply, answer: Answer): void {
  if (isProblem(answer)) sendProblem(reply, answer.body);
  else reply.code(answer.status).send(answer.body);
}

/** Runs the work of a POST once per Idempotency-Key; `work` gets the key, or null without one. */
export async function answerPost(
  context: SharedContext,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (key: string | null) => Promise<Answer>,
): Promise<void> {
  const { answer, replayed } = await answerOnce(context, request, work);
  if (replayed) reply.header("idempotency-replayed", "true");
  sendAnswer(reply, answer);
}

/** The same, not sent yet. `replayed`: the answer is that of an earlier request with the key. */
export async function answerOnce(
  context: SharedContext,
  request: FastifyRequest,
  work: (key: string | null) => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly replayed: boolean }> {
  const key = idempotencyKey(request.headers["idempotency-key"]);
  const gated = () => context.changes.run(() => work(key));
  if (key === null) return { answer: await gated(), replayed: false };
  const scope = request.bearer?.id ?? "anyone";
  const path = request.url.split("?", 1)[0] ?? "";
  const print = fingerprint(request.method, path, request.body);
  return context.idempotency.run(scope, key, print, gated);
}
