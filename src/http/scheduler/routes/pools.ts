/** `GET /v1/pools` of a cluster: the CPU pools of every host that was heard of. */
import type { SchedulerRoutes } from "../context.js";
import { clusterPoolPage } from "../schemas/answers.js";
import { listPoolsQuery } from "../schemas/requests.js";
import { pageOf } from "./pages.js";

export const poolsRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/pools",
    config: { access: "read" },
    schema: {
      tags: ["Pools"],
      summary: "List CPU pools by host",
      operationId: "listPools",
      querystring: listPoolsQuery,
      response: { 200: clusterPoolPage },
    },
    handler: ({ query }) => {
      const isWanted = (host: { readonly id: string }) => query.host === undefined || host.id === query.host;
      const { items, next } = pageOf(context.scheduler.hosts(), (host) => host.id, query, isWanted);
      const pools = items.flatMap(({ id, status }) => (status?.pools ?? []).map((pool) => ({ host: id, ...pool })));
      return { items: pools, next };
    },
  });
};
