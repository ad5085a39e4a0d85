/**
 * What agents tell their schedulers: `POST /v1/hosts` with the whole report, `POST /v1/hosts/{id}/heartbeat` with its tag
 * while nothing has changed. A standby does not pass these on: agents are ours, and find the leader by the answer, so that
 * ten thousand of them cost one hop.
 */
import { milliseconds } from "../../../core/units.js";
import type { HostReport } from "../../../ports/agent-client.js";
import { type ClusterResult, type HeartbeatAnswer, NotLeader } from "../../../scheduler/service.js";
import { sendAnswer } from "../../routes/answer.js";
import { fromWire } from "../../schemas/names.js";
import { hostParams, noQuery } from "../../schemas/requests.js";
import type { SchedulerContext, SchedulerRoutes } from "../context.js";
import { REPORT_BYTES } from "../options.js";
import { heartbeatAnswer } from "../schemas/answers.js";
import { heartbeatBody, registerBody } from "../schemas/requests.js";
import { clusterAnswer } from "./leading.js";

const tags = ["Agents"];

export const agentRoutes: SchedulerRoutes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/hosts",
    config: { access: "change" },
    bodyLimit: Math.max(REPORT_BYTES, context.limits.bodyBytes),
    schema: {
      tags,
      summary: "Register a host, or report it anew; for agents",
      operationId: "registerHost",
      querystring: noQuery,
      body: registerBody,
      response: { 200: heartbeatAnswer },
    },
    handler: async (request, reply) => {
      const { url, at, report } = request.body;
      const registration = { url, at: milliseconds(at), report: fromWire<HostReport>(report) };
      sendAnswer(reply, clusterAnswer(await heard(context, () => context.scheduler.register(registration)), asIs));
    },
  });
  app.route({
    method: "POST",
    url: "/v1/hosts/:id/heartbeat",
    config: { access: "change" },
    schema: {
      tags,
      summary: "Say that a host is alive, and as which report says; for agents",
      operationId: "heartbeat",
      params: hostParams,
      querystring: noQuery,
      body: heartbeatBody,
      response: { 200: heartbeatAnswer },
    },
    handler: async (request, reply) => {
      const { machineId, tag, at } = request.body;
      const beat = { host: request.params.id, machineId, tag, at: milliseconds(at) };
      sendAnswer(reply, clusterAnswer(await heard(context, () => context.scheduler.heartbeat(beat)), asIs));
    },
  });
};

const asIs = <T>(value: T): T => value;

/** Only a leader listens; `NotLeader` leaves as `not-leader` (app.ts). */
function heard(
  { scheduler }: SchedulerContext,
  tell: () => Promise<ClusterResult<HeartbeatAnswer>>,
): Promise<ClusterResult<HeartbeatAnswer>> {
  const { role, leader } = scheduler.leadership();
  if (role === "standby") throw new NotLeader(leader);
  return tell();
}
