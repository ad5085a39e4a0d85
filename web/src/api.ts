/**
 * The public API as the dashboard uses it: same origin, a token where one is needed (kept for this tab only), problems as
 * `ApiError`. Knows nothing of pages. Every call ends at its deadline, so that a slow server is seen to be one.
 */

import type {
  ClusterEventList,
  ClusterExplanationAnswer,
  ClusterHostPage,
  ClusterMovesAnswer,
  ClusterStatusAnswer,
  ClusterVmAnswer,
  ClusterVmPage,
} from "../../src/http/scheduler/schemas/answers.js";
import type { ClusterEstimatePage, EstimateCourseAnswer } from "../../src/http/scheduler/schemas/estimates.js";
import type {
  ExplanationAnswer,
  HostList,
  ProblemAnswer,
  TopologyAnswer,
  VmAnswer,
  VmPage,
} from "../../src/http/schemas/answers.js";
import type { SessionAnswer } from "../../src/http/schemas/session.js";

const TOKEN_KEY = "headroom-token";
const DEADLINE_MS = 15_000;
/** A change waits for a hypervisor. */
const CHANGE_DEADLINE_MS = 90_000;

export class ApiError extends Error {
  constructor(
    message: string,
    /** 0: no answer came. */
    readonly status: number,
    readonly code: string,
    readonly problem: ProblemAnswer | null = null,
  ) {
    super(message);
  }
}

export const readToken = (): string | null => sessionStorage.getItem(TOKEN_KEY);
export function keepToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(TOKEN_KEY);
  else sessionStorage.setItem(TOKEN_KEY, token);
}

export function headers(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const token = readToken();
  return { ...more, ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
}

async function problemOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as ProblemAnswer;
    return new ApiError(problem.detail, response.status, problem.code, problem);
  } catch {
    // A proxy in between answers with pages of its own.
    return new ApiError(`The server answered ${response.status} ${response.statusText}`, response.status, "unexpected");
  }
}

async function call<T>(method: string, path: string, body?: unknown, deadlineMs = DEADLINE_MS): Promise<T> {
  const options: RequestInit = {
    method,
    headers: headers(body === undefined ? {} : { "content-type": "application/json" }),
    signal: AbortSignal.timeout(deadlineMs),
    cache: "no-store",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  let response: Response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    const slow = error instanceof DOMException && error.name === "TimeoutError";
    const why = slow ? `no answer within ${deadlineMs / 1000} s` : "the server cannot be reached";
    throw new ApiError(why, 0, slow ? "timeout" : "unreachable");
  }
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}

const get = <T>(path: string): Promise<T> => call<T>("GET", path);
const change = <T>(method: string, path: string, body?: unknown): Promise<T> =>
  call<T>(method, path, body, CHANGE_DEADLINE_MS);

const query = (words: Readonly<Record<string, string | null>>): string => {
  const given = Object.entries(words).filter((word): word is [string, string] => word[1] !== null && word[1] !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
};

const nameOf = encodeURIComponent;

export interface Wanted {
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly ratio?: number;
}

export const api = {
  session: () => get<SessionAnswer>("v1/session"),
  cluster: () => get<ClusterStatusAnswer>("v1/cluster"),
  moves: () => get<ClusterMovesAnswer>("v1/moves"),
  clusterHosts: (cursor: string | null) => get<ClusterHostPage>(`v1/hosts${query({ limit: "500", cursor })}`),
  clusterHost: (id: string) => get<ClusterHostPage["items"][number]>(`v1/hosts/${nameOf(id)}`),
  agentHosts: () => get<HostList>("v1/hosts"),
  topology: () => get<TopologyAnswer>("v1/topology"),
  hostTopology: (id: string) => get<TopologyAnswer>(`v1/hosts/${nameOf(id)}/topology`),
  vms: <P extends VmPage | ClusterVmPage>(host: string | null, cursor: string | null) =>
    get<P>(`v1/vms${query({ limit: "100", host, cursor })}`),
  agentVm: (name: string) => get<VmAnswer>(`v1/vms/${nameOf(name)}`),
  clusterVm: (name: string) => get<ClusterVmAnswer>(`v1/vms/${nameOf(name)}?fresh=true`),
  estimates: (cursor: string | null) => get<ClusterEstimatePage>(`v1/estimates${query({ limit: "500", cursor })}`),
  estimateCourse: (id: string) => get<EstimateCourseAnswer>(`v1/estimates/${nameOf(id)}/course`),
  vmEvents: (name: string) => get<ClusterEventList>(`v1/vms/${nameOf(name)}/events`),
  explain: <E extends ExplanationAnswer | ClusterExplanationAnswer>(wanted: Wanted) =>
    change<E>("POST", "v1/placements:explain", wanted),
  createVm: (vm: Wanted & { readonly name: string }) => change<unknown>("POST", "v1/vms", vm),
  removeVm: (name: string) => change<unknown>("DELETE", `v1/vms/${nameOf(name)}`),
  hostOperation: (id: string, verb: "cordon" | "uncordon" | "drain") =>
    change<unknown>("POST", `v1/hosts/${nameOf(id)}/${verb}`),
};

/** Of all hosts, page after page. */
export async function allEstimates(): Promise<ClusterEstimatePage["items"]> {
  const all: ClusterEstimatePage["items"][number][] = [];
  let cursor: string | null = null;
  do {
    const page: ClusterEstimatePage = await api.estimates(cursor);
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return all;
}
