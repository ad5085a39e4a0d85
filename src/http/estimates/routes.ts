/** `GET /v1/estimates` and `/v1/estimates/{host}`: what hosts are expected to need, of the estimator and of schedulers alike. */
import type { HostEstimate } from "../../ports/estimates.js";
import type { Routes, SharedContext } from "../context.js";
import { RequestError } from "../problem.js";
import { pageOf } from "../scheduler/routes/pages.js";
import { noQuery } from "../schemas/requests.js";
import { estimateAnswer, estimatePage, estimateParams, listQuery, shownEstimate } from "./schemas.js";

export interface EstimateSource {
  /** By host. */
  estimates(): readonly HostEstimate[];
  /** Null: none. */
  estimate(host: string): HostEstimate | null;
}

const tags = ["Estimates"];

export const estimateRoutes =
  (source: EstimateSource): Routes<SharedContext> =>
  (app, { clock }) => {
    app.route({
      method: "GET",
      url: "/v1/estimates",
      config: { access: "read" },
      schema: {
        tags,
        summary: "List what hosts are expected to need, by host",
        operationId: "listEstimates",
        querystring: listQuery,
        response: { 200: estimatePage },
      },
      handler: ({ query }) => {
        const now = clock.now();
        const { items, next } = pageOf(
          source.estimates(),
          ({ host }) => host,
          query,
          () => true,
        );
        return { items: items.map((estimate) => shownEstimate(estimate, now)), next };
      },
    });
    app.route({
      method: "GET",
      url: "/v1/estimates/:id",
      config: { access: "read" },
      schema: {
        tags,
        summary: "Show what a host is expected to need",
        operationId: "showEstimate",
        params: estimateParams,
        querystring: noQuery,
        response: { 200: estimateAnswer },
      },
      handler: (request) => {
        const { id } = request.params;
        const estimate = source.estimate(id);
        if (estimate === null) throw new RequestError("unknown-host", `There is no estimate of a host ${id}`);
        return shownEstimate(estimate, clock.now());
      },
    });
  };
