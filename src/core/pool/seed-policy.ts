/**
 * The pools of SlackVM, VMStack and SweetSpotVM (spec 1.3), decided as those systems decide: the frame that the three share.
 * In what they differ is in `SeedTraits`, one file per policy. CPU comes first, then memory; a request is worked out on a
 * draft, so that a refusal leaves the host as it was. Where a seed leaves vCPUs of a refused VM behind, these do not.
 */
import { type Refusal, type Result, refuse } from "../result.js";
import type { MiB, Ratio } from "../units.js";
import { Draft } from "./draft.js";
import { DraftPool } from "./draft-pool.js";
import { Ground } from "./ground.js";
import { emptyMemory, memoryPoolExists, memoryRefusal, vmNamed, withoutVm, withVm } from "./memory-pool.js";
import type { CpuPool, HostState, VmPins, VmSpec } from "./model.js";
import type { Growth, PolicyName, PolicySettings } from "./policy.js";
import type { DropOutcome, DroppedVm, RecordedOutcome, ReplayablePolicy, Sighting } from "./replayable.js";
import { requestRefusal, requestsOf } from "./request.js";
import { freeVcpusOf, growthPcpus } from "./seed-forecast.js";
import { dropFromPools, place, shrink, takeOut, unusedPcpus } from "./seed-steps.js";
import type { SeedTraits } from "./seed-traits.js";
import { balance } from "./sharing.js";
import { vcpuPins } from "./vcpu-pins.js";
import { dropWhileWalking } from "./walk.js";

export class SeedPolicy implements ReplayablePolicy {
  readonly name: PolicyName;
  readonly removesTwiceAtStart = true;
  readonly #ground: Ground;
  readonly #criticalSize: number;

  constructor(
    private readonly traits: SeedTraits,
    readonly settings: PolicySettings,
  ) {
    this.name = traits.name;
    this.#ground = new Ground(settings.topology);
    this.#criticalSize = settings.criticalSize;
  }

  initial(memoryCapacityMiB: MiB = this.settings.topology.topology.memory.allowedMiB): HostState {
    return { pools: [], memory: emptyMemory(memoryCapacityMiB) };
  }

  deploy(host: HostState, vm: VmSpec): Result<HostState> {
    const { host: next, refusal } = this.deployRecorded(host, vm);
    return refusal === null ? { ok: true, value: next } : { ok: false, refusal };
  }

  remove(host: HostState, name: string): Result<HostState> {
    const vm = vmNamed(host.memory, name);
    if (vm === undefined) return refuse("unknown-vm", `this host has no VM "${name}"`, { vm: name });
    const draft = new Draft(this.#ground, host);
    takeOut(draft, name, this.traits, this.#criticalSize);
    this.#balance(draft);
    draft.memory = withoutVm(draft.memory, vm);
    return { ok: true, value: draft.finish() };
  }

  /** The seeds cannot resize; here the VM leaves and comes back as it is wanted, or nothing changes. */
  resize(host: HostState, vm: VmSpec): Result<HostState> {
    const left = this.remove(host, vm.name);
    return left.ok ? this.deploy(left.value, vm) : left;
  }

  growth(host: HostState, vm: VmSpec): Growth {
    const requests = requestsOf(vm, this.settings.template);
    return { pcpus: growthPcpus(host, requests, this.traits, this.#criticalSize), memoryMiB: vm.memoryMiB };
  }

  freeVcpus(host: HostState, ratio: Ratio): number {
    return freeVcpusOf(host, ratio, new Draft(this.#ground, host).freeCount, this.traits, this.#criticalSize);
  }

  pins(host: HostState): VmPins {
    return vcpuPins(host);
  }

  freePcpus(host: HostState): readonly number[] {
    const { owner } = new Draft(this.#ground, host);
    return this.#ground.ids.filter((_, position) => owner[position]! < 0);
  }

  effectiveRatio(ratio: Ratio, vmCount: number): number {
    return this.traits.effectiveRatio(ratio, vmCount, this.#criticalSize);
  }

  unusedPcpus(pool: CpuPool): number {
    return unusedPcpus(new DraftPool(this.#ground, pool), this.traits, this.#criticalSize);
  }

  /** After a memory refusal the VM is taken out of the CPU pools again: a pool that was made for it stays, empty. */
  deployRecorded(host: HostState, vm: VmSpec): RecordedOutcome {
    const unchanged = (refusal: Refusal): RecordedOutcome => ({ host, refusal, absentFrom: [] });
    const invalid = requestRefusal(host, vm, this.settings);
    if (invalid !== null) return unchanged(invalid);
    const draft = new Draft(this.#ground, host);
    for (const request of requestsOf(vm, this.settings.template)) {
      const refusal = place(draft, vm, request, this.traits, this.#criticalSize);
      if (refusal !== null) return unchanged(refusal);
    }
    const noMemory = memoryRefusal(host.memory, vm);
    if (noMemory === null) draft.memory = withVm(draft.memory, vm);
    else takeOut(draft, vm.name, this.traits, this.#criticalSize);
    this.#balance(draft);
    return { host: draft.finish(), refusal: noMemory, absentFrom: [] };
  }

  /**
   * Per VM, a VM that is not there still has the pool of its ratio shrunk (which with 2.6 may free a pCPU) and balanced anew;
   * without that pool, or without a memory pool, the removal fails there. Per vCPU, pools without the VM are left alone.
   */
  removeRecorded(host: HostState, vm: VmSpec): RecordedOutcome {
    const draft = new Draft(this.#ground, host);
    const absentFrom: ("cpu" | "mem")[] = [];
    const inCpu = takeOut(draft, vm.name, this.traits, this.#criticalSize);
    if (!this.traits.perVcpu) {
      const index = vm.ratio === null ? -1 : draft.poolIndex(vm.ratio);
      if (index < 0) return { host, refusal: unremovable(vm, "CPU"), absentFrom };
      if (!inCpu) {
        absentFrom.push("cpu");
        shrink(draft, index, this.traits, this.#criticalSize);
      }
    }
    this.#balance(draft);
    const inMemory = vmNamed(draft.memory, vm.name);
    if (inMemory !== undefined) draft.memory = withoutVm(draft.memory, inMemory);
    else if (!this.traits.perVcpu) {
      if (!memoryPoolExists(draft.memory))
        return { host: draft.finish(), refusal: unremovable(vm, "memory"), absentFrom };
      absentFrom.push("mem");
    }
    return { host: draft.finish(), refusal: null, absentFrom };
  }

  /** Without the sharing decision: pools that dropped nobody keep their pins until the next deploy or remove. */
  dropUnseen(host: HostState, sighting: Sighting): DropOutcome {
    const draft = new Draft(this.#ground, host);
    const dropped: DroppedVm[] = [...dropFromPools(draft, sighting, this.traits, this.#criticalSize)];
    if (sighting.memorySeen()) {
      const walk = dropWhileWalking(draft.memory.members, (vm) => !sighting.seenInMemory(vm.name));
      for (const vm of walk.dropped) {
        draft.memory = withoutVm(draft.memory, vm);
        dropped.push({ vm: vm.name, resource: "mem" });
      }
    }
    return { host: dropped.length === 0 ? host : draft.finish(), dropped };
  }

  #balance(draft: Draft): void {
    balance(draft, this.traits.sharing, this.#criticalSize);
  }
}

const unremovable = (vm: VmSpec, what: string): Refusal => ({
  code: "unknown-vm",
  reason: `VM "${vm.name}" cannot be removed: there is no ${what} pool for it`,
  details: { vm: vm.name },
});
