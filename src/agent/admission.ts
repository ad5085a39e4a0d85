/**
 * Whether a VM is taken, and as what: cordon, name, image, then the pools. Changes nothing of ours. The name is asked
 * of the hypervisor too, since a stopped or foreign domain may have it; the late child of an undone deploy goes.
 */
import type { HostState } from "../core/pool/model.js";
import { specOf, type VmRecord, vcpuRatiosOf } from "../core/reconcile/model.js";
import { accept, type Result, refuse } from "../core/result.js";
import { eraseDomain } from "./ask.js";
import type { AgentContext } from "./context.js";
import type { DeployRequest } from "./service.js";
import type { AgentState } from "./state.js";

export interface Admission {
  readonly vm: VmRecord;
  /** The image behind the requested path, links followed. */
  readonly base: string | null;
  readonly host: HostState;
}

export async function admit(
  context: AgentContext,
  request: DeployRequest,
  requestId: string,
): Promise<Result<Admission>> {
  const state = context.store.state;
  const barred = barredBy(state, request.name);
  if (barred !== null) return barred;
  if (await nameInUse(context, request.name)) {
    return refuse("name-taken", `a domain named ${request.name} exists on this host that Headroom does not manage`, {
      name: request.name,
    });
  }
  const image = request.image === null ? null : await context.images.resolve(request.image);
  if (image !== null && "problem" in image) {
    return refuse("image-not-found", image.problem, { image: request.image });
  }
  const vm = newRecord(context, request, requestId);
  const deployed = context.policy.deploy(state.host, { ...specOf(context.policy, vm), ratio: request.ratio });
  const placed = context.memory.admit(state, vm, deployed);
  return placed.ok ? accept({ vm, base: image?.path ?? null, host: placed.value }) : placed;
}

async function nameInUse({ hypervisor, store }: AgentContext, name: string): Promise<boolean> {
  const detail = await hypervisor.detail(name);
  if (detail === null) return false;
  if (!store.state.undone.includes(detail.uuid)) return true;
  await eraseDomain(hypervisor, name, detail.uuid);
  return false;
}

/** What keeps a VM out before any pool is looked at; null: nothing. */
export function barredBy(state: AgentState, name: string): Result<never> | null {
  if (state.cordoned) return refuse("host-cordoned", "the host takes no new VMs: it is cordoned");
  if (state.vms.has(name)) return refuse("name-taken", `a VM named ${name} exists on this host`, { name });
  return null;
}

function newRecord(context: AgentContext, request: DeployRequest, requestId: string): VmRecord {
  const perVcpu = context.policy.settings.template !== null;
  return {
    name: request.name,
    uuid: context.newUuid(),
    vcpus: request.vcpus,
    memoryMiB: request.memoryMiB,
    ratio: perVcpu ? null : request.ratio,
    vcpuRatios: vcpuRatiosOf(context.policy, request.vcpus, request.ratio),
    state: "running",
    image: request.image,
    overlay: null,
    requestId,
    deployedHere: true,
  };
}
