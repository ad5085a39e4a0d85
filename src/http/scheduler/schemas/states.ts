/** States of VMs and hosts in a cluster, as lists for schemas; the compiler holds them complete. */
import type { ClusterVmState, HostState } from "../../../scheduler/service.js";
import { vmStates } from "../../schemas/answers.js";

export const clusterVmStates = [
  ...vmStates,
  "placing",
  "removing",
  "lost",
  "conflict",
] as const satisfies readonly ClusterVmState[];

export const hostStates = ["up", "suspect", "down", "new"] as const satisfies readonly HostState[];
