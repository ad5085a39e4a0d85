/**
 * Questions that a scheduler passes on to a host's agent for whoever looks at the cluster: with the cluster's own token, so that its
 * readers need none of the agents'. Reads only, no protocol: any scheduler asks, standby or not, and nothing is kept.
 */
import { type Dispatcher, getGlobalDispatcher } from "undici";
import type { z } from "zod";
import { OperationalError } from "../../ports/errors.js";
import type { ClusterHost } from "../../scheduler/service.js";
import { exchange } from "../agent-client/exchange.js";
import { problemOutcome } from "../agent-client/outcomes.js";

/** A reader waits for it. */
const DEADLINE_MS = 5_000;

export interface AgentQuestions {
  /** Throws `OperationalError` (agent-unreachable) where there is no answer, or none of a Headroom agent of this version. */
  ask<S extends z.ZodType>(host: ClusterHost, path: string, schema: S): Promise<z.output<S>>;
}

interface Settings {
  readonly token: string | null;
  readonly dispatcher: Dispatcher | undefined;
}

export const agentQuestions = ({ token, dispatcher = getGlobalDispatcher() }: Settings): AgentQuestions => ({
  async ask(host, path, schema) {
    const line = { url: host.url.replace(/\/+$/, ""), token, dispatcher };
    const answer = await exchange(line, { method: "GET", path, deadlineMs: DEADLINE_MS });
    if (answer.kind !== "answered") throw unreachable(host, answer.reason);
    if (answer.status >= 400) {
      const outcome = problemOutcome(line.url, answer);
      throw unreachable(host, outcome.kind === "declined" ? outcome.refusal.reason : outcome.reason);
    }
    const parsed = schema.safeParse(answer.body);
    if (parsed.success) return parsed.data;
    const field = parsed.error.issues[0]?.path.join(".") || "body";
    throw unreachable(host, `what answered at ${line.url} is no Headroom agent of this version (field ${field})`);
  },
});

const unreachable = ({ id }: ClusterHost, why: string): OperationalError =>
  new OperationalError("agent-unreachable", `Host ${id} does not say: ${why}`, true);
