/** `/v1/vms`: deploy, list, show, resize and remove VMs. */
import type { VmView } from "../../agent/service.js";
import { type MiB, mib, type Ratio, ratio } from "../../core/units.js";
import type { Routes } from "../context.js";
import { BODY_NAMES, checkAgainstHost } from "../host-rules.js";
import { changeDeadline } from "../options.js";
import { fieldsError, RequestError, refusalProblem, sendProblem } from "../problem.js";
import { vmAnswer, vmPage } from "../schemas/answers.js";
import {
  createVmBody,
  type ListVms,
  listVmsQuery,
  nameParams,
  noQuery,
  PAGE_LIMIT,
  resizeVmBody,
} from "../schemas/requests.js";
import { answerOf, answerPost, sendAnswer } from "./answer.js";

const asIs = <T>(value: T): T => value;
const toMiB = (value: number | undefined): { memoryMiB?: MiB } =>
  value === undefined ? {} : { memoryMiB: mib(value) };
const toRatio = (value: number | undefined): { ratio?: Ratio } => (value === undefined ? {} : { ratio: ratio(value) });
const toVcpus = (value: number | undefined): { vcpus?: number } => (value === undefined ? {} : { vcpus: value });

const unknownVm = (name: string) => ({
  code: "unknown-vm" as const,
  reason: `There is no VM named ${name} on this host`,
});

export const createVmRoute: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/vms",
    config: { access: "change" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Deploy a VM",
      operationId: "createVm",
      querystring: noQuery,
      body: createVmBody,
      response: { 201: vmAnswer },
    },
    handler: (request, reply) =>
      answerPost(context, request, reply, async (key) => {
        const wanted = request.body;
        const errors = checkAgainstHost(wanted, context.hostRules(), BODY_NAMES, true);
        if (errors.length > 0) throw fieldsError(errors);
        const result = await context.agent.deploy({
          name: wanted.name,
          vcpus: wanted.vcpus,
          memoryMiB: mib(wanted.memoryMiB),
          ratio: wanted.ratio === undefined ? null : ratio(wanted.ratio),
          image: wanted.image ?? null,
          ...(key === null ? {} : { requestId: key }),
        });
        if (result.ok && result.value.name !== wanted.name)
          throw new RequestError(
            "idempotency-key-reused",
            `The Idempotency-Key made the VM ${result.value.name} before`,
          );
        return answerOf(context, result, asIs, 201);
      }),
  });
};

export const listVmsRoute: Routes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/vms",
    config: { access: "read" },
    schema: {
      tags: ["VMs"],
      summary: "List VMs by name",
      operationId: "listVms",
      querystring: listVmsQuery,
      response: { 200: vmPage },
    },
    handler: (request) => page(context.agent.vms(), request.query, context.hostId()),
  });
};

function page(vms: readonly VmView[], query: ListVms, host: string): { items: VmView[]; next: string | null } {
  if (query.host !== undefined && query.host !== host) return { items: [], next: null };
  const after = query.cursor === undefined ? "" : Buffer.from(query.cursor, "base64url").toString("utf8");
  const limit = query.limit ?? PAGE_LIMIT;
  const { pool } = query;
  const items: VmView[] = [];
  for (const vm of vms) {
    if (vm.name <= after || (pool !== undefined && !vm.vcpuRatios.some((one) => one === pool))) continue;
    if (items.length === limit)
      return { items, next: Buffer.from(items.at(-1)?.name ?? "", "utf8").toString("base64url") };
    items.push(vm);
  }
  return { items, next: null };
}

export const showVmRoute: Routes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/vms/:name",
    config: { access: "read" },
    schema: {
      tags: ["VMs"],
      summary: "Show one VM",
      operationId: "showVm",
      params: nameParams,
      querystring: noQuery,
      response: { 200: vmAnswer },
    },
    handler: (request, reply) => {
      const vm = context.agent.vm(request.params.name);
      if (vm === null) sendProblem(reply, refusalProblem(unknownVm(request.params.name), context.hostId()));
      else reply.send(vm);
    },
  });
};

export const resizeVmRoute: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/vms/:name/resize",
    config: { access: "change" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Give a VM another size or ratio",
      operationId: "resizeVm",
      params: nameParams,
      querystring: noQuery,
      body: resizeVmBody,
      response: { 200: vmAnswer },
    },
    handler: (request, reply) =>
      answerPost(context, request, reply, async () => {
        const { vcpus, memoryMiB, ratio: newRatio, restart } = request.body;
        const errors = checkAgainstHost(request.body, context.hostRules(), BODY_NAMES, false);
        if (errors.length > 0) throw fieldsError(errors);
        if (vcpus === undefined && memoryMiB === undefined && newRatio === undefined)
          throw fieldsError([NOTHING_TO_RESIZE]);
        const result = await context.agent.resize({
          name: request.params.name,
          ...toVcpus(vcpus),
          ...toMiB(memoryMiB),
          ...toRatio(newRatio),
          ...(restart === undefined ? {} : { restart }),
        });
        return answerOf(context, result, asIs);
      }),
  });
};

const NOTHING_TO_RESIZE = {
  in: "body",
  field: "body",
  fault: "missing",
  message: "says nothing to change; allowed: at least one of vcpus, memoryMiB, ratio",
  allowed: "at least one of vcpus, memoryMiB, ratio",
} as const;

export const removeVmRoute: Routes = (app, context) => {
  app.route({
    method: "DELETE",
    url: "/v1/vms/:name",
    config: { access: "change" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Remove a VM: stop it and forget it; answers the VM as it was",
      operationId: "removeVm",
      params: nameParams,
      querystring: noQuery,
      response: { 200: vmAnswer },
    },
    handler: async (request, reply) => {
      const result = await context.changes.run(() => context.agent.remove(request.params.name));
      sendAnswer(reply, answerOf(context, result, asIs));
    },
  });
};
