/** `GET /v1/pools`. */
import type { Routes } from "../context.js";
import { poolList } from "../schemas/answers.js";
import { hostQuery } from "../schemas/requests.js";

export const poolsRoute: Routes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/pools",
    config: { access: "read" },
    schema: {
      tags: ["Pools"],
      summary: "List CPU pools",
      operationId: "listPools",
      querystring: hostQuery,
      response: { 200: poolList },
    },
    handler: (request) => {
      const { host, pools } = context.agent.status();
      const wanted = request.query.host === undefined || request.query.host === host;
      return { items: wanted ? pools.map((pool) => ({ host, ...pool })) : [] };
    },
  });
};
