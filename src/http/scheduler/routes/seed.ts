/**
 * The calls of the seeds' global scheduler (spec 2.1): `/status`, `/listvm`, `/deploy`, `/remove`, in their words. A refusal
 * is 200 with `success: false`; that no host fits has the seeds' own sentence. Bad input is a 4xx problem, which also
 * carries `success` and `reason`.
 */
import { mib, ratio } from "../../../core/units.js";
import type { ClusterResult, ClusterVm } from "../../../scheduler/service.js";
import type { App } from "../../app-type.js";
import { SEED_NAMES } from "../../host-rules.js";
import type { Answer } from "../../idempotency.js";
import { changeDeadline } from "../../options.js";
import { noQuery } from "../../schemas/requests.js";
import { seedDeployQuery, seedNames, seedRemoveQuery } from "../../schemas/seed.js";
import type { SchedulerContext, SchedulerRoutes } from "../context.js";
import { seedClusterStatus, seedPlacement } from "../schemas/answers.js";
import { onLeader } from "./leading.js";
import { checkInput } from "./wanted.js";

const tags = ["Calls of the earlier systems"];
const reading = { access: "read", seed: true } as const;
const changing = { access: "change", seed: true } as const;
const NO_HOST = "No appropriate node found";

export const seedRoutes: SchedulerRoutes = (app, context) => {
  readingRoutes(app, context);
  deployRoute(app, context);
  removeRoute(app, context);
};

function readingRoutes(app: App, context: SchedulerContext): void {
  app.route({
    method: "GET",
    url: "/status",
    config: reading,
    schema: {
      tags,
      summary: "Pools and free resources of every host, by the address of its agent",
      operationId: "seedStatus",
      querystring: noQuery,
      response: { 200: seedClusterStatus },
    },
    handler: () => ({ ...context.scheduler.seedStatus() }),
  });
  app.route({
    method: "GET",
    url: "/listvm",
    config: reading,
    schema: {
      tags,
      summary: "Names of the VMs of the cluster",
      operationId: "seedListVm",
      querystring: noQuery,
      response: { 200: seedNames },
    },
    handler: () => context.scheduler.vms().map((vm) => vm.name),
  });
}

function deployRoute(app: App, context: SchedulerContext): void {
  app.route({
    method: "GET",
    url: "/deploy",
    exposeHeadRoute: false,
    config: changing,
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags,
      summary: "Deploy a VM on the host that suits it best; a refusal is `success: false`",
      operationId: "seedDeploy",
      querystring: seedDeployQuery,
      response: { 200: seedPlacement },
    },
    handler: (request, reply) => {
      const { name, cpu, mem, oc, qcow2 } = request.query;
      checkInput(context, { vcpus: cpu, ratio: oc, image: qcow2 }, SEED_NAMES);
      return onLeader(context, request, reply, async (requestId) =>
        placementOf(
          context,
          await context.scheduler.deploy({
            name,
            vcpus: cpu,
            memoryMiB: mib(mem),
            ratio: oc === undefined ? null : ratio(oc),
            image: qcow2,
            requestId,
          }),
        ),
      );
    },
  });
}

function removeRoute(app: App, context: SchedulerContext): void {
  app.route({
    method: "GET",
    url: "/remove",
    exposeHeadRoute: false,
    config: changing,
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags,
      summary: "Remove a VM from its host; an unknown name is `success: false`",
      operationId: "seedRemove",
      querystring: seedRemoveQuery,
      response: { 200: seedPlacement },
    },
    handler: (request, reply) =>
      onLeader(context, request, reply, async (requestId) =>
        placementOf(context, await context.scheduler.remove(request.query.name, requestId)),
      ),
  });
}

function placementOf({ scheduler }: SchedulerContext, result: ClusterResult<ClusterVm>): Answer {
  if (result.ok) {
    const { host } = result.value;
    return { status: 200, body: { success: true, reason: null, host, url: scheduler.host(host)?.url ?? null } };
  }
  const { code, reason } = result.refusal;
  const said = code === "no-host-fits" ? NO_HOST : reason;
  return { status: 200, body: { success: false, reason: said, host: null, url: null } };
}
