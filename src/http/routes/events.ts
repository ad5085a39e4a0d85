/** `GET /v1/events`: server-sent events, resumed by `Last-Event-ID`. */
import { z } from "zod";
import type { Routes, SharedContext } from "../context.js";
import { noQuery } from "../schemas/requests.js";

export const eventsRoute: Routes<SharedContext> = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/events",
    exposeHeadRoute: false,
    config: { access: "read" },
    schema: {
      tags: ["Events"],
      summary: "Follow what happens (server-sent events; send Last-Event-ID to resume, 0 for all that is remembered)",
      operationId: "followEvents",
      querystring: noQuery,
      response: {
        200: {
          description: "A stream of events; the data of each is an Event as JSON",
          content: { "text/event-stream": { schema: z.string() } },
        },
      },
    },
    handler: (request, reply) => {
      const after = context.events.startAfter(request.headers["last-event-id"]);
      context.events.start(reply.raw, after);
      reply.hijack();
    },
  });
};
