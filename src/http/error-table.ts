/**
 * The one table from stable codes to HTTP: status, title, what it means and what to do. Problems (problem.ts), the page
 * docs/errors.md and the route `/problems/{code}` are all read from here; a test holds it complete against the code lists.
 */
import type { RefusalCode } from "../core/result.js";
import type { FailureCode } from "../ports/errors.js";
import type { ClusterRefusalCode } from "../scheduler/service.js";

/** Codes of the HTTP layer itself: the request was wrong, not allowed, or came at a bad moment. */
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

export type ErrorCode = RefusalCode | ClusterRefusalCode | FailureCode | RequestCode;

export interface ErrorEntry {
  readonly status: number;
  readonly title: string;
  /** One or two sentences: when this is answered, and what the caller can do. */
  readonly meaning: string;
  /** Sent as `Retry-After`; absent: the same request will fail the same way. */
  readonly retryAfterSeconds?: number;
  /** The part of the request that this code is always about; named in `errors`. */
  readonly about?: { readonly in: "path" | "query" | "header" | "body"; readonly field: string };
}

const REFUSALS: Record<RefusalCode, ErrorEntry> = {
  "no-cpu-capacity": {
    status: 409,
    title: "Not enough pCPUs",
    meaning:
      "The pool of this ratio and the host's free pCPUs cannot take the vCPUs. Ask another host, or a higher ratio.",
  },
  "no-memory-capacity": {
    status: 409,
    title: "Not enough memory",
    meaning:
      "The VM's memory does not fit beside what the host has promised already. Ask another host, or less memory.",
  },
  "vm-larger-than-host": {
    status: 409,
    title: "The VM is larger than the host",
    meaning: "Even an empty host of this size would not fit the VM: no VM shares a pCPU with itself.",
  },
  "ratio-not-offered": {
    status: 409,
    title: "The host does not offer this ratio",
    meaning:
      "The host's policy has no pool for this allocation ratio. GET /v1/hosts names the policy and its template.",
  },
  "name-taken": {
    status: 409,
    title: "The name is taken",
    meaning: "A VM of this name exists already. Nothing was changed; choose another name or remove the VM first.",
  },
  "unknown-vm": {
    status: 404,
    title: "No such VM",
    meaning: "There is no VM of this name. GET /v1/vms lists those that are known.",
  },
  "restart-required": {
    status: 409,
    title: "The guest must restart for this",
    meaning: "The guest cannot take the new size while it runs. Send `restart: true` to allow a stop and start.",
  },
  "host-cordoned": {
    status: 409,
    title: "The host is cordoned",
    meaning: "An operator closed the host to new VMs. POST /v1/hosts/{id}/uncordon opens it again.",
  },
  "image-not-found": {
    status: 422,
    title: "No such disk image",
    meaning:
      "The path is well formed, but no qcow2 image lies there below a configured image folder, or it names files that lie elsewhere.",
  },
  busy: {
    status: 503,
    title: "Busy with this VM",
    meaning: "Another change of the same VM is under way. Try again when it is done.",
    retryAfterSeconds: 1,
  },
  "stale-leader": {
    status: 409,
    title: "Another scheduler leads",
    meaning:
      "The request carries the epoch of a leader that a later one has replaced. Nothing was done; `details.epoch` is the latest.",
  },
  "request-revoked": {
    status: 409,
    title: "The request was revoked",
    meaning: "POST /v1/requests/{id}/revoke came first, so the request is not carried out any more. Use a new id.",
  },
};

/** `unknown-host` is a scheduler's refusal and an agent's: it stands with the requests. */
const CLUSTER_REFUSALS: Record<Exclude<ClusterRefusalCode, RefusalCode | RequestCode>, ErrorEntry> = {
  "no-host-fits": {
    status: 409,
    title: "No host takes the VM",
    meaning:
      "Every host was asked and none fits; `hosts` says why, host by host. POST /v1/placements:explain says more. Nothing was changed.",
  },
  "request-id-reused": {
    status: 422,
    title: "The Idempotency-Key belongs to another VM",
    meaning: "The key was used for another VM before, perhaps with an earlier leader. Use a new key for a new request.",
    about: { in: "header", field: "idempotency-key" },
  },
  "vm-in-conflict": {
    status: 409,
    title: "Several hosts have a VM of this name",
    meaning:
      "The scheduler touches none of them. GET /v1/vms/{name} names the hosts; remove all but one through their own agents.",
  },
  "host-taken": {
    status: 409,
    title: "Another machine has this host's name",
    meaning:
      "A host of this name is alive and another machine. Give the host another name, or stop the other one first.",
  },
  "host-alive": {
    status: 409,
    title: "The host is alive",
    meaning: "Only a host that is silent can be given up. Drain a host that is alive, then stop its agent.",
  },
};

