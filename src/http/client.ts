/**
 * A typed client of `/v1`, for the command line and for the scheduler. Answers are checked against the schemas that the
 * server writes them from; problems become `ProblemError`, an agent that cannot be asked an `agent-unreachable`. Leaves out
 * retries: a caller that repeats a change passes the same Idempotency-Key.
 */
import { type Dispatcher, request } from "undici";
import type { z } from "zod";
import { OperationalError } from "../ports/errors.js";
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
  type ProblemAnswer,
  poolList,
  problemAnswer,
  type TopologyAnswer,
  topologyAnswer,
  type VmAnswer,
  type VmPage,
  vmAnswer,
  vmPage,
} from "./schemas/answers.js";
import type { CreateVm, ExplainPlacement, ResizeVm } from "./schemas/requests.js";

export interface ClientOptions {
  /** `http://127.0.0.1:8099` or `https://...`; a path in front of `/v1` is kept. */
  readonly baseUrl: string;
  readonly token?: string | null;
  /** For connecting, for the headers and for the body of the answer, each. */
  readonly timeoutMs: number;
  /** Connections to share between clients; undici's own when absent. */
  readonly dispatcher?: Dispatcher;
}

/** The agent's answer was a problem. `message` is its detail. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  constructor(readonly problem: ProblemAnswer) {
    super(problem.detail);
  }
  get code(): string {
    return this.problem.code;
  }
}

export interface VmFilter {
  readonly host?: string;
  readonly pool?: number;
}

export interface AgentClient {
  /** `idempotencyKey`: repeat the call with the same key, and the VM is made once. */
  createVm(vm: CreateVm, idempotencyKey?: string): Promise<VmAnswer>;
  /** Every VM, page after page. */
  vms(filter?: VmFilter): Promise<readonly VmAnswer[]>;
  vm(name: string): Promise<VmAnswer>;
  removeVm(name: string): Promise<VmAnswer>;
  resizeVm(name: string, size: ResizeVm, idempotencyKey?: string): Promise<VmAnswer>;
  hosts(): Promise<HostList["items"]>;
  host(id: string): Promise<HostAnswer>;
  cordon(host: string): Promise<CordonAnswer>;
  uncordon(host: string): Promise<CordonAnswer>;
  pools(): Promise<PoolList["items"]>;
  topology(): Promise<TopologyAnswer>;
  explain(vm: ExplainPlacement): Promise<ExplanationAnswer>;
}

interface Call<S extends z.ZodType> {
  readonly method: "GET" | "POST" | "DELETE";
  /** Below the base URL, with its query. */
  readonly path: string;
  readonly answer: S;
  readonly body?: unknown;
  readonly key?: string | undefined;
}

/** Throws `bad-settings` when the URL is none. All calls throw `ProblemError` or `OperationalError`. */
export function agentClient(options: ClientOptions): AgentClient {
  const base = baseOf(options.baseUrl);
  const call = <S extends z.ZodType>(one: Call<S>): Promise<z.output<S>> => ask(options, base, one);
  const get = <S extends z.ZodType>(path: string, answer: S) => call({ method: "GET", path, answer });
  const vmPath = (name: string): string => `/v1/vms/${encodeURIComponent(name)}`;
  const hostPath = (id: string): string => `/v1/hosts/${encodeURIComponent(id)}`;
  const post = <S extends z.ZodType>(path: string, answer: S, body?: unknown, key?: string) =>
    call({ method: "POST", path, answer, body, key });
  return {
    createVm: (vm, key) => post("/v1/vms", vmAnswer, vm, key),
    vms: (filter = {}) => allPages((cursor) => get(`/v1/vms${queryOf({ ...filter, cursor })}`, vmPage)),
    vm: (name) => get(vmPath(name), vmAnswer),
    removeVm: (name) => call({ method: "DELETE", path: vmPath(name), answer: vmAnswer }),
    resizeVm: (name, size, key) => post(`${vmPath(name)}/resize`, vmAnswer, size, key),
    hosts: async () => (await get("/v1/hosts", hostList)).items,
    host: (id) => get(hostPath(id), hostAnswer),
    cordon: (id) => post(`${hostPath(id)}/cordon`, cordonAnswer),
    uncordon: (id) => post(`${hostPath(id)}/uncordon`, cordonAnswer),
    pools: async () => (await get("/v1/pools", poolList)).items,
    topology: () => get("/v1/topology", topologyAnswer),
    explain: (vm) => post("/v1/placements:explain", explanationAnswer, vm),
  };
}

function baseOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.search !== "" || url.hash !== "")
    throw new OperationalError("bad-settings", `"${text}" is no URL of an agent; expected http://host:port`, false);
  return url.href.replace(/\/+$/, "");
}

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? "" : `?${query}`;
}

async function allPages(page: (cursor: string | undefined) => Promise<VmPage>): Promise<readonly VmAnswer[]> {
  const items: VmAnswer[] = [];
  for (let cursor: string | undefined; ; ) {
    const { items: more, next } = await page(cursor);
    items.push(...more);
    if (next === null) return items;
    cursor = next;
  }
}

async function ask<S extends z.ZodType>(options: ClientOptions, base: string, call: Call<S>): Promise<z.output<S>> {
  const { status, text } = await exchange(options, base, call);
  const answer = parseJson(text);
  if (status >= 400) {
    const problem = problemAnswer.safeParse(answer);
    if (problem.success) throw new ProblemError(problem.data);
    throw notAnAgent(base, `status ${status} without a problem document`);
  }
  const parsed = call.answer.safeParse(answer);
  if (!parsed.success) throw notAnAgent(base, `an answer of another shape (${parsed.error.issues[0]?.message ?? "?"})`);
  return parsed.data;
}

async function exchange(
  { token, timeoutMs, dispatcher }: ClientOptions,
  base: string,
  { method, path, body, key }: Call<z.ZodType>,
): Promise<{ status: number; text: string }> {
  const headers: Record<string, string> = { accept: "application/json, application/problem+json" };
  if (token) headers.authorization = `Bearer ${token}`;
  if (key !== undefined) headers["idempotency-key"] = key;
  if (body !== undefined) headers["content-type"] = "application/json";
  try {
    const response = await request(base + path, {
      method,
      headers,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(2 * timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    return { status: response.statusCode, text: await response.body.text() };
  } catch (error) {
    throw unreachable(base, error, timeoutMs);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there; is the agent running?",
  ENOTFOUND: "the host name is not known",
  EAI_AGAIN: "the host name cannot be looked up now",
  EHOSTUNREACH: "there is no route to the host",
  ECONNRESET: "the connection was cut",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed; trust it through NODE_EXTRA_CA_CERTS",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate's authority is not known; trust it through NODE_EXTRA_CA_CERTS",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate's authority is not known; trust it through NODE_EXTRA_CA_CERTS",
  UND_ERR_SOCKET: "the connection was cut; is it https on one side only?",
};

function unreachable(base: string, error: unknown, timeoutMs: number): OperationalError {
  const { code = "", name, message } = error as { code?: string; name?: string; message?: string };
  const late = name === "TimeoutError" || code.endsWith("_TIMEOUT");
  const hint = late ? `no answer within ${timeoutMs} ms` : (HINTS[code] ?? message ?? String(error));
  return new OperationalError("agent-unreachable", `Cannot reach the agent at ${base}: ${hint}`, true, {
    cause: error,
  });
}

const notAnAgent = (base: string, got: string): OperationalError =>
  new OperationalError("agent-unreachable", `What answers at ${base} is not a Headroom agent: ${got}`, false);
