/** `/v1/hosts` of a cluster: list, show, and what operators do to hosts. */
import type { ClusterHost, ClusterResult } from "../../../scheduler/service.js";
import type { App } from "../../app-type.js";
import { changeDeadline } from "../../options.js";
import { RequestError } from "../../problem.js";
import { hostParams, noQuery } from "../../schemas/requests.js";
import type { SchedulerContext, SchedulerRoutes } from "../context.js";
import { clusterHostAnswer, clusterHostPage, drainAnswer } from "../schemas/answers.js";
import { listHostsQuery } from "../schemas/requests.js";
import { clusterAnswer, onLeader } from "./leading.js";
import { pageOf } from "./pages.js";

const tags = ["Hosts"];

export const hostRoutes: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/hosts",
    config: { access: "read" },
    schema: {
      tags,
      summary: "List hosts by id",
      operationId: "listHosts",
      querystring: listHostsQuery,
      response: { 200: clusterHostPage },
    },
    handler: ({ query }) =>
      pageOf(
        context.scheduler.hosts(),
        (host) => host.id,
        query,
        (host) => query.state === undefined || host.state === query.state,
      ),
  });
  app.route({
    method: "GET",
    url: "/v1/hosts/:id",
    config: { access: "read" },
    schema: {
      tags,
      summary: "Show a host: its state, what is free, its pools",
      operationId: "showHost",
      params: hostParams,
      querystring: noQuery,
      response: { 200: clusterHostAnswer },
    },
    handler: (request) => {
      const { id } = request.params;
      const host = context.scheduler.host(id);
      if (host === null) throw new RequestError("unknown-host", `There is no host ${id} in the cluster`);
      return host;
    },
  });
  for (const operation of OPERATIONS) hostOperation(app, context, operation);
  drainRoute(app, context);
};

interface Operation {
  readonly verb: "cordon" | "uncordon" | "forget";
  readonly summary: string;
  readonly run: (context: SchedulerContext, id: string) => Promise<ClusterResult<ClusterHost>>;
}

const OPERATIONS: readonly Operation[] = [
  {
    verb: "cordon",
    summary: "Close a host to new VMs; those that run go on",
    run: ({ scheduler }, id) => scheduler.cordon(id),
  },
  {
    verb: "uncordon",
    summary: "Open a host to new VMs again, and end its draining",
    run: ({ scheduler }, id) => scheduler.uncordon(id),
  },
  {
    verb: "forget",
    summary: "Give up a silent host for good: its VMs are lost, what was being placed there goes elsewhere",
    run: ({ scheduler }, id) => scheduler.forget(id),
  },
];

function hostOperation(app: App, context: SchedulerContext, { verb, summary, run }: Operation): void {
  app.route({
    method: "POST",
    url: `/v1/hosts/:id/${verb}`,
    config: { access: "operate" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags,
      summary,
      operationId: `${verb}Host`,
      params: hostParams,
      querystring: noQuery,
      response: { 200: clusterHostAnswer },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () =>
        clusterAnswer(await run(context, request.params.id), (host) => host),
      ),
  });
}

/** GET: how far it is. On the leader, as the change itself: who stands by does not know. */
const DRAIN = {
  POST: {
    access: "operate",
    operationId: "drainHost",
    summary: "Close a host and have its VMs moved to other hosts; says how far that is, and why a VM stays",
    run: ({ scheduler }: SchedulerContext, id: string) => scheduler.drain(id),
  },
  GET: {
    access: "read",
    operationId: "showDrain",
    summary: "How far a host is emptied: what is still on it, what is on its way, why a VM stays",
    run: ({ scheduler }: SchedulerContext, id: string) => scheduler.drainProgress(id),
  },
} as const;

function drainRoute(app: App, context: SchedulerContext): void {
  for (const method of ["POST", "GET"] as const) {
    const { access, operationId, summary, run } = DRAIN[method];
    app.route({
      method,
      url: "/v1/hosts/:id/drain",
      config: { access },
      handlerTimeout: changeDeadline(context.limits),
      schema: { tags, summary, operationId, params: hostParams, querystring: noQuery, response: { 200: drainAnswer } },
      handler: (request, reply) =>
        onLeader(context, request, reply, async () =>
          clusterAnswer(await run(context, request.params.id), (drain) => drain),
        ),
    });
  }
}
