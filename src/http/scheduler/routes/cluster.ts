/** `/v1/cluster`: the cluster in sum, and adopting its hosts; `/v1/moves`; and `/readyz`. */
import { changeDeadline } from "../../options.js";
import { RequestError } from "../../problem.js";
import { noQuery } from "../../schemas/requests.js";
import type { SchedulerRoutes } from "../context.js";
import { adoptionAnswer, clusterMovesAnswer, clusterStatusAnswer, schedulerReady } from "../schemas/answers.js";
import { adoptQuery } from "../schemas/requests.js";
import { clusterAnswer, onLeader } from "./leading.js";

export const clusterRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/cluster",
    config: { access: "read" },
    schema: {
      tags: ["Cluster"],
      summary: "Show the cluster in sum: who leads, the store, hosts and VMs by state, what is free",
      operationId: "showCluster",
      querystring: noQuery,
      response: { 200: clusterStatusAnswer },
    },
    handler: () => context.scheduler.clusterStatus(),
  });
};

/** Of the leader: who stands by does not know who waits, nor how many moves were begun. */
export const movesRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/moves",
    config: { access: "read" },
    schema: {
      tags: ["Cluster"],
      summary:
        "Show live moves and why they are made, VMs that wait for room, and how much of the migration budget is used",
      operationId: "showMoves",
      querystring: noQuery,
      response: { 200: clusterMovesAnswer },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () => ({ status: 200, body: context.scheduler.moves() })),
  });
};

export const adoptRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/cluster/adopt",
    config: { access: "operate" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["Cluster"],
      summary: "Have hosts listen that have seen a later epoch, after the cluster's store was made anew or restored",
      operationId: "adoptHosts",
      querystring: adoptQuery,
      response: { 200: adoptionAnswer },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () =>
        clusterAnswer(await context.scheduler.adopt(request.query.dryRun === "1"), (adoption) => adoption),
      ),
  });
};

export const readyRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/readyz",
    config: { access: "open" },
    schema: {
      tags: ["Health"],
      summary: "The scheduler takes requests: it leads and has taken over, or it stands by with current reads",
      operationId: "ready",
      querystring: noQuery,
      response: { 200: schedulerReady },
    },
    handler: () => {
      const { role, leader } = context.scheduler.leadership();
      if (role === "taking-over" || !context.scheduler.ready())
        throw new RequestError(
          "not-ready",
          "The scheduler is taking over, or does not hear of its store",
          [],
          {},
          { role, leader },
        );
      return { status: "ready" as const, role, leader };
    },
  });
};
