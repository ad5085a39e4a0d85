/**
 * `/v1/estimates` of a cluster: the estimator publishes, anybody reads. Only the leader keeps them, so a standby passes both on. A host that
 * the cluster does not know is named in the answer, and no error: the estimator knows more hosts, or knows them sooner.
 */
import type { HostEstimate } from "../../../ports/estimates.js";
import type { KeptEstimate } from "../../../scheduler/estimates.js";
import { estimateParams, listQuery } from "../../estimates/schemas.js";
import { RequestError } from "../../problem.js";
import { fromWire } from "../../schemas/names.js";
import { noQuery } from "../../schemas/requests.js";
import type { SchedulerRoutes } from "../context.js";
import { REPORT_BYTES } from "../options.js";
import {
  clusterEstimateAnswer,
  clusterEstimatePage,
  estimateCourse,
  publishBody,
  publishedAnswer,
} from "../schemas/estimates.js";
import { onLeader } from "./leading.js";
import { pageOf } from "./pages.js";

const tags = ["Estimates"];
const MS_PER_SECOND = 1000;

const shown = ({ id, estimate, age, stale }: KeptEstimate) => ({
  id,
  ...estimate,
  ageSeconds: age / MS_PER_SECOND,
  stale,
});

export const estimatesRoutes: SchedulerRoutes = (app, context) => {
  const { scheduler } = context;
  app.route({
    method: "POST",
    url: "/v1/estimates",
    config: { access: "change" },
    bodyLimit: Math.max(REPORT_BYTES, context.limits.bodyBytes),
    schema: {
      tags,
      summary: "Publish what hosts are expected to need; of each host the newest is kept, for the estimator",
      operationId: "publishEstimates",
      querystring: noQuery,
      body: publishBody,
      response: { 200: publishedAnswer },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () => {
        const estimates = request.body.estimates.map((one) => fromWire<HostEstimate>(one));
        return { status: 200, body: await scheduler.publishEstimates(estimates) };
      }),
  });
  app.route({
    method: "GET",
    url: "/v1/estimates",
    config: { access: "read" },
    schema: {
      tags,
      summary: "List what hosts are expected to need, by host, with how old that is",
      operationId: "listEstimates",
      querystring: listQuery,
      response: { 200: clusterEstimatePage },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () => {
        const page = pageOf(
          scheduler.estimates(),
          ({ id }) => id,
          request.query,
          () => true,
        );
        return { status: 200, body: { items: page.items.map(shown), next: page.next } };
      }),
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
      response: { 200: clusterEstimateAnswer },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () => {
        const { id } = request.params;
        const found = scheduler.estimates().find((one) => one.id === id);
        if (found === undefined) throw new RequestError("unknown-host", `There is no estimate of a host ${id}`);
        return { status: 200, body: shown(found) };
      }),
  });
  courseRoute(app, context);
};

const courseRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/estimates/:id/course",
    config: { access: "read" },
    schema: {
      tags,
      summary: "How a host's estimates went: the last 24 that were published, with what was used since",
      operationId: "showEstimateCourse",
      params: estimateParams,
      querystring: noQuery,
      response: { 200: estimateCourse },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () => {
        const { id } = request.params;
        const items = context.scheduler.estimateCourse(id);
        if (items.length === 0) throw new RequestError("unknown-host", `There is no estimate of a host ${id}`);
        return { status: 200, body: { items } };
      }),
  });
};
