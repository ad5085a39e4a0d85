/** `GET /readyz` of the probe and of the collector: whether its work succeeds at the moment. */
import { z } from "zod";
import type { Routes, SharedContext } from "../context.js";
import { RequestError } from "../problem.js";
import { named } from "../schemas/names.js";
import { noQuery } from "../schemas/requests.js";

const workingAnswer = named("Working", "It works.", z.object({ status: z.literal("ready") }));

/** `problem`: why it does not; null when it does. */
export const telemetryReadyRoute =
  (problem: () => string | null): Routes<SharedContext> =>
  (app) => {
    app.route({
      method: "GET",
      url: "/readyz",
      config: { access: "open" },
      schema: {
        tags: ["Health"],
        summary: "Its work succeeds",
        operationId: "ready",
        querystring: noQuery,
        response: { 200: workingAnswer },
      },
      handler: () => {
        const reason = problem();
        if (reason !== null) throw new RequestError("not-ready", reason);
        return { status: "ready" as const };
      },
    });
  };
