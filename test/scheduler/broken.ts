/** Schedulers that break the rules of the protocol, made of a good one and a client that lies to it. */
import type { AgentClient } from "../../src/ports/agent-client.js";

const plain = (client: AgentClient): AgentClient => ({
  deploy: (request) => client.deploy(request),
  remove: (request) => client.remove(request),
  resize: (request) => client.resize(request),
  receive: (request) => client.receive(request),
  send: (request) => client.send(request),
  revoke: (request) => client.revoke(request),
  vm: (name, epoch) => client.vm(name, epoch),
  report: (tag) => client.report(tag),
});

/** Without an answer it takes a deploy for not done, and asks nobody. */
export const guessing = (client: AgentClient): AgentClient => ({
  ...plain(client),
  async revoke() {
    const outcome = await client.report(null);
    if (outcome.kind !== "report")
      return outcome.kind === "unchanged" ? { kind: "failed", code: "", reason: "" } : outcome;
    return { kind: "revoked", vm: null, status: outcome.report.status };
  },
});

/** It looks whether the VM is there, but does not bar its request from coming later. */
export const looking = (client: AgentClient): AgentClient => ({
  ...plain(client),
  async revoke({ name, requestId, epoch }) {
    const outcome = await client.vm(name, epoch);
    if (outcome.kind !== "vm") return outcome;
    const { vm, view, status } = outcome;
    return vm?.requestId === requestId ? { kind: "done", vm, view, status } : { kind: "revoked", vm, status };
  },
});

/** It says that it leads for ever. */
const LATEST = 1e9;
export const boasting = (client: AgentClient): AgentClient => ({
  deploy: (request) => client.deploy({ ...request, epoch: LATEST }),
  remove: (request) => client.remove({ ...request, epoch: LATEST }),
  resize: (request) => client.resize({ ...request, epoch: LATEST }),
  receive: (request) => client.receive({ ...request, epoch: LATEST }),
  send: (request) => client.send({ ...request, epoch: LATEST }),
  revoke: (request) => client.revoke({ ...request, epoch: LATEST }),
  vm: (name) => client.vm(name, LATEST),
  report: (tag) => client.report(tag),
});
