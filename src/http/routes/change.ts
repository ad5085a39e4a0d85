/**
 * How an agent answers changes: to people once per Idempotency-Key, to schedulers as the agent itself remembers their requests.
 * An answer kept here would hide from a scheduler that a later leader's request was refused under an earlier epoch. Every
 * answer tells the host's tag (`Headroom-Generation`), and the whole status where it is asked for.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { AgentService } from "../../agent/service.js";
import type { HttpContext } from "../context.js";
import { epochOf } from "../epoch.js";
import { type Answer, idempotencyKey } from "../idempotency.js";
import { RequestError } from "../problem.js";
import { answerOnce, isProblem, sendAnswer } from "./answer.js";

/** What the headers say of who asks, in the agent's words. */
export interface Sender {
  readonly requestId?: string;
  readonly epoch?: number;
}

type Asked = FastifyRequest & { readonly query: { readonly status?: "1" | undefined } };

/** `name`: the VM's, to tell a key that was used for another. */
export async function answerChange(
  context: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  work: (sender: Sender) => Promise<Answer>,
): Promise<void> {
  const epoch = epochOf(request);
  if (epoch === undefined && request.method === "POST") {
    const { answer, replayed } = await answerOnce(context, request, async (key) =>
      mustBeAbout(name, await work(key === null ? {} : { requestId: key })),
    );
    if (replayed) reply.header("idempotency-replayed", "true");
    sendWithHost(context, request, reply, answer);
    return;
  }
  await answerUnkept(context, request, reply, name, work);
}

/** As the agent itself answers now: it remembers what it did under which key. */
export async function answerUnkept(
  context: HttpContext,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  work: (sender: Sender) => Promise<Answer>,
): Promise<void> {
  const epoch = epochOf(request);
  const key = idempotencyKey(request.headers["idempotency-key"]);
  const sender = { ...(epoch === undefined ? {} : { epoch }), ...(key === null ? {} : { requestId: key }) };
  const answer = await context.changes.run(async () => mustBeAbout(name, await work(sender)));
  sendWithHost(context, request, reply, answer);
}

function mustBeAbout(name: string, answer: Answer): Answer {
  const about = isProblem(answer) ? name : (answer.body as { readonly name: string }).name;
  if (about !== name)
    throw new RequestError("idempotency-key-reused", `The Idempotency-Key made the VM ${about} before`);
  return answer;
}

/** Adds to the answer what schedulers want to know beside it. */
export function sendWithHost(context: HttpContext, request: FastifyRequest, reply: FastifyReply, answer: Answer): void {
  const { agent } = context;
  reply.header("headroom-generation", agent.tag());
  const wanted = (request as Asked).query.status === "1";
  sendAnswer(reply, wanted ? withHost(agent, answer) : answer);
}

function withHost(agent: AgentService, answer: Answer): Answer {
  const hostStatus = agent.hostStatus();
  if (isProblem(answer)) return { ...answer, body: { ...answer.body, hostStatus } };
  const body = answer.body as { readonly name?: string; readonly vm?: { readonly name: string } | null };
  const requestId = agent.requestIdOf(body.name ?? body.vm?.name ?? "");
  return { ...answer, body: { ...body, requestId, hostStatus } };
}
