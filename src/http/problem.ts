/**
 * Every error leaves as `application/problem+json` (RFC 9457). `type` is the relative reference `/problems/{code}`, which
 * this server answers with the code's meaning; `code` is the stable word that programs compare.
 */
import type { FastifyReply } from "fastify";
import type { Refusal } from "../core/result.js";
import type { HostStatus } from "../ports/agent-client.js";
import { OperationalError } from "../ports/errors.js";
import type { ClusterRefusal } from "../scheduler/service.js";
import { ERROR_TABLE, type ErrorCode } from "./error-table.js";
import type { RequestCode } from "./request-errors.js";

export type FieldPlace = "path" | "query" | "header" | "body";
export type FieldFault = "missing" | "unknown" | "doubled" | "not-allowed";

/** One wrong field of the input. */
export interface FieldError {
  readonly in: FieldPlace;
  readonly field: string;
  readonly fault: FieldFault;
  /** What is wrong with it, in words. */
  readonly message: string;
  /** What would be right; null where nothing would (an unknown field). */
  readonly allowed: string | null;
}

/** Why one host refused; an agent's answer has one. */
export interface HostProblem {
  readonly host: string;
  readonly code: string;
  readonly reason: string;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly errors?: readonly FieldError[];
  readonly details?: Refusal["details"];
  readonly hosts?: readonly HostProblem[];
  /** Where it was asked for: an agent's host after its refusal. */
  readonly hostStatus?: HostStatus;
}

/** A request that is refused before the agent sees it. `headers` go out with the answer. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  constructor(
    readonly code: RequestCode,
    message: string,
    readonly fields: readonly FieldError[] = [],
    readonly headers: Readonly<Record<string, string>> = {},
    readonly details: Refusal["details"] = undefined,
  ) {
    super(message);
  }
}

/** Wrong fields as an error: 422 when they are in the body, else 400. */
export function fieldsError(fields: readonly FieldError[]): RequestError {
  const code = fields[0]?.in === "body" ? "invalid-body" : "invalid-parameters";
  return new RequestError(code, fields.map((field) => `${field.field}: ${field.message}`).join("; "), fields);
}

function problemOf(code: ErrorCode, detail: string, retryable?: boolean): Problem {
  const entry = ERROR_TABLE[code];
  return {
    type: `/problems/${code}`,
    title: entry.title,
    status: entry.status,
    code,
    detail,
    retryable: retryable ?? entry.retryAfterSeconds !== undefined,
  };
}

export function requestProblem(code: RequestCode, detail: string, fields: readonly FieldError[] = []): Problem {
  const { about } = ERROR_TABLE[code];
  const named =
    about === undefined ? [] : [{ ...about, fault: "not-allowed" as const, message: detail, allowed: null }];
  const errors = fields.length > 0 ? fields : named;
  return errors.length === 0 ? problemOf(code, detail) : { ...problemOf(code, detail), errors };
}

/** `host` names the host that refused: an answer to a placement lists every host's reason. */
export const refusalProblem = (refusal: Refusal, host: string): Problem =>
  clusterProblem({ ...refusal, hosts: [{ host, code: refusal.code, reason: refusal.reason }] });

export function clusterProblem({ code, reason, details, hosts }: ClusterRefusal): Problem {
  const { about } = ERROR_TABLE[code];
  return {
    ...problemOf(code, reason),
    ...(about === undefined ? {} : { errors: [{ ...about, fault: "not-allowed", message: reason, allowed: null }] }),
    ...(details === undefined ? {} : { details }),
    ...(hosts === undefined ? {} : { hosts }),
  };
}

/** Fastify's own error codes that mean bad input; all others with a status of 4xx are `malformed-request`. */
const FRAMEWORK_CODES: Readonly<Record<string, RequestCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "payload-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
  FST_ERR_CTP_INVALID_TYPE: "unsupported-media-type",
};

const BAD_PATH: FieldError = {
  in: "path",
  field: "path",
  fault: "not-allowed",
  message: "the path has a broken percent escape",
  allowed: "UTF-8 in percent escapes",
};
const isBadPath = (error: unknown): boolean => (error as { code?: unknown }).code === "FST_ERR_BAD_URL";

const DETAIL_OF_BUG = "The server met a bug while answering; its log has the details. Nothing was applied.";

function frameworkCode(error: unknown): RequestCode {
  if (!(error instanceof Error)) return "internal";
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (typeof code === "string" && FRAMEWORK_CODES[code] !== undefined) return FRAMEWORK_CODES[code];
  return typeof statusCode === "number" && statusCode >= 400 && statusCode < 500 ? "malformed-request" : "internal";
}

/** The problem that any thrown thing stands for. What a bug says stays in the log. */
export function problemFromError(error: unknown): Problem {
  if (error instanceof RequestError) {
    const problem = requestProblem(error.code, error.message, error.fields);
    return error.details === undefined ? problem : { ...problem, details: error.details };
  }
  if (error instanceof OperationalError) return problemOf(error.code, error.message, error.retryable);
  const code = frameworkCode(error);
  if (code === "internal") return problemOf(code, DETAIL_OF_BUG);
  if (code === "deadline-exceeded") return problemOf(code, ERROR_TABLE[code].meaning);
  if (isBadPath(error)) return requestProblem(code, BAD_PATH.message, [BAD_PATH]);
  return requestProblem(code, error instanceof Error ? error.message : ERROR_TABLE[code].title);
}

export function problemHeaders(problem: Problem): Record<string, string> {
  const retryAfter = ERROR_TABLE[problem.code].retryAfterSeconds;
  const headers: Record<string, string> = { "cache-control": "no-store" };
  if (retryAfter !== undefined) headers["retry-after"] = String(retryAfter);
  if (problem.code === "unauthenticated") headers["www-authenticate"] = 'Bearer realm="headroom"';
  return headers;
}

declare module "fastify" {
  interface FastifyReply {
    /** The code of the problem that was sent; null: none was. */
    problemCode: ErrorCode | null;
  }
}

export const PROBLEM_TYPE = "application/problem+json";

/** Sends a problem. `extra` members are added to it (RFC 9457, 3.2): the seeds' calls carry `success` and `reason`. */
export function sendProblem(reply: FastifyReply, problem: Problem, extra?: Record<string, unknown>): void {
  reply.problemCode = problem.code;
  reply
    .code(problem.status)
    .headers(problemHeaders(problem))
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(extra === undefined ? problem : { ...problem, ...extra });
}
