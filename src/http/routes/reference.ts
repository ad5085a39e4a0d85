/** The server's own description: `/openapi.json`, and what each problem code means. */
import { z } from "zod";
import type { Routes, SharedContext } from "../context.js";
import { ERROR_TABLE, isErrorCode } from "../error-table.js";
import { RequestError } from "../problem.js";
import { errorEntryAnswer } from "../schemas/answers.js";
import { codeParams, noQuery } from "../schemas/requests.js";

export const referenceRoutes: Routes<SharedContext> = (app, context) => {
  app.route({
    method: "GET",
    url: "/openapi.json",
    config: { access: "open" },
    schema: {
      tags: ["Reference"],
      summary: "This interface as an OpenAPI document",
      operationId: "openapi",
      querystring: noQuery,
      response: { 200: z.looseObject({ openapi: z.string() }) },
    },
    handler: (_request, reply) => {
      reply.serializer(JSON.stringify).send(context.openapi());
    },
  });
  app.route({
    method: "GET",
    url: "/problems/:code",
    config: { access: "open" },
    schema: {
      tags: ["Reference"],
      summary: "What the code of a problem means",
      operationId: "explainProblem",
      params: codeParams,
      querystring: noQuery,
      response: { 200: errorEntryAnswer },
    },
    handler: (request) => {
      const { code } = request.params;
      if (!isErrorCode(code)) throw new RequestError("not-found", `No problem has the code ${code}`);
      const { status, title, meaning, retryAfterSeconds } = ERROR_TABLE[code];
      return { code, status, title, meaning, retryAfterSeconds: retryAfterSeconds ?? null };
    },
  });
};
