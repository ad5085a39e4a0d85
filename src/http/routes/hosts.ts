/** `/v1/hosts`: the one host of this agent, and closing it to new VMs. */
import type { AgentStatus } from "../../agent/service.js";
import type { App } from "../app-type.js";
import type { HttpContext, Routes } from "../context.js";
import { changeDeadline } from "../options.js";
import { RequestError } from "../problem.js";
import { cordonAnswer, hostAnswer, hostList } from "../schemas/answers.js";
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
      summary: "Show a host: pools, free resources, the state of its agent",
      operationId: "showHost",
      params: hostParams,
      querystring: noQuery,
      response: { 200: hostAnswer },
    },
    handler: (request) => {
      requireThisHost(context, request.params.id);
      return hostOf(context.agent.status());
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
