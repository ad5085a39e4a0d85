/** Which VMs callers may see, and what they are told of those that they may not touch. Pure. */
import type { VmRecord } from "../core/reconcile/model.js";
import { type Result, refuse } from "../core/result.js";
import { type AgentState, isHidden } from "./state.js";

/** The VM of that name (and uuid, where one is named) that callers may see. */
export function visibleVm(state: AgentState, name: string, uuid?: string): VmRecord | null {
  const vm = state.vms.get(name);
  if (vm === undefined || isHidden(state, vm)) return null;
  return uuid === undefined || vm.uuid === uuid ? vm : null;
}

export const unknownVm = (name: string, uuid?: string): Result<never> =>
  uuid === undefined
    ? refuse("unknown-vm", `there is no VM named ${name} on this host`, { name })
    : refuse("unknown-vm", `there is no VM named ${name} with uuid ${uuid} on this host`, { name, uuid });

export const moving = (name: string): Result<never> =>
  refuse("busy", `the VM ${name} is on its way to another host; ask again when it has arrived`, { name });
