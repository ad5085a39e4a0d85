/** `GET /v1/session`: whom the caller speaks to and what it may do, so that a page offers nothing that would be refused. */
import type { Routes, SharedContext } from "../context.js";
import { noQuery } from "../schemas/requests.js";
import { type SessionAnswer, sessionAnswer } from "../schemas/session.js";

export const sessionRoute =
  (program: SessionAnswer["program"]): Routes<SharedContext> =>
  (app, context) => {
    app.route({
      method: "GET",
      url: "/v1/session",
      config: { access: "read" },
      schema: {
        tags: ["Health"],
        summary: "Show whom the caller speaks to, and its role",
        operationId: "showSession",
        querystring: noQuery,
        response: { 200: sessionAnswer },
      },
      handler: ({ bearer }) => ({
        program,
        version: context.version,
        role: bearer?.role ?? "operator",
        tokens: bearer !== null,
      }),
    });
  };
