/** `POST /v1/placements:explain`: what would happen to a VM, and why; changes nothing. */
import { mib, ratio } from "../../core/units.js";
import type { Routes } from "../context.js";
import { BODY_NAMES, checkAgainstHost } from "../host-rules.js";
import { fieldsError } from "../problem.js";
import { explanationAnswer } from "../schemas/answers.js";
import { explainBody, noQuery } from "../schemas/requests.js";
import { answerPost } from "./answer.js";

/** Of a VM that has no name yet. No VM can have it: names begin with a letter or digit. */
const NO_NAME = "-";

export const explainRoute: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/placements::explain",
    config: { access: "read" },
    schema: {
      tags: ["Placement"],
      summary: "Explain where a VM would go, and why not elsewhere; changes nothing",
      operationId: "explainPlacement",
      querystring: noQuery,
      body: explainBody,
      response: { 200: explanationAnswer },
    },
    handler: (request, reply) =>
      answerPost(context, request, reply, async () => {
        const wanted = request.body;
        const errors = checkAgainstHost(wanted, context.hostRules(), BODY_NAMES, true);
        if (errors.length > 0) throw fieldsError(errors);
        const verdict = context.agent.explain({
          name: wanted.name ?? NO_NAME,
          vcpus: wanted.vcpus,
          memoryMiB: mib(wanted.memoryMiB),
          ratio: wanted.ratio === undefined ? null : ratio(wanted.ratio),
        });
        const host = context.hostId();
        return { status: 200, body: { chosen: verdict.fits ? host : null, hosts: [{ host, ...verdict }] } };
      }),
  });
};
