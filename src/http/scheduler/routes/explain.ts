/** `POST /v1/placements:explain`: every filter's verdict and every weigher's score, for every host; changes nothing. */
import type { HostExplanation } from "../../../core/placement/explain.js";
import type { ClusterExplanation } from "../../../scheduler/service.js";
import { BODY_NAMES } from "../../host-rules.js";
import { noQuery } from "../../schemas/requests.js";
import type { SchedulerRoutes } from "../context.js";
import { type ClusterExplanationAnswer, clusterExplanationAnswer } from "../schemas/answers.js";
import { explainClusterBody } from "../schemas/requests.js";
import { onLeader } from "./leading.js";
import { checkInput, deployOf } from "./wanted.js";

export const explainRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/placements::explain",
    config: { access: "read" },
    schema: {
      tags: ["Placement"],
      summary: "Explain which host a VM would go to, and why not the others; changes nothing",
      operationId: "explainPlacement",
      querystring: noQuery,
      body: explainClusterBody,
      response: { 200: clusterExplanationAnswer },
    },
    handler: (request, reply) => {
      checkInput(context, request.body, BODY_NAMES);
      return onLeader(context, request, reply, async () => ({
        status: 200,
        body: explanationOf(context.scheduler.explain(deployOf(request.body))),
      }));
    },
  });
};

const explanationOf = ({ chosen, hosts, vetoes, prices, makesRoom }: ClusterExplanation): ClusterExplanationAnswer => ({
  chosen,
  room: hosts.reduce((sum, { room }) => sum + room, 0),
  hosts: hosts.map(hostOf),
  vetoes: { ...vetoes },
  makesRoom: makesRoom === null ? null : { ...makesRoom, moves: makesRoom.moves.map((move) => ({ ...move })) },
  prices: prices === null ? null : { ...prices, host: { ...prices.host } },
});

const verdictOf = ({ filter, veto }: HostExplanation["verdicts"][number]) => ({
  filter,
  passed: veto === null,
  reason: veto,
});

const hostOf = ({
  hostId,
  verdicts,
  scores,
  score,
  room,
  expected,
}: HostExplanation): ClusterExplanationAnswer["hosts"][number] => ({
  host: hostId,
  fits: score !== null,
  score,
  room,
  filters: verdicts.filter(({ advisory }) => !advisory).map(verdictOf),
  weighers: scores === null ? null : scores.map((one) => ({ ...one })),
  advice: verdicts.filter(({ advisory }) => advisory).map(verdictOf),
  expected,
});
