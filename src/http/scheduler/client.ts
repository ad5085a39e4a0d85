/** A typed client of the scheduler's `/v1`, for the command line. See ../client-call.ts for what it throws. */
import { type VmClient, vmCalls } from "../client.js";
import { allPages, type ClientOptions, callerOf, queryOf } from "../client-call.js";
import {
  type AdoptionAnswer,
  adoptionAnswer,
  type ClusterExplanationAnswer,
  type ClusterHostAnswer,
  type ClusterMovesAnswer,
  type ClusterStatusAnswer,
  type ClusterVmAnswer,
  clusterExplanationAnswer,
  clusterHostAnswer,
  clusterHostPage,
  clusterMovesAnswer,
  clusterStatusAnswer,
  clusterVmAnswer,
  type DrainAnswer,
  drainAnswer,
} from "./schemas/answers.js";
import type { CreateClusterVm, ExplainClusterPlacement } from "./schemas/requests.js";

export interface SchedulerApiClient extends VmClient<ClusterVmAnswer, CreateClusterVm> {
  cluster(): Promise<ClusterStatusAnswer>;
  moves(): Promise<ClusterMovesAnswer>;
  adopt(dryRun: boolean): Promise<AdoptionAnswer>;
  /** Every host, page after page. */
  hosts(state?: ClusterHostAnswer["state"]): Promise<readonly ClusterHostAnswer[]>;
  host(id: string): Promise<ClusterHostAnswer>;
  cordon(id: string): Promise<ClusterHostAnswer>;
  uncordon(id: string): Promise<ClusterHostAnswer>;
  forget(id: string): Promise<ClusterHostAnswer>;
  drain(id: string): Promise<DrainAnswer>;
  /** How far it is; changes nothing. */
  drainProgress(id: string): Promise<DrainAnswer>;
  explain(vm: ExplainClusterPlacement): Promise<ClusterExplanationAnswer>;
}

/** Throws `bad-settings` when the URL is none. */
export function schedulerClient(options: ClientOptions): SchedulerApiClient {
  const caller = callerOf({ ...options, server: "scheduler" });
  const { get, post } = caller;
  const path = (id: string, verb = ""): string => `/v1/hosts/${encodeURIComponent(id)}${verb}`;
  return {
    ...vmCalls<typeof clusterVmAnswer, CreateClusterVm>(caller, clusterVmAnswer),
    cluster: () => get("/v1/cluster", clusterStatusAnswer),
    moves: () => get("/v1/moves", clusterMovesAnswer),
    adopt: (dryRun) => post(`/v1/cluster/adopt${queryOf({ dryRun: dryRun ? "1" : undefined })}`, adoptionAnswer),
    hosts: (state) => allPages((cursor) => get(`/v1/hosts${queryOf({ state, cursor })}`, clusterHostPage)),
    host: (id) => get(path(id), clusterHostAnswer),
    cordon: (id) => post(path(id, "/cordon"), clusterHostAnswer),
    uncordon: (id) => post(path(id, "/uncordon"), clusterHostAnswer),
    forget: (id) => post(path(id, "/forget"), clusterHostAnswer),
    drain: (id) => post(path(id, "/drain"), drainAnswer),
    drainProgress: (id) => get(path(id, "/drain"), drainAnswer),
    explain: (vm) => post("/v1/placements:explain", clusterExplanationAnswer, vm),
  };
}
