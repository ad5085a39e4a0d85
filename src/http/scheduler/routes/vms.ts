/** `/v1/vms` of a cluster: deploy, list, show, resize and remove VMs, wherever they are. */
import { mib, ratio } from "../../../core/units.js";
import type { ClusterResize, ClusterResult, ClusterVm } from "../../../scheduler/service.js";
import { BODY_NAMES } from "../../host-rules.js";
import type { Answer } from "../../idempotency.js";
import { changeDeadline } from "../../options.js";
import { fieldsError } from "../../problem.js";
import { sendAnswer } from "../../routes/answer.js";
import { NOTHING_TO_RESIZE } from "../../routes/vms.js";
import { nameParams, noQuery, type ResizeVm, resizeVmBody } from "../../schemas/requests.js";
import type { SchedulerRoutes } from "../context.js";
import { clusterEventList, clusterVmAnswer, clusterVmPage } from "../schemas/answers.js";
import { createClusterVmBody, type ListClusterVms, listClusterVmsQuery, showVmQuery } from "../schemas/requests.js";
import { clusterAnswer, onLeader } from "./leading.js";
import { pageOf } from "./pages.js";
import { checkInput, deployOf } from "./wanted.js";

const asIs = <T>(value: T): T => value;

export const createVmRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/vms",
    config: { access: "change" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Deploy a VM on the host that suits it best",
      operationId: "createVm",
      querystring: noQuery,
      body: createClusterVmBody,
      response: { 201: clusterVmAnswer },
    },
    handler: (request, reply) => {
      checkInput(context, request.body, BODY_NAMES);
      return onLeader(context, request, reply, async (requestId) =>
        clusterAnswer(await context.scheduler.deploy(deployOf(request.body, requestId)), asIs, 201),
      );
    },
  });
};

export const listVmsRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/vms",
    config: { access: "read" },
    schema: {
      tags: ["VMs"],
      summary: "List VMs of the cluster by name",
      operationId: "listVms",
      querystring: listClusterVmsQuery,
      response: { 200: clusterVmPage },
    },
    handler: ({ query }) =>
      pageOf(
        context.scheduler.vms(),
        (vm) => vm.name,
        query,
        (vm) => isWanted(vm, query),
      ),
  });
};

function isWanted(vm: ClusterVm, { host, pool, state }: ListClusterVms): boolean {
  if (host !== undefined && vm.host !== host && !vm.hosts.includes(host)) return false;
  if (pool !== undefined && vm.ratio !== pool) return false;
  return state === undefined || vm.state === state;
}

export const showVmRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/vms/:name",
    config: { access: "read" },
    schema: {
      tags: ["VMs"],
      summary: "Show one VM and where it is",
      operationId: "showVm",
      params: nameParams,
      querystring: showVmQuery,
      response: { 200: clusterVmAnswer },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      if (request.query.fresh === true)
        return onLeader(context, request, reply, async () => foundOf(name, await context.scheduler.inspect(name)));
      const { status, body } = foundOf(name, context.scheduler.vm(name));
      sendAnswer(reply, { status, body });
    },
  });
};

/** Kept after the VM is gone, for a while: that it was removed, and when, is a part of it. */
export const vmEventsRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/vms/:name/events",
    config: { access: "read" },
    schema: {
      tags: ["VMs"],
      summary:
        "What happened to a VM, the last 20 events since its scheduler leads: where it was placed and why, its moves and changes",
      operationId: "listVmEvents",
      params: nameParams,
      querystring: noQuery,
      response: { 200: clusterEventList },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async () => {
        const { name } = request.params;
        const items = context.scheduler.eventsOf(name);
        return items.length > 0
          ? { status: 200, body: { items } }
          : clusterAnswer(foundResult(name, context.scheduler.vm(name)), () => ({ items }));
      }),
  });
};

/** The VM, or the problem that there is none. */
const foundOf = (name: string, vm: ClusterVm | null): Answer => clusterAnswer(foundResult(name, vm), asIs);

function foundResult(name: string, vm: ClusterVm | null): ClusterResult<ClusterVm> {
  const reason = `There is no VM named ${name} in the cluster`;
  return vm === null ? { ok: false, refusal: { code: "unknown-vm", reason } } : { ok: true, value: vm };
}

export const resizeVmRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "POST",
    url: "/v1/vms/:name/resize",
    config: { access: "change" },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Give a VM another size or ratio, on the host where it is",
      operationId: "resizeVm",
      params: nameParams,
      querystring: noQuery,
      body: resizeVmBody,
      response: { 200: clusterVmAnswer },
    },
    handler: (request, reply) => {
      const { vcpus, memoryMiB, ratio: newRatio } = request.body;
      checkInput(context, request.body, BODY_NAMES);
      if (vcpus === undefined && memoryMiB === undefined && newRatio === undefined)
        throw fieldsError([NOTHING_TO_RESIZE]);
      return onLeader(context, request, reply, async (requestId) =>
        clusterAnswer(await context.scheduler.resize(resizeOf(request.params.name, request.body, requestId)), asIs),
      );
    },
  });
};

const resizeOf = (name: string, size: ResizeVm, requestId: string): ClusterResize => ({
  name,
  requestId,
  ...(size.vcpus === undefined ? {} : { vcpus: size.vcpus }),
  ...(size.memoryMiB === undefined ? {} : { memoryMiB: mib(size.memoryMiB) }),
  ...(size.ratio === undefined ? {} : { ratio: ratio(size.ratio) }),
  ...(size.restart === undefined ? {} : { restart: size.restart }),
});

export const removeVmRoute: SchedulerRoutes = (app, context) => {
  app.route({
    method: "DELETE",
    url: "/v1/vms/:name",
    config: { access: "change", keyed: true },
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags: ["VMs"],
      summary: "Remove a VM from its host; answers the VM as it was",
      operationId: "removeVm",
      params: nameParams,
      querystring: noQuery,
      response: { 200: clusterVmAnswer },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async (requestId) =>
        clusterAnswer(await context.scheduler.remove(request.params.name, requestId), asIs),
      ),
  });
};
