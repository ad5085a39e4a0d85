/**
 * Which VMs hold room on the host, from what the agent knows and what the hypervisor shows: adopts VMs found running, gives
 * back the room of those that stopped, forgets those that vanished, takes back those started again, and tries once more
 * to place those that found no room. Room is given back before it is given out, and then in order of name, so that the same
 * picture always leads to the same state. Reading its own result again changes nothing (promise 6).
 *
 * Leaves out pins (pins.ts), and domains that no VM of ours ever was and that do not run: they hold nothing.
 */
import { assert } from "../assert.js";
import type { HostState } from "../pool/model.js";
import type { PoolPolicy } from "../pool/policy.js";
import { type MiB, type Ratio, ratio } from "../units.js";
import {
  ADOPTED_PREFIX,
  isPlaced,
  type Membership,
  type ObservedDetail,
  type ObservedDomain,
  type PlannedEvent,
  specOf,
  type VmRecord,
  type VmRecords,
  vcpuRatiosOf,
} from "./model.js";

export interface MembershipInput {
  readonly policy: PoolPolicy;
  readonly host: HostState;
  readonly vms: VmRecords;
  /** Every domain of the hypervisor. */
  readonly domains: readonly ObservedDomain[];
  /** Of the domains that `domainsToLookUp` named; one that is missing here vanished meanwhile and is left for the next tick. */
  readonly details: ReadonlyMap<string, ObservedDetail>;
  /** VMs with an unfinished request: left as they are until that is settled. */
  readonly held: ReadonlySet<string>;
}

/** Domains whose definition has to be read before `planMembership`. `ignored`: uuids looked at before and not ours. */
export function domainsToLookUp(
  vms: VmRecords,
  domains: readonly ObservedDomain[],
  ignored: ReadonlySet<string>,
): readonly string[] {
  const names: string[] = [];
  for (const domain of domains) {
    const known = vms.get(domain.name);
    const same = known !== undefined && known.uuid === domain.uuid;
    if (domain.active ? !same || known.state === "stopped" : !same && !ignored.has(domain.uuid))
      names.push(domain.name);
  }
  return names;
}

export function planMembership(input: MembershipInput): Membership {
  const draft = new Draft(input);
  const byName = new Map(input.domains.map((domain) => [domain.name, domain]));
  for (const vm of input.vms.values()) {
    if (!input.held.has(vm.name)) draft.release(vm, byName.get(vm.name));
  }
  const names = [...byName.keys()].sort();
  for (const name of names) {
    if (!input.held.has(name)) draft.take(byName.get(name)!);
  }
  return draft.result();
}

/** The next state while it is being worked out; lives for one call. */
class Draft {
  private host: HostState;
  private readonly vms: Map<string, VmRecord>;
  private readonly events: PlannedEvent[] = [];
  private changed = false;
  private readonly policy: PoolPolicy;

  constructor(private readonly input: MembershipInput) {
    this.policy = input.policy;
    this.host = input.host;
    this.vms = new Map(input.vms);
  }

  result(): Membership {
    const { changed, events } = this;
    return changed
      ? { host: this.host, vms: this.vms, events, changed }
      : { host: this.input.host, vms: this.input.vms, events, changed };
  }

  /** Gives back what a VM holds when its domain is gone, is another one, or no longer runs. */
  release(vm: VmRecord, domain: ObservedDomain | undefined): void {
    if (domain === undefined || domain.uuid !== vm.uuid) {
      this.free(vm);
      this.vms.delete(vm.name);
      const disk = vm.overlay === null ? "" : `; its disk is left at ${vm.overlay}`;
      this.event("vm-vanished", vm.name, `its domain is gone from the hypervisor, its room is given back${disk}`);
      this.changed = true;
    } else if (!domain.active && vm.state !== "stopped") {
      this.free(vm);
      this.put({ ...vm, state: "stopped" });
      this.event("vm-stopped", vm.name, "it stopped, its room is given back");
    }
  }

  /** Takes in a domain that runs without room, and notes what else is new about it. */
  take(domain: ObservedDomain): void {
    const known = this.vms.get(domain.name);
    if (known === undefined) {
      this.meet(domain);
    } else if (domain.active && isPlaced(known)) {
      const state = domain.paused ? "paused" : "running";
      if (known.state !== state) this.put({ ...known, state });
    } else if (domain.active && known.state === "unplaced") {
      this.place(known, domain, known);
    } else if (domain.active) {
      const detail = this.input.details.get(domain.name);
      if (detail !== undefined) this.place(withSize(this.policy, known, detail), domain, known);
    }
  }

  private meet(domain: ObservedDomain): void {
    const detail = this.input.details.get(domain.name);
    if (detail === undefined || detail.uuid !== domain.uuid) return;
    if (!domain.active && detail.mark === null) return;
    const vm = recordOf(this.policy, domain, detail);
    if (domain.active) this.place(vm, domain, null);
    else this.put(vm);
  }