const FAILURES: Record<FailureCode, ErrorEntry> = {
  "hypervisor-unreachable": {
    status: 503,
    title: "The hypervisor cannot be reached",
    meaning:
      "The agent lost libvirt and reconnects by itself. Nothing was changed. `headroom doctor` on the host says more.",
    retryAfterSeconds: 5,
  },
  "hypervisor-timeout": {
    status: 503,
    title: "The hypervisor did not answer in time",
    meaning:
      "libvirt took longer than the agent's deadline. Repeat with the same Idempotency-Key: nothing is done twice.",
    retryAfterSeconds: 5,
  },
  "hypervisor-failed": {
    status: 502,
    title: "The hypervisor refused",
    meaning: "libvirt answered with an error, given in `detail`. The state is the one before the request.",
  },
  "domain-not-found": {
    status: 409,
    title: "The domain is gone",
    meaning:
      "The domain vanished between looking and acting. The agent's next tick clears it up; look again before repeating.",
  },
  "domain-exists": {
    status: 409,
    title: "A domain of this name or uuid exists",
    meaning:
      "The hypervisor holds a domain of this name that the agent does not manage. Choose another name or remove it.",
  },
  "unsupported-by-hypervisor": {
    status: 409,
    title: "The hypervisor cannot do this",
    meaning: "The driver or the guest lacks the operation, given in `detail`.",
  },
  "host-unreadable": {
    status: 503,
    title: "The host cannot be read",
    meaning: "Files of /sys or /proc that the agent needs could not be read. `headroom doctor` says which.",
    retryAfterSeconds: 15,
  },
  "image-failed": {
    status: 500,
    title: "The disk image could not be prepared",
    meaning: "Creating the overlay of the disk image failed on the host: space, permissions, or a damaged image.",
  },
  "state-not-written": {
    status: 503,
    title: "The agent could not save its journal",
    meaning: "Writing the journal failed (disk full, permissions), so nothing was changed. Mend the disk, then repeat.",
    retryAfterSeconds: 15,
  },
  "state-corrupt": {
    status: 500,
    title: "Saved state is damaged",
    meaning: "The journal or a domain's metadata cannot be read. The agent's log names the file.",
  },
  "bad-settings": {
    status: 500,
    title: "The agent's settings are wrong",
    meaning: "A setting keeps the agent from doing this; `detail` names it. `headroom config` prints the settings.",
  },
  "bad-input-file": {
    status: 500,
    title: "A file of the agent is wrong",
    meaning: "A topology, trace or template file that the agent was given cannot be used; `detail` names it.",
  },
  "agent-unreachable": {
    status: 503,
    title: "The agent cannot be reached",
    meaning: "The host's agent does not answer. Its guests go on running as they are.",
    retryAfterSeconds: 5,
  },
  "store-unreachable": {
    status: 503,
    title: "The cluster's store cannot be reached",
    meaning: "The scheduler has lost its store and reconnects by itself. Nothing was changed; guests go on running.",
    retryAfterSeconds: 5,
  },
  "store-timeout": {
    status: 503,
    title: "The cluster's store did not answer in time",
    meaning: "A question to the store took longer than the scheduler's deadline. Nothing was changed.",
    retryAfterSeconds: 5,
  },
  "store-outcome-unknown": {
    status: 503,
    title: "The cluster's store did not confirm the change",
    meaning:
      "The change may have happened; the scheduler finds out. Repeat with the same Idempotency-Key: nothing is done twice.",
    retryAfterSeconds: 5,
  },
  "store-locked": {
    status: 500,
    title: "Another process uses the cluster's store",
    meaning: "The embedded store serves one scheduler; `detail` names the process. Several schedulers need etcd.",
  },
  "store-failed": {
    status: 500,
    title: "The cluster's store refused",
    meaning:
      "The store cannot do this: no space, no permission, wrong settings; `detail` says which. Nothing was changed.",
  },
};

const REQUESTS: Record<RequestCode, ErrorEntry> = {
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

export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorEntry>> = {
  ...REFUSALS,
  ...CLUSTER_REFUSALS,
  ...FAILURES,
  ...REQUESTS,
};

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_TABLE, code);
