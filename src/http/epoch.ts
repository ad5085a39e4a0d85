/**
 * `Headroom-Epoch`: which leader a request comes from (agent/guard.ts). A request without it is of a person or a script. An agent
 * never listens to lower epochs than it has seen, so only who may change things may tell it one.
 */
import type { FastifyRequest } from "fastify";
import { mayAccess } from "./auth.js";
import { fieldsError, RequestError } from "./problem.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The call takes Headroom-Epoch. */
    epoch?: true;
  }
}

const HEADER = "headroom-epoch";
const ALLOWED = "a whole number from 1 to 9007199254740991, once";

/** Undefined: the request carries none. Throws `RequestError`. */
export function epochOf({ headers, bearer }: FastifyRequest): number | undefined {
  const text = headers[HEADER];
  if (text === undefined) return undefined;
  const epoch = typeof text === "string" && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(epoch)) {
    const message = `is not allowed; allowed: ${ALLOWED}`;
    throw fieldsError([{ in: "header", field: HEADER, fault: "not-allowed", message, allowed: ALLOWED }]);
  }
  if (bearer !== null && !mayAccess(bearer.role, "change"))
    throw new RequestError("forbidden", `The role ${bearer.role} may not speak for a scheduler (${HEADER})`);
  return epoch;
}