  /** `known`: how it was on the books before; null: never seen. */
  private place(vm: VmRecord, domain: ObservedDomain, known: VmRecord | null): void {
    const placement = placeAdopted(this.policy, this.host, vm);
    if (placement.ok) {
      this.host = placement.host;
      this.put({ ...placement.vm, state: domain.paused ? "paused" : "running" });
      this.event("vm-adopted", vm.name, adoptionMessage(placement.vm, known));
    } else if (known?.state !== "unplaced") {
      this.put({ ...vm, state: "unplaced" });
      this.event("vm-unplaced", vm.name, `it runs, but no pool can take it: ${placement.reason}`);
    }
  }

  private free(vm: VmRecord): void {
    if (!isPlaced(vm)) return;
    const removed = this.policy.remove(this.host, vm.name);
    assert(removed.ok, `the pools do not hold the placed VM ${vm.name}`);
    this.host = removed.value;
    this.changed = true;
  }

  private put(vm: VmRecord): void {
    this.vms.set(vm.name, vm);
    this.changed = true;
  }

  private event(kind: PlannedEvent["kind"], vm: string, message: string): void {
    this.events.push({ kind, vm, message });
  }
}

type AdoptedPlacement =
  | { readonly ok: true; readonly host: HostState; readonly vm: VmRecord }
  | { readonly ok: false; readonly reason: string };

/** A ratio that this host does not offer becomes 1.0: the promise kept is then the stronger one. */
export function placeAdopted(policy: PoolPolicy, host: HostState, vm: VmRecord): AdoptedPlacement {
  const asked = policy.deploy(host, specOf(policy, vm));
  if (asked.ok) return { ok: true, host: asked.value, vm };
  if (asked.refusal.code !== "ratio-not-offered" || policy.settings.template !== null) {
    return { ok: false, reason: asked.refusal.reason };
  }
  const exclusive: VmRecord = { ...vm, ratio: ratio(1), vcpuRatios: vcpuRatiosOf(policy, vm.vcpus, ratio(1)) };
  const plain = policy.deploy(host, specOf(policy, exclusive));
  return plain.ok ? { ok: true, host: plain.value, vm: exclusive } : { ok: false, reason: plain.refusal.reason };
}

/** The record of a domain that the agent had not on its books: what its mark says, else one that was found (ratio 1.0). */
export function recordOf(policy: PoolPolicy, domain: ObservedDomain, detail: ObservedDetail): VmRecord {
  const mark = detail.mark;
  const own = policy.settings.template === null ? markedRatio(mark) : null;
  const deployedHere = mark !== null && !mark.requestId.startsWith(ADOPTED_PREFIX);
  return {
    name: domain.name,
    uuid: domain.uuid,
    vcpus: detail.vcpus,
    memoryMiB: soldMiB(detail),
    ratio: own,
    vcpuRatios: vcpuRatiosOf(policy, detail.vcpus, own),
    state: "stopped",
    image: mark?.image ?? null,
    overlay: deployedHere ? mark.overlay : null,
    requestId: deployedHere ? mark.requestId : null,
    deployedHere,
  };
}

/**
 * What the mark says was sold: the balloon may have less at the moment. Where the guest has more than that (somebody inflated it
 * by hand) the host counts what it has. Definitions are in whole MiB, rounded up.
 */
function soldMiB({ memoryMiB, mark }: ObservedDetail): MiB {
  const sold = mark?.memoryMiB;
  return sold === undefined || memoryMiB > Math.ceil(sold) ? memoryMiB : sold;
}

/** The strictest of the marked ratios: where a per-vCPU VM meets a per-VM host, no vCPU gets less than it was sold. */
function markedRatio(mark: ObservedDetail["mark"]): Ratio {
  const valid = mark?.vcpuRatios.filter((value) => Number.isFinite(value) && value >= 1) ?? [];
  return ratio(valid.length === 0 ? 1 : Math.min(...valid));
}

/** A domain that was redefined while it was stopped comes back with its new size. */
function withSize(policy: PoolPolicy, vm: VmRecord, detail: ObservedDetail): VmRecord {
  if (detail.vcpus === vm.vcpus && detail.memoryMiB === vm.memoryMiB) return vm;
  return {
    ...vm,
    vcpus: detail.vcpus,
    memoryMiB: detail.memoryMiB,
    vcpuRatios: vcpuRatiosOf(policy, detail.vcpus, vm.ratio),
  };
}

function adoptionMessage(vm: VmRecord, known: VmRecord | null): string {
  const where = vm.ratio === null ? "the pools of its vCPUs" : `the pool of ratio ${vm.ratio}`;
  if (known === null) return `found running, adopted into ${where}`;
  return known.state === "stopped" ? `started again, back in ${where}` : `there is room now: placed in ${where}`;
}
