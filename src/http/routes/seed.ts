/**
 * The seeds' calls (spec 2.1), for their users and scripts: `/status`, `/listvm`, `/deploy`, `/remove`, `/progress`, with
 * their keys and shapes. A refusal is 200 with `success: false`, as it was; bad input is a 4xx problem, which also carries
 * `success` and `reason`. They change state on GET, so HEAD is not offered on those that do.
 */
import { mib, ratio } from "../../core/units.js";
import type { App } from "../app-type.js";
import type { HttpContext, Routes } from "../context.js";
import { checkAgainstHost, SEED_NAMES } from "../host-rules.js";
import { changeDeadline } from "../options.js";
import { fieldsError } from "../problem.js";
import { noQuery } from "../schemas/requests.js";
import {
  seedDeployQuery,
  seedNames,
  seedOutcome,
  seedProgress,
  seedProgressQuery,
  seedRemoveQuery,
  seedStatusAnswer,
} from "../schemas/seed.js";

const tags = ["Calls of the earlier systems"];
const reading = { access: "read", seed: true } as const;
const changing = { access: "change", seed: true } as const;

export const seedRoutes: Routes = (app, context) => {
  statusRoutes(app, context);
  progressRoute(app, context);
  deployRoute(app, context);
  removeRoute(app, context);
};

function statusRoutes(app: App, context: HttpContext): void {
  app.route({
    method: "GET",
    url: "/status",
    config: reading,
    schema: {
      tags,
      summary: "Pools and free resources",
      operationId: "seedStatus",
      querystring: noQuery,
      response: { 200: seedStatusAnswer },
    },
    handler: () => context.agent.seedStatus(),
  });
  app.route({
    method: "GET",
    url: "/listvm",
    config: reading,
    schema: {
      tags,
      summary: "Names of the VMs",
      operationId: "seedListVm",
      querystring: noQuery,
      response: { 200: seedNames },
    },
    handler: () => context.agent.vms().map((vm) => vm.name),
  });
}

function progressRoute(app: App, context: HttpContext): void {
  app.route({
    method: "GET",
    url: "/progress",
    config: reading,
    schema: {
      tags,
      summary: "How far a VM would move the host's memory per pCPU towards its own",
      operationId: "seedProgress",
      querystring: seedProgressQuery,
      response: { 200: seedProgress },
    },
    handler: (request) => {
      const { cpu, mem, oc } = request.query;
      checkSeedInput(context, cpu, oc);
      const vm = { name: "-", vcpus: cpu, memoryMiB: mib(mem), ratio: oc === undefined ? null : ratio(oc) };
      return { progress: context.agent.progress(vm) };
    },
  });
}

function deployRoute(app: App, context: HttpContext): void {
  app.route({
    method: "GET",
    url: "/deploy",
    exposeHeadRoute: false,
    config: changing,
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags,
      summary: "Deploy a VM; a refusal is `success: false`",
      operationId: "seedDeploy",
      querystring: seedDeployQuery,
      response: { 200: seedOutcome },
    },
    handler: async (request) => {
      const { name, cpu, mem, oc, qcow2 } = request.query;
      checkSeedInput(context, cpu, oc, qcow2);
      const wanted = {
        name,
        vcpus: cpu,
        memoryMiB: mib(mem),
        ratio: oc === undefined ? null : ratio(oc),
        image: qcow2,
      };
      const result = await context.changes.run(() => context.agent.deploy(wanted));
      return { success: result.ok, reason: result.ok ? null : result.refusal.reason };
    },
  });
}

function removeRoute(app: App, context: HttpContext): void {
  app.route({
    method: "GET",
    url: "/remove",
    exposeHeadRoute: false,
    config: changing,
    handlerTimeout: changeDeadline(context.limits),
    schema: {
      tags,
      summary: "Remove a VM; an unknown name is `success: false`",
      operationId: "seedRemove",
      querystring: seedRemoveQuery,
      response: { 200: seedOutcome },
    },
    handler: async (request) => {
      const result = await context.changes.run(() => context.agent.remove(request.query.name));
      return { success: result.ok, reason: result.ok ? null : result.refusal.reason };
    },
  });
}

function checkSeedInput(context: HttpContext, cpu: number, oc: number | undefined, qcow2?: string): void {
  const errors = checkAgainstHost({ vcpus: cpu, ratio: oc, image: qcow2 }, context.hostRules(), SEED_NAMES, true);
  if (errors.length > 0) throw fieldsError(errors);
}
