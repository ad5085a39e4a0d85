/** `/v1/vms`: deploy, list, show, resize and remove VMs. */
import type { VmView } from "../../agent/service.js";
import { accept, type Result, refuse } from "../../core/result.js";
import { type MiB, mib, type Ratio, ratio } from "../../core/units.js";
import type { HttpContext, Routes } from "../context.js";
import { epochOf } from "../epoch.js";
import { BODY_NAMES, checkAgainstHost } from "../host-rules.js";
import { changeDeadline } from "../options.js";
import { fieldsError } from "../problem.js";
import { vmPage } from "../schemas/answers.js";
import { createVmBody, type ListVms, listVmsQuery, nameParams, PAGE_LIMIT, resizeVmBody } from "../schemas/requests.js";
import { statusQuery, vmStatusQuery, vmWithStatus } from "../schemas/scheduler-calls.js";
import { answerOf } from "./answer.js";
import { answerChange, sendWithHost } from "./change.js";

const asIs = <T>(value: T): T => value;
const toMiB = (value: number | undefined): { memoryMiB?: MiB } =>
  value === undefined ? {} : { memoryMiB: mib(value) };
const toRatio = (value: number | undefined): { ratio?: Ratio } => (value === undefined ? {} : { ratio: ratio(value) });
const toVcpus = (value: number | undefined): { vcpus?: number } => (value === undefined ? {} : { vcpus: value });

const toUuid = (value: string | undefined): { uuid?: string } => (value === undefined ? {} : { uuid: value });

function seenNow({ agent }: HttpContext, name: string): Result<VmView> {
  const vm = agent.vm(name);
  return vm === null ? refuse("unknown-vm", `There is no VM named ${name} on this host`) : accept(vm);
}

export const createVmRoute: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/vms",
    config: { access: "change", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Deploy a VM",
      operationId: "createVm",
      querystring: statusQuery,
      body: createVmBody,
      response: { 201: vmWithStatus },
    },
    handler: (request, reply) =>
      answerChange(context, request, reply, request.body.name, async (sender) => {
        const wanted = request.body;
        const errors = checkAgainstHost(wanted, context.hostRules(), BODY_NAMES, true);
        if (errors.length > 0) throw fieldsError(errors);
        const result = await context.agent.deploy({
          name: wanted.name,
          vcpus: wanted.vcpus,
          memoryMiB: mib(wanted.memoryMiB),
          ratio: wanted.ratio === undefined ? null : ratio(wanted.ratio),
          image: wanted.image ?? null,
          ...sender,
        });
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
    config: { access: "read", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Show one VM; under an epoch, after everything that earlier leaders have begun",
      operationId: "showVm",
      params: nameParams,
      querystring: statusQuery,
      response: { 200: vmWithStatus },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      const epoch = epochOf(request);
      const seen = epoch === undefined ? seenNow(context, name) : await context.agent.look(name, epoch);
      sendWithHost(context, request, reply, answerOf(context, seen, asIs));
    },
  });
};

export const resizeVmRoute: Routes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/vms/:name/resize",
    config: { access: "change", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Give a VM another size or ratio",
      operationId: "resizeVm",
      params: nameParams,
      querystring: vmStatusQuery,
      body: resizeVmBody,
      response: { 200: vmWithStatus },
    },
    handler: (request, reply) =>
      answerChange(context, request, reply, request.params.name, async (sender) => {
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
          ...toUuid(request.query.uuid),
          ...sender,
        });
        return answerOf(context, result, asIs);
      }),
  });
};

export const NOTHING_TO_RESIZE = {
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
    config: { access: "change", epoch: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Remove a VM: stop it and forget it; answers the VM as it was",
      operationId: "removeVm",
      params: nameParams,
      querystring: vmStatusQuery,
      response: { 200: vmWithStatus },
    },
    handler: (request, reply) => {
      const { name } = request.params;
      return answerChange(context, request, reply, name, async (sender) => {
        const options = { ...sender, ...toUuid(request.query.uuid) };
        return answerOf(context, await context.agent.remove(name, options), asIs);
      });
    },
  });
};
