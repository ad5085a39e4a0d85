/** What a simulation is made from. */
import type { AgentSettings } from "../agent/settings.js";
import type { Weights } from "../core/placement/rules.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import type { SizedVm } from "../core/sizing/model.js";
import type { Seconds } from "../core/units.js";
import type { Course } from "../core/workload/course.js";
import type { VmUsage } from "../core/workload/usage.js";
import type { AgentClient } from "../ports/agent-client.js";
import type { Hypervisor } from "../ports/hypervisor.js";
import type { Fault } from "./fault.js";

/** In order of submission among those of one moment. */
export interface SimulatedVm extends SizedVm {
  readonly usage: VmUsage;
}

export interface SimulationOptions {
  /** In order of arrival. */
  readonly vms: readonly SimulatedVm[];
  readonly hosts: number;
  /** Of every host's agent; it knows the host's topology. */
  readonly policy: PoolPolicy;
  readonly placement: Weights;
  /** Whether the scheduler bids by prices that it learns; default: no. */
  readonly learnPrices?: boolean;
  /** Live moves, at most, that make room for a VM that no host takes; default 0. */
  readonly migrations?: number;
  /** Everything that is drawn follows from it. */
  readonly seed: number;
  /** So long usage stands still. */
  readonly step: Seconds;
  /**
   * Between two ticks of an agent, and between two heartbeats: longer is faster, and farther from life. The scheduler's patience with
   * silent hosts is stretched alike.
   */
  readonly tick: Seconds;
  /** Between two lines of metrics. */
  readonly sample: Seconds;
  /** After which the usage of periodic VMs repeats. */
  readonly day: Seconds;
  readonly faults: readonly Fault[];
  /** Part of its time in which a VM's usage follows what is common to all; 0 to 1. */
  readonly correlation: number;
  /** How usage hangs together in time; default independent. */
  readonly course?: Course;
  readonly agent?: Partial<AgentSettings>;
  /** VMs above 1:1 are put into pools of so many times the ratio that they were sold at; default 1. */
  readonly ratioFactor?: number;
  /** Ends the run where it stands at the first VM that is refused. */
  readonly untilRefused?: boolean;
  /** Makes another thing of what the programs work with: to show that somebody notices. */
  readonly breaks?: Breaks;
}

export interface Breaks {
  readonly client?: (client: AgentClient) => AgentClient;
  readonly hypervisor?: (hypervisor: Hypervisor) => Hypervisor;
  readonly policy?: (policy: PoolPolicy) => PoolPolicy;
}
