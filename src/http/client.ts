/** Typed clients of `/v1`: of an agent, and of whichever answers where only VMs are asked about. See client-call.ts. */
import { z } from "zod";
import { allPages, type Caller, type ClientOptions, callerOf, queryOf } from "./client-call.js";
import {
  type ClusterHostPage,
  type ClusterVmAnswer,
  clusterHostPage,
  clusterVmAnswer,
} from "./scheduler/schemas/answers.js";
import type { CreateClusterVm } from "./scheduler/schemas/requests.js";
import {
  type CordonAnswer,
  cordonAnswer,
  type ExplanationAnswer,
  explanationAnswer,
  type HostAnswer,
  type HostList,
  hostAnswer,
  hostList,
  type PoolList,
  poolList,
  type TopologyAnswer,
  topologyAnswer,
  type VmAnswer,
  vmAnswer,
} from "./schemas/answers.js";
import type { CreateVm, ExplainPlacement, ResizeVm } from "./schemas/requests.js";

export interface VmFilter {
  readonly host?: string;
  readonly pool?: number;
}

/** Calls about VMs. `N`: what a new VM is asked with. */
export interface VmClient<V, N = CreateVm> {
  /** `idempotencyKey`: repeat the call with the same key, and the VM is made once. */
  createVm(vm: N, idempotencyKey?: string): Promise<V>;
  /** Every VM, page after page. */
  vms(filter?: VmFilter): Promise<readonly V[]>;
  vm(name: string): Promise<V>;
  removeVm(name: string, idempotencyKey?: string): Promise<V>;
  resizeVm(name: string, size: ResizeVm, idempotencyKey?: string): Promise<V>;
}

export interface AgentClient extends VmClient<VmAnswer> {
  hosts(): Promise<HostList["items"]>;
  host(id: string): Promise<HostAnswer>;
  cordon(host: string): Promise<CordonAnswer>;
  uncordon(host: string): Promise<CordonAnswer>;
  pools(): Promise<PoolList["items"]>;
  topology(): Promise<TopologyAnswer>;
  explain(vm: ExplainPlacement): Promise<ExplanationAnswer>;
}

export function vmCalls<S extends z.ZodType, N = CreateVm>(
  { call, get, post }: Caller,
  vm: S,
): VmClient<z.output<S>, N> {
  const page = z.object({ items: z.array(vm), next: z.string().nullable() });
  const path = (name: string): string => `/v1/vms/${encodeURIComponent(name)}`;
  return {
    createVm: (wanted, key) => post("/v1/vms", vm, wanted, key),
    vms: (filter = {}) => allPages((cursor) => get(`/v1/vms${queryOf({ ...filter, cursor })}`, page)),
    vm: (name) => get(path(name), vm),
    removeVm: (name, key) => call({ method: "DELETE", path: path(name), answer: vm, key }),
    resizeVm: (name, size, key) => post(`${path(name)}/resize`, vm, size, key),
  };
}

/** Throws `bad-settings` when the URL is none. All calls throw `ProblemError` or `OperationalError`. */
export function agentClient(options: ClientOptions): AgentClient {
  const caller = callerOf({ ...options, server: "agent" });
  const { get, post } = caller;
  const hostPath = (id: string): string => `/v1/hosts/${encodeURIComponent(id)}`;
  return {
    ...vmCalls(caller, vmAnswer),
    hosts: async () => (await get("/v1/hosts", hostList)).items,
    host: (id) => get(hostPath(id), hostAnswer),
    cordon: (id) => post(`${hostPath(id)}/cordon`, cordonAnswer),
    uncordon: (id) => post(`${hostPath(id)}/uncordon`, cordonAnswer),
    pools: async () => (await get("/v1/pools", poolList)).items,
    topology: () => get("/v1/topology", topologyAnswer),
    explain: (vm) => post("/v1/placements:explain", explanationAnswer, vm),
  };
}

/** Of an agent, or of a scheduler: the one has pins, the other a host. */
export type AnyVm = ClusterVmAnswer | VmAnswer;

/** What `GET /v1/hosts` answers: an agent its own host, a scheduler the first thousand of a cluster. */
export type AnyHosts = HostList | ClusterHostPage;

export const anyHosts = (options: ClientOptions): Promise<AnyHosts> =>
  callerOf({ ...options, server: "agent or scheduler" }).get("/v1/hosts", z.union([clusterHostPage, hostList]));

/** Asks about VMs whoever answers at the URL. */
export const anyVmClient = (options: ClientOptions): VmClient<AnyVm, CreateClusterVm> =>
  vmCalls(callerOf({ ...options, server: "agent or scheduler" }), z.union([clusterVmAnswer, vmAnswer]));
