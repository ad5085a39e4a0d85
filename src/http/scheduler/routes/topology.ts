/** `GET /v1/hosts/{id}/topology`: what a host is made of, asked of its agent with the cluster's credentials. */
import { RequestError } from "../../problem.js";
import { topologyAnswer } from "../../schemas/answers.js";
import { hostParams, noQuery } from "../../schemas/requests.js";
import type { SchedulerRoutes } from "../context.js";

export const hostTopologyRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/hosts/:id/topology",
    config: { access: "read" },
    schema: {
      tags: ["Hosts"],
      summary: "Show what a host is made of: packages, NUMA cells, caches, cores, as its agent says",
      operationId: "showHostTopology",
      params: hostParams,
      querystring: noQuery,
      response: { 200: topologyAnswer },
    },
    handler: async (request) => {
      const { id } = request.params;
      const host = context.scheduler.host(id);
      if (host === null) throw new RequestError("unknown-host", `There is no host ${id} in the cluster`);
      return { ...(await context.agents.ask(host, "/v1/topology", topologyAnswer)), host: id };
    },
  });
};
