/**
 * Who may make a call. With tokens: the role decides. Without (or for the seeds' calls from loopback, which their scripts
 * make without a token): everyone on this machine, but no web page: browsers carry requests of foreign pages to loopback
 * (cross-site requests, DNS rebinding), and say so in headers that pages cannot forge.
 */
import type { FastifyRequest } from "fastify";
import { type Access, type Bearer, bearerOf, bearerToken, mayAccess, type TokenTable } from "./auth.js";
import { RequestError } from "./problem.js";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the call does; every route says it. */
    access?: Access;
    /** One of the seeds' calls. */
    seed?: boolean;
    /** A DELETE that takes Idempotency-Key. */
    keyed?: true;
    /** From a request's headers to its answer; made of the route's `handlerTimeout` (base-app.ts). */
    deadlineMs?: number;
  }
  interface FastifyRequest {
    /** Null: let in without a token. */
    bearer: Bearer | null;
  }
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/;
const LOOPBACK_NAME = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

export const isLoopbackAddress = (address: string): boolean => LOOPBACK.test(address);

/** Throws `RequestError` (401, 403) unless the call may be made; gives the bearer, or null for nobody in particular. */
export function authorize(request: FastifyRequest, tokens: TokenTable | null): Bearer | null {
  const { access = "operate", seed = false } = request.routeOptions.config;
  if (access === "open") return null;
  const header = request.headers.authorization;
  const withoutToken = tokens === null || (seed && header === undefined && fromThisMachine(request));
  if (withoutToken) {
    refuseWebPages(request, access);
    return null;
  }
  const token = header === undefined ? null : bearerToken(header);
  if (token === null)
    throw new RequestError("unauthenticated", "This call needs a token: send Authorization: Bearer <token>");
  const bearer = bearerOf(token, tokens);
  if (bearer === null) throw new RequestError("unauthenticated", "The token is not one of this server's");
  if (!mayAccess(bearer.role, access))
    throw new RequestError("forbidden", `The role ${bearer.role} may not make this call (it needs: ${access})`);
  return bearer;
}

/** A reverse proxy on this machine speaks for others: its requests do not count as from here. */
function fromThisMachine(request: FastifyRequest): boolean {
  const { forwarded, via } = request.headers;
  const proxied = forwarded !== undefined || via !== undefined || request.headers["x-forwarded-for"] !== undefined;
  return !proxied && isLoopbackAddress(request.ip);
}

function refuseWebPages(request: FastifyRequest, access: Access): void {
  const { host = "", origin } = request.headers;
  if (!LOOPBACK_NAME.test(host))
    throw new RequestError("foreign-host-name", "Host: without a token, ask under localhost, 127.0.0.1 or [::1]");
  if (access === "read") return;
  const site = request.headers["sec-fetch-site"];
  const foreignSite = site !== undefined && site !== "same-origin" && site !== "none";
  const foreignOrigin = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (foreignSite || foreignOrigin || isPrefetch(request))
    throw new RequestError("cross-site-request", "Changes are not taken from web pages of other sites, nor prefetched");
}

const isPrefetch = (request: FastifyRequest): boolean =>
  String(request.headers["sec-purpose"] ?? request.headers.purpose ?? "").includes("prefetch");
