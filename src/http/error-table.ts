/**
 * The one table from stable codes to HTTP: status, title, what it means and what to do. Problems (problem.ts), the page
 * docs/errors.md and the route `/problems/{code}` are all read from here; a test holds it complete against the code lists.
 */
import type { RefusalCode } from "../core/result.js";
import type { FailureCode } from "../ports/errors.js";
import type { ClusterRefusalCode } from "../scheduler/service.js";
import type { ErrorEntry } from "./error-entry.js";
import { REQUEST_ERRORS, type RequestCode } from "./request-errors.js";

export type ErrorCode = RefusalCode | ClusterRefusalCode | FailureCode | RequestCode;

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
  "not-movable": {
    status: 409,
    title: "The VM cannot be moved",
    meaning:
      "The VM or one of the hosts takes no part in live migration; `detail` says why: no migration address, a disk that is not shared, a guest that does not run.",
  },
  "migration-failed": {
    status: 409,
    title: "The move failed",
    meaning: "The VM was on its way to another host, and is back where it was; `detail` says why.",
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
      "Every host was asked and none fits; `hosts` says why, host by host. POST /v1/placements:explain says more. Nothing was changed, unless `detail` says that making room by live moves was tried.",
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
  "sink-unreachable": {
    status: 503,
    title: "Who is to take the estimates does not answer",
    meaning:
      "A webhook, a scheduler or OpenStack did not answer in time, or says not now. It is tried again by itself.",
  },
  "sink-failed": {
    status: 502,
    title: "Who is to take the estimates refuses",
    meaning:
      "A webhook, a scheduler or OpenStack refuses what it is told; `detail` says why. The next estimates try again.",
  },
};

export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorEntry>> = {
  ...REFUSALS,
  ...CLUSTER_REFUSALS,
  ...FAILURES,
  ...REQUEST_ERRORS,
};

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_TABLE, code);
