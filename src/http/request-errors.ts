/**
 * The errors of the HTTP layer itself: the request was wrong, not allowed, or came at a bad moment. A part of the error table.
 */
import type { ErrorEntry } from "./error-entry.js";

export const REQUEST_CODES = [
  "invalid-parameters",
  "invalid-body",
  "malformed-json",
  "malformed-request",
  "unexpected-body",
  "unauthenticated",
  "forbidden",
  "cross-site-request",
  "foreign-host-name",
  "not-found",
  "unknown-host",
  "method-not-allowed",
  "request-timeout",
  "payload-too-large",
  "unsupported-media-type",
  "idempotency-key-reused",
  "headers-too-large",
  "overloaded",
  "deadline-exceeded",
  "not-ready",
  "not-leader",
  "shutting-down",
  "internal",
] as const;
export type RequestCode = (typeof REQUEST_CODES)[number];

export const REQUEST_ERRORS: Record<RequestCode, ErrorEntry> = {
  "invalid-parameters": {
    status: 400,
    title: "Parameters of the URL or a header are wrong",
    meaning:
      "`errors` names each path, query or header field and what is allowed: missing, unknown, doubled, or out of range.",
  },
  "invalid-body": {
    status: 422,
    title: "Fields of the body are wrong",
    meaning:
      "The JSON is well formed, but a field is missing, unknown or out of range. `errors` names each and what is allowed.",
  },
  "malformed-json": {
    status: 400,
    title: "The body is not acceptable JSON",
    meaning:
      "Broken JSON or UTF-8, a field given twice, `__proto__`, a number beyond double precision, or nesting too deep.",
    about: { in: "body", field: "body" },
  },
  "malformed-request": {
    status: 400,
    title: "Not a well-formed HTTP request",
    meaning: "The request line, a header, the path's encoding or the body's framing is broken.",
  },
  "unexpected-body": {
    status: 400,
    title: "This call takes no body",
    meaning: "GET and DELETE take their input from the URL. Send them without a body.",
    about: { in: "body", field: "body" },
  },
  unauthenticated: {
    status: 401,
    title: "A token is needed",
    meaning: "Send `Authorization: Bearer <token>`. `headroom token create` makes one.",
    about: { in: "header", field: "authorization" },
  },
  forbidden: {
    status: 403,
    title: "The token's role does not allow this",
    meaning: "Viewers read; agents read, deploy, resize and remove; operators do everything.",
    about: { in: "header", field: "authorization" },
  },
  "cross-site-request": {
    status: 403,
    title: "A web page of another site asked",
    meaning: "Without a token, calls that change something are not taken from other sites' pages, forms or images.",
    about: { in: "header", field: "origin" },
  },
  "foreign-host-name": {
    status: 403,
    title: "Asked under a foreign host name",
    meaning:
      "Without a token, the Host header must name this machine's loopback (localhost, 127.0.0.1, [::1]): DNS rebinding.",
    about: { in: "header", field: "host" },
  },
  "not-found": {
    status: 404,
    title: "No such resource",
    meaning: "The path is not one of this server's. GET /openapi.json lists them all.",
    about: { in: "path", field: "path" },
  },
  "unknown-host": {
    status: 404,
    title: "No such host",
    meaning:
      "GET /v1/hosts names the hosts that there are; an agent serves one, a scheduler those that it has heard of.",
    about: { in: "path", field: "id" },
  },
  "method-not-allowed": {
    status: 405,
    title: "The path does not take this method",
    meaning: "The `Allow` header lists the methods that it takes.",
    about: { in: "header", field: "method" },
  },
  "request-timeout": {
    status: 408,
    title: "The request came too slowly",
    meaning: "Headers or body were not complete within the server's limit; the connection is closed.",
  },
  "payload-too-large": {
    status: 413,
    title: "The body is too large",
    meaning:
      "Bodies are limited to 64 KiB unless the operator changed it; no call needs more than a few hundred bytes.",
    about: { in: "body", field: "body" },
  },
  "unsupported-media-type": {
    status: 415,
    title: "The body must be plain application/json in UTF-8",
    meaning: "Send `Content-Type: application/json`, no other charset and no Content-Encoding.",
    about: { in: "header", field: "content-type" },
  },
  "idempotency-key-reused": {
    status: 422,
    title: "The Idempotency-Key belongs to another request",
    meaning: "The key was used with a different path or body. Use a new key for a new request.",
    about: { in: "header", field: "idempotency-key" },
  },
  "headers-too-large": {
    status: 431,
    title: "The headers are too large",
    meaning: "Request line and headers together are limited to 16 KiB unless the operator changed it.",
    about: { in: "header", field: "headers" },
  },
  overloaded: {
    status: 503,
    title: "Too many requests at once",
    meaning: "The server is at its limit of requests, changes or event streams under way. Nothing was done.",
    retryAfterSeconds: 1,
  },
  "deadline-exceeded": {
    status: 503,
    title: "The change takes longer than the limit",
    meaning: "The change goes on. Repeat with the same Idempotency-Key to get its answer; nothing is done twice.",
    retryAfterSeconds: 5,
  },
  "not-ready": {
    status: 503,
    title: "Not ready yet",
    meaning:
      "Agent: the first tick has not succeeded yet, or the hypervisor is not reachable. Scheduler: it is taking over, or hears nothing of its store.",
    retryAfterSeconds: 2,
  },
  "not-leader": {
    status: 503,
    title: "This scheduler does not lead",
    meaning:
      "It stands by, and could not pass the request on. `details.leader` and the header `Headroom-Leader` say who leads; null while nobody does. Nothing was changed.",
    retryAfterSeconds: 1,
  },
  "shutting-down": {
    status: 503,
    title: "The server is stopping",
    meaning: "It finishes what it began and takes nothing new. Guests go on running.",
    retryAfterSeconds: 5,
  },
  internal: {
    status: 500,
    title: "A bug in Headroom",
    meaning:
      "The request met a broken promise inside Headroom; nothing was applied. The log has the details: please report it.",
  },
};
