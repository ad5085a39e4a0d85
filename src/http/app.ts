/**
 * The HTTP application of one host agent, built apart from listening: tests inject requests, server.ts listens. Wires the
 * routes to the agent, and holds what is true of every request: who may ask, how much at once, strict input, and that
 * every error leaves as a problem.
 */
import type { Socket } from "node:net";
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from "fastify";
import { authorize } from "./access.js";
import type { App } from "./app-type.js";
import type { HttpContext, Routes } from "./context.js";
import { EventStreams } from "./event-stream.js";
import { Gate } from "./gate.js";
import type { HostRules } from "./host-rules.js";
import { IdempotencyStore } from "./idempotency.js";
import { MethodTable } from "./method-table.js";
import { HttpMetrics } from "./metrics.js";
import { addOpenapi } from "./openapi.js";
import { type AppOptions, DEFAULT_LIMITS, type HttpLimits } from "./options.js";
import { fieldsError, type Problem, problemFromError, RequestError, sendProblem } from "./problem.js";
import { answerBrokenRequest } from "./raw-problem.js";
import { eventsRoute } from "./routes/events.js";
import { explainRoute } from "./routes/explain.js";
import { healthRoutes } from "./routes/health.js";
import { hostRoutes } from "./routes/hosts.js";
import { poolsRoute } from "./routes/pools.js";
import { referenceRoutes } from "./routes/reference.js";
import { rootRoute } from "./routes/root.js";
import { seedRoutes } from "./routes/seed.js";
import { topologyRoute } from "./routes/topology.js";
import { createVmRoute, listVmsRoute, removeVmRoute, resizeVmRoute, showVmRoute } from "./routes/vms.js";
import { createNodeServer } from "./server.js";
import { JsonFault, parseStrictJson } from "./strict-json.js";
import { EMPTY_QUERY, parseQuery } from "./strict-query.js";
import { serializerCompiler, validatorCompiler } from "./validation.js";

declare module "fastify" {
  interface FastifyInstance {
    /** What `listen` needs to know of how the app was made. */
    readonly headroom: { readonly options: AppOptions; readonly limits: HttpLimits; readonly metrics: HttpMetrics };
  }
}

const V1_ROUTES: readonly Routes[] = [
  createVmRoute,
  listVmsRoute,
  showVmRoute,
  resizeVmRoute,
  removeVmRoute,
  hostRoutes,
  poolsRoute,
  topologyRoute,
  explainRoute,
  eventsRoute,
  healthRoutes,
  referenceRoutes,
];

export function createApp(options: AppOptions): App {
  const limits: HttpLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const app = bareApp(options, limits);
  const requests = new Gate(limits.inFlight, "requests");
  const context = contextOf(options, limits, requests, addOpenapi(app, options.version));
  app.decorate("headroom", { options, limits, metrics: context.metrics });
  app.decorateRequest("bearer", null);
  app.decorateReply("problemCode", null);
  const methods = new MethodTable();
  app.addHook("onRoute", (route) => methods.add(route.url, route.method));
  addChecks(app, options, requests);
  addErrors(app, context, methods);
  addJsonBodies(app);
  app.addHook("preClose", async () => context.events.endAll());
  app.register(async (scope) => {
    for (const add of V1_ROUTES) add(scope as App, context);
    rootRoute(options.seedCalls)(scope as App, context);
    if (options.seedCalls) seedRoutes(scope as App, context);
  });
  return app;
}

function bareApp(options: AppOptions, limits: HttpLimits): App {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    trustProxy: false,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      // Longer than any name, so that a name that is too long is said to be wrong instead of not found.
      maxParamLength: limits.headerBytes,
      // Query strings are parsed by strict-query.ts, where an error can be answered.
      querystringParser: () => ({}),
    },
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      sendProblem(reply, problemFromError(error));
    },
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => answerBrokenRequest(error, socket),
    serverFactory: (handler) => createNodeServer(handler, options.tls ?? null, limits),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  return app;
}

function contextOf(
  options: AppOptions,
  limits: HttpLimits,
  requests: Gate,
  openapi: HttpContext["openapi"],
): HttpContext {
  const { agent, clock, log, version } = options;
  const events = new EventStreams(agent, clock, limits);
  const facts = rememberedFacts(agent);
  const gauges = { requestsInFlight: () => requests.inside, eventReaders: () => events.readers };
  return {
    agent,
    log,
    clock,
    limits,
    version,
    hostRules: () => ({ ...facts(), maximumRatio: options.maximumRatio, imageFolders: options.imageFolders }),
    hostId: () => facts().hostId,
    changes: new Gate(limits.changes, "changes"),
    idempotency: new IdempotencyStore(clock, limits.idempotencyKeys, limits.idempotencyMs),
    events,
    metrics: new HttpMetrics(agent, version, gauges, options.agentTotals ?? null),
    openapi,
  };
}

