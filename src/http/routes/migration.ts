/**
 * Moving a VM from one host to another, as a scheduler asks for it: `POST /v1/migrations` reserves its room here, `POST
 * /v1/vms/{name}/migrate` hands it over. Both are answered at once, and again under the same Idempotency-Key with how the move
 * stands: so what they answer is not kept, and a key is needed.
 */
import { parseCpuSet } from "../../core/cpuset.js";
import { mib, ratio } from "../../core/units.js";
import type { Routes } from "../context.js";
import { changeDeadline } from "../options.js";
import { fieldsError } from "../problem.js";
import { receiveVmBody, sendVmBody } from "../schemas/migration.js";
import { nameParams } from "../schemas/requests.js";
import { migrateQuery, statusQuery, vmWithStatus } from "../schemas/scheduler-calls.js";
import { answerOf } from "./answer.js";
import { answerUnkept, type Sender } from "./change.js";

const KEY_MISSING = {
  in: "header",
  field: "idempotency-key",
  fault: "missing",
  message: "is missing: how the move stands is asked under it",
  allowed: "1 to 128 visible ASCII characters",
} as const;

function keyed(sender: Sender): Sender & { readonly requestId: string } {
  const { requestId } = sender;
  if (requestId !== undefined) return { ...sender, requestId };
  throw fieldsError([KEY_MISSING]);
}

export const migrationRoutes: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/migrations",
    config: { access: "change", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["Migration"],
      summary: "Reserve room for a VM that comes from another host; answers the VM with its pins here",
      operationId: "receiveVm",
      querystring: statusQuery,
      body: receiveVmBody,
      response: { 200: vmWithStatus },
    },
    handler: (request, reply) =>
      answerUnkept(context, request, reply, request.body.name, async (sender) => {
        const { name, uuid, vcpus, memoryMiB, ratio: own } = request.body;
        const size = { vcpus, memoryMiB: mib(memoryMiB), ratio: own === undefined ? null : ratio(own) };
        const result = await context.agent.receive({ name, uuid, ...size, ...keyed(sender) });
        return answerOf(context, result, (vm) => vm);
      }),
  });
  app.route({
    method: "POST",
    url: "/v1/vms/:name/migrate",
    config: { access: "change", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["Migration"],
      summary: "Hand a running VM to another host that has reserved room for it; `migrating`: it is under way",
      operationId: "sendVm",
      params: nameParams,
      querystring: migrateQuery,
      body: sendVmBody,
      response: { 200: vmWithStatus },
    },
    handler: (request, reply) =>
      answerUnkept(context, request, reply, request.params.name, async (sender) => {
        const { address, pins } = request.body;
        const { uuid } = request.query;
        const wanted = { name: request.params.name, uuid, address, pins: pins.map(parseCpuSet) };
        return answerOf(context, await context.agent.send({ ...wanted, ...keyed(sender) }), (vm) => vm);
      }),
  });
};
