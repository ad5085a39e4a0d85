/** `/healthz` (the process answers), the agent's `/readyz` (it takes requests) and `/metrics`. */
import { z } from "zod";
import type { Routes, SharedContext } from "../context.js";
import { RequestError } from "../problem.js";
import { healthAnswer, readyAnswer } from "../schemas/answers.js";
import { noQuery } from "../schemas/requests.js";

export const healthRoute: Routes<SharedContext> = (app, context) => {
  app.route({
    method: "GET",
    url: "/healthz",
    config: { access: "open" },
    schema: {
      tags: ["Health"],
      summary: "The process answers",
      operationId: "health",
      querystring: noQuery,
      response: { 200: healthAnswer },
    },
    handler: () => ({ status: "ok" as const, version: context.version }),
  });
};

export const readyRoute: Routes = (app, context) => {
  app.route({
    method: "GET",
    url: "/readyz",
    config: { access: "open" },
    schema: {
      tags: ["Health"],
      summary: "The agent takes requests: its first tick succeeded and the hypervisor is reachable",
      operationId: "ready",
      querystring: noQuery,
      response: { 200: readyAnswer },
    },
    handler: () => {
      if (!context.agent.ready())
        throw new RequestError("not-ready", "The first tick has not succeeded yet, or the hypervisor is not reachable");
      return { status: "ready" as const, host: context.hostId() };
    },
  });
};

export const metricsRoute: Routes<SharedContext> = (app, context) => {
  app.route({
    method: "GET",
    url: "/metrics",
    config: { access: "read" },
    schema: {
      tags: ["Health"],
      summary: "Metrics for Prometheus",
      operationId: "metrics",
      querystring: noQuery,
      response: {
        200: { description: "Prometheus text format 0.0.4", content: { "text/plain": { schema: z.string() } } },
      },
    },
    handler: async (_request, reply) =>
      reply
        .type(context.metrics.contentType)
        .serializer(String)
        .send(await context.metrics.text()),
  });
};