interface HostFacts {
  readonly hostId: string;
  readonly hostPcpus: number;
  readonly template: HostRules["template"];
}

/** A status costs a look at every pool; what of it cannot change once the agent is ready is asked for once. */
function rememberedFacts(agent: AppOptions["agent"]): () => HostFacts {
  let remembered: HostFacts | null = null;
  return () => {
    if (remembered !== null) return remembered;
    const { host, template } = agent.status();
    const facts = { hostId: host, hostPcpus: agent.topology().totalPcpus, template };
    if (agent.ready()) remembered = facts;
    return facts;
  };
}

/** In this order: is there room, may they ask, is the URL well formed, is there a body where none belongs. */
function addChecks(app: App, options: AppOptions, requests: Gate): void {
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (closing) throw new RequestError("shutting-down", "The agent is stopping and takes nothing new");
    const leave = requests.enter();
    // The first when the answer is sent, the second when the client has gone before.
    reply.raw.once("finish", leave);
    reply.raw.once("close", leave);
    if (!request.is404) request.bearer = authorize(request, options.tokens);
    request.query = readQuery(request.raw.url ?? "");
    refuseBody(request);
    done();
  });
}

function readQuery(url: string): unknown {
  const mark = url.indexOf("?");
  if (mark < 0) return EMPTY_QUERY;
  const { query, errors } = parseQuery(url.slice(mark + 1));
  if (errors.length > 0) throw fieldsError(errors);
  return query;
}

function refuseBody(request: FastifyRequest): void {
  if (request.method === "POST") return;
  const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
  if (length !== "0" || encoding !== undefined)
    throw new RequestError("unexpected-body", `${request.method} takes no body: the input goes into the URL`);
}

/** Only `application/json` in UTF-8, read strictly. */
function addJsonBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.headers["content-type"] ?? "")?.[1];
    const encoding = request.headers["content-encoding"] ?? "identity";
    if ((charset ?? "utf-8").toLowerCase() !== "utf-8" || encoding !== "identity") {
      done(new RequestError("unsupported-media-type", "The body must be UTF-8 without Content-Encoding"), undefined);
      return;
    }
    try {
      done(null, body.length === 0 ? undefined : parseStrictJson(Buffer.from(body)));
    } catch (error) {
      done(error instanceof JsonFault ? jsonError(error) : (error as Error), undefined);
    }
  });
}

function jsonError(fault: JsonFault): RequestError {
  const field = fault.field ?? "body";
  const kind = fault.doubled ? "doubled" : "not-allowed";
  const error = { in: "body", field, fault: kind, message: fault.message, allowed: "JSON as in RFC 8259" } as const;
  return new RequestError("malformed-json", `${field}: ${fault.message}`, [error]);
}

function addErrors(app: App, { log, metrics }: HttpContext, methods: MethodTable): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, problem: Problem): void => {
    const extra = request.routeOptions.config.seed ? { success: false, reason: problem.detail } : undefined;
    sendProblem(reply, problem, extra);
  };
  app.setErrorHandler((error, request, reply) => {
    const problem = problemFromError(error);
    if (problem.code === "internal")
      log.error({ err: error, method: request.method, url: request.url }, "bug while answering");
    if (error instanceof RequestError) reply.headers(error.headers);
    answer(request, reply, problem);
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods.allowed(request.raw.url ?? "").join(", ");
    const found = allowed !== "";
    if (found) reply.header("allow", allowed);
    const error = found
      ? new RequestError("method-not-allowed", `${request.method} is not taken here; allowed: ${allowed}`)
      : new RequestError("not-found", "There is no such path; GET /openapi.json lists them all");
    answer(request, reply, problemFromError(error));
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.is404 ? "none" : (request.routeOptions.url ?? "none");
    if (reply.problemCode !== null) metrics.countProblem(reply.problemCode);
    metrics.observe(request.method, route, reply.statusCode, reply.elapsedTime);
    log.debug(
      { method: request.method, route, status: reply.statusCode, ms: reply.elapsedTime, from: request.ip },
      "request",
    );
    done();
  });
}
