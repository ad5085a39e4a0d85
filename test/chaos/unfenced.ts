/**
 * An agent that has no fences: it listens to leaders that were replaced, and carries out requests that it promised to bar. What
 * a cluster of such agents comes to, the checker must see.
 */
import type { Agent } from "../../src/agent/agent.js";
import { accept } from "../../src/core/result.js";

export function unfenced(agent: Agent): Agent {
  const broken: Partial<Agent> = {
    deploy: ({ epoch: _, ...request }) => agent.deploy(request),
    remove: (name, { epoch: _, ...options } = {}) => agent.remove(name, options),
    resize: ({ epoch: _, ...request }) => agent.resize(request),
    revoke: async ({ requestId, name }) => {
      const vm = agent.vm(name);
      const isDone = vm !== null && agent.requestIdOf(name) === requestId;
      return accept({ outcome: isDone ? "done" : "revoked", vm });
    },
    look: async (name) => agent.look(name, 0),
  };
  return new Proxy(agent, {
    get(target, property) {
      const own = broken[property as keyof Agent];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
