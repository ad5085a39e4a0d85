/** `/v1/hosts`: the one host of this agent, and closing it to new VMs. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { AgentStatus } from "../../agent/service.js";
import type { App } from "../app-type.js";
import type { HttpContext, Routes } from "../context.js";
import { noneMatch, weakTag } from "../entity-tag.js";
import { changeDeadline } from "../options.js";
import { RequestError } from "../problem.js";
import { cordonAnswer, hostAnswer, hostList } from "../schemas/answers.js";
import { hostReport } from "../schemas/report.js";
import { hostParams, noQuery } from "../schemas/requests.js";
import { answerPost } from "./answer.js";

function hostOf(status: AgentStatus) {
  const { host, ...rest } = status;
  return { id: host, ...rest };
}

function requireThisHost(context: HttpContext, id: string): void {
  if (id !== context.hostId())
    throw new RequestError("unknown-host", `There is no host ${id} here; this agent serves ${context.hostId()}`);
}

/** Tags the answer; 304 where the caller has it already, as far as pools, VMs and readiness go. True: that was sent. */
function sentUnchanged(context: HttpContext, request: FastifyRequest, reply: FastifyReply, id: string): boolean {
  requireThisHost(context, id);
  const tag = weakTag(context.agent.tag());
  // No cache asks with the tag by itself: it would show people the usage of long ago.
  reply.header("etag", tag).header("cache-control", "no-store");
  const unchanged = noneMatch(request.headers["if-none-match"], tag);
  if (unchanged) reply.code(304).send();
  return unchanged;
}

export const hostRoutes: Routes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/hosts",
    config: { access: "read" },
    schema: {
      tags: ["Hosts"],
      summary: "List hosts; an agent has one",
      operationId: "listHosts",
      querystring: noQuery,
      response: { 200: hostList },
    },
    handler: () => ({ items: [hostOf(context.agent.status())] }),
  });
  app.route({
    method: "GET",
    url: "/v1/hosts/:id",
    config: { access: "read" },
    schema: {
      tags: ["Hosts"],
      summary: "Show a host: pools, free resources, the state of its agent; 304 where If-None-Match has its tag",
      operationId: "showHost",
      params: hostParams,
      querystring: noQuery,
      response: { 200: hostAnswer },
    },
    handler: (request, reply) => {
      if (!sentUnchanged(context, request, reply, request.params.id)) reply.send(hostOf(context.agent.status()));
    },
  });
  app.route({
    method: "GET",
    url: "/v1/hosts/:id/report",
    config: { access: "read" },
    schema: {
      tags: ["Hosts"],
      summary: "Report a host to schedulers: its status, its VMs, what placement counts with; 304 as for the host",
      operationId: "reportHost",
      params: hostParams,
      querystring: noQuery,
      response: { 200: hostReport },
    },
    handler: (request, reply) => {
      if (!sentUnchanged(context, request, reply, request.params.id)) reply.send(context.agent.hostReport());
    },
  });
  cordonRoute(app, context, "cordon", "Close a host to new VMs; those that run go on", true);
  cordonRoute(app, context, "uncordon", "Open a host to new VMs again", false);
};

function cordonRoute(app: App, context: HttpContext, verb: "cordon" | "uncordon", summary: string, on: boolean): void {
  app.route({
    method: "POST",
    url: `/v1/hosts/:id/${verb}`,
    config: { access: "operate" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["Hosts"],
      summary,
      operationId: `${verb}Host`,
      params: hostParams,
      querystring: noQuery,
      response: { 200: cordonAnswer },
    },
    handler: (request, reply) =>
      answerPost(context, request, reply, async () => {
        requireThisHost(context, request.params.id);
        await context.agent.cordon(on);
        return { status: 200, body: { host: context.hostId(), cordoned: on } };
      }),
  });
}
