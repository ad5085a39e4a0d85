/**
 * What every HTTP application of Headroom has, whoever it speaks for: who may ask, how much at once, strict input, and that
 * every error leaves as a problem. Built apart from listening: tests inject requests, server.ts listens. The agent's (app.ts)
 * and the scheduler's (scheduler/app.ts) add their routes.
 */
import type { Socket } from "node:net";
import Fastify, { type FastifyError, type FastifyReply, type FastifyRequest } from "fastify";
import { authorize } from "./access.js";
import type { App } from "./app-type.js";
import type { Routes, SharedContext } from "./context.js";
import { addDashboard } from "./dashboard.js";
import { ERROR_TABLE } from "./error-table.js";
import { type EventSource, EventStreams } from "./event-stream.js";
import { Gate } from "./gate.js";
import { IdempotencyStore } from "./idempotency.js";
import { MethodTable } from "./method-table.js";
import { addOpenapi, type OpenapiHead } from "./openapi.js";
import { DEFAULT_LIMITS, type HttpLimits, type ServerOptions } from "./options.js";
import { fieldsError, type Problem, problemFromError, RequestError, sendProblem } from "./problem.js";
import { answerBrokenRequest } from "./raw-problem.js";
import { createNodeServer, type ServerNames } from "./server.js";
import type { ServerGauges, ServerMetrics } from "./server-metrics.js";
import { JsonFault, parseStrictJson } from "./strict-json.js";
import { EMPTY_QUERY, parseQuery } from "./strict-query.js";
import { serializerCompiler, validatorCompiler } from "./validation.js";

declare module "fastify" {
  interface FastifyInstance {
    /** What `listen` needs to know of how the app was made. */
    readonly headroom: {
      readonly options: ServerOptions;
      readonly limits: HttpLimits;
      readonly metrics: ServerMetrics;
      readonly names: ServerNames;
    };
  }
}

export interface AppPlan<C extends SharedContext> {
  readonly options: ServerOptions;
  readonly limits?: Partial<HttpLimits>;
  readonly names: ServerNames;
  readonly openapi: OpenapiHead;
  readonly events: EventSource;
  readonly metrics: (gauges: ServerGauges) => ServerMetrics;
  readonly context: (shared: SharedContext) => C;
  readonly routes: readonly Routes<C>[];
  /** Gives what a thrown thing means to HTTP, where `problemFromError` does not know it. */
  readonly translate?: (error: unknown) => unknown;
}

export function buildApp<C extends SharedContext>(plan: AppPlan<C>): App {
  const { options, names } = plan;
  const limits: HttpLimits = { ...DEFAULT_LIMITS, ...plan.limits, ...options.limits };
  const app = bareApp(options, limits);
  const requests = new Gate(limits.inFlight, "requests");
  const openapi = addOpenapi(app, plan.openapi, options.version);
  const methods = new MethodTable();
  app.addHook("onRoute", (route) => methods.add(route.url, route.method));
  const dashboard = addDashboard(app, options.dashboard ?? null);
  const shared = sharedContext(plan, limits, requests, { openapi, dashboard });
  app.decorate("headroom", { options, limits, metrics: shared.metrics, names });
  app.decorateRequest("bearer", null);
  app.decorateReply("problemCode", null);
  addChecks(app, options, names, requests);
  addDeadlines(app);
  addErrors(app, shared, methods, plan.translate ?? ((error) => error));
  addJsonBodies(app);
  app.addHook("preClose", async () => shared.events.endAll());
  const context = plan.context(shared);
  app.register(async (scope) => {
    for (const add of plan.routes) add(scope as App, context);
  });
  return app;
}

function bareApp(options: ServerOptions, limits: HttpLimits): App {
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

function sharedContext(
  plan: Pick<AppPlan<SharedContext>, "options" | "events" | "metrics">,
  limits: HttpLimits,
  requests: Gate,
  pages: Pick<SharedContext, "openapi" | "dashboard">,
): SharedContext {
  const { clock, log, version } = plan.options;
  const events = new EventStreams(plan.events, clock, limits);
  const metrics = plan.metrics({ requestsInFlight: () => requests.inside, eventReaders: () => events.readers });
  if (plan.options.moreMetrics !== undefined) metrics.addMore(plan.options.moreMetrics);
  return {
    log,
    clock,
    limits,
    version,
    changes: new Gate(limits.changes, "changes"),
    idempotency: new IdempotencyStore(clock, limits.idempotencyKeys, limits.idempotencyMs),
    events,
    metrics,
    ...pages,
  };
}

/** In this order: is there room, may they ask, is the URL well formed, is there a body where none belongs. */
function addChecks(app: App, options: ServerOptions, names: ServerNames, requests: Gate): void {
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (closing) throw new RequestError("shutting-down", `The ${names.program} is stopping and takes nothing new`);
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

/**
 * The routes' `handlerTimeout`, by a timer of our own: Fastify's aborts a controller for every request, also for those that were
 * answered in time, and that makes an exception with a stack each.
 */
function addDeadlines(app: App): void {
  app.addHook("onRoute", (route) => {
    const { handlerTimeout: deadlineMs, ...others } = route;
    if (deadlineMs === undefined) return;
    delete route.handlerTimeout;
    route.config = { ...others.config, deadlineMs };
  });
  app.addHook("onRequest", (request, reply, done) => {
    const { deadlineMs } = request.routeOptions.config;
    if (deadlineMs !== undefined) {
      const timer = setTimeout(() => {
        if (!reply.sent) reply.send(new RequestError("deadline-exceeded", ERROR_TABLE["deadline-exceeded"].meaning));
      }, deadlineMs);
      reply.raw.once("close", () => clearTimeout(timer));
    }
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

function addErrors(
  app: App,
  { log, metrics }: SharedContext,
  methods: MethodTable,
  translate: (error: unknown) => unknown,
): void {
  const answer = (request: FastifyRequest, reply: FastifyReply, problem: Problem): void => {
    const extra = request.routeOptions.config.seed ? { success: false, reason: problem.detail } : undefined;
    sendProblem(reply, problem, extra);
  };
  app.setErrorHandler((thrown, request, reply) => {
    const error = translate(thrown);
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
