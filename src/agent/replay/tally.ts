/** The numbers of `summary.json`, gathered step by step. */
import type { HostState } from "../../core/pool/model.js";
import { ratioKey } from "../../core/pool/status.js";
import type { ReplayStep } from "./loop.js";

export interface PoolPeak {
  readonly pcpus: number;
  readonly vcpus: number;
  readonly vms: number;
}

export class Tally {
  steps = 0;
  deployed = 0;
  refused = 0;
  removed = 0;
  dropped = 0;
  warnings = 0;
  vcpuPinsChanged = 0;
  peakPcpus = 0;
  peakMemoryMiB = 0;
  peakVms = 0;
  /** Deploys refused, by the code of the refusal. */
  readonly refusals = new Map<string, number>();
  /** By ratio; pCPUs, vCPUs and VMs peak each for itself. */
  readonly peakPools = new Map<string, PoolPeak>();

  add(step: ReplayStep, warnings: number, pinChanges: number): void {
    this.steps += 1;
    this.warnings += warnings;
    this.dropped += step.dropped.length;
    this.vcpuPinsChanged += pinChanges;
    for (const { op, refusal } of step.actions) {
      if (op === "remove") this.removed += refusal === null ? 1 : 0;
      else if (refusal === null) this.deployed += 1;
      else {
        this.refused += 1;
        this.refusals.set(refusal.code, (this.refusals.get(refusal.code) ?? 0) + 1);
      }
    }
    this.#peaks(step.acted);
  }

  #peaks(host: HostState): void {
    let pcpus = 0;
    for (const pool of host.pools) {
      pcpus += pool.pcpus.length;
      const key = ratioKey(pool.ratio);
      const peak = this.peakPools.get(key) ?? { pcpus: 0, vcpus: 0, vms: 0 };
      this.peakPools.set(key, {
        pcpus: Math.max(peak.pcpus, pool.pcpus.length),
        vcpus: Math.max(peak.vcpus, pool.allocatedVcpus),
        vms: Math.max(peak.vms, pool.members.length),
      });
    }
    this.peakPcpus = Math.max(this.peakPcpus, pcpus);
    this.peakMemoryMiB = Math.max(this.peakMemoryMiB, host.memory.allocatedMiB);
    this.peakVms = Math.max(this.peakVms, host.memory.members.length);
  }
}
