/** `POST /v1/requests/{id}/revoke`: what became of a request, and the promise that it is not carried out any more. */
import type { Routes } from "../context.js";
import { epochOf } from "../epoch.js";
import { changeDeadline } from "../options.js";
import { requestParams, revocationAnswer, revokeBody, statusQuery } from "../schemas/scheduler-calls.js";
import { answerOf } from "./answer.js";
import { sendWithHost } from "./change.js";

export const requestRoutes: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/requests/:requestId/revoke",
    config: { access: "change", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["Requests"],
      summary: "Learn what became of a request whose answer did not come; from then on it is not carried out any more",
      operationId: "revokeRequest",
      params: requestParams,
      querystring: statusQuery,
      body: revokeBody,
      response: { 200: revocationAnswer },
    },
    // Safe to repeat: no Idempotency-Key is kept.
    handler: async (request, reply) => {
      const epoch = epochOf(request);
      const { requestId } = request.params;
      const wanted = { requestId, name: request.body.name, ...(epoch === undefined ? {} : { epoch }) };
      const result = await context.changes.run(() => context.agent.revoke(wanted));
      sendWithHost(
        context,
        request,
        reply,
        answerOf(context, result, (value) => value),
      );
    },
  });
};
