/**
 * The HTTP applications of the probe, of the collector and of the estimator: `/metrics`, whether they work, and the description of it. Who may ask and
 * how much is base-app.ts's, as everywhere.
 */
import type { App } from "../app-type.js";
import { type AppPlan, buildApp } from "../base-app.js";
import type { Routes, SharedContext } from "../context.js";
import type { ServerOptions } from "../options.js";
import { healthRoute, metricsRoute } from "../routes/health.js";
import { referenceRoutes } from "../routes/reference.js";
import { type Face, rootRoute } from "../routes/root.js";
import type { ServerNames } from "../server.js";
import { TelemetryMetrics, type TelemetryText } from "./metrics.js";
import { telemetryReadyRoute } from "./ready.js";

export interface TelemetryAppOptions extends Omit<ServerOptions, "seedCalls" | "moreMetrics"> {
  readonly names: ServerNames;
  readonly description: string;
  /** Why it does not work at the moment; null when it does. */
  readonly problem: () => string | null;
  readonly metrics: TelemetryText;
  /** What it serves besides. */
  readonly routes?: readonly Routes<SharedContext>[];
  readonly links?: Face["links"];
  /** Words after `headroom` that run it; default: the program's name. */
  readonly command?: string;
}

const NO_EVENTS: AppPlan<SharedContext>["events"] = { eventsAfter: () => [], subscribe: () => () => undefined };

const faceOf = (program: string, links: Face["links"], command: string): Face => ({
  program,
  links: [
    ...links,
    { path: "/metrics", about: "metrics for Prometheus" },
    { path: "/readyz", about: `whether the ${program} works` },
    { path: "/openapi.json", about: "this interface as an OpenAPI document" },
  ],
  seedLinks: [],
  commands: [`headroom ${command} --help`],
});

export function createTelemetryApp(options: TelemetryAppOptions): App {
  const { names, description, problem, version, metrics, routes: more = [], links = [] } = options;
  const { program } = names;
  const routes: readonly Routes<SharedContext>[] = [
    healthRoute,
    telemetryReadyRoute(problem),
    metricsRoute,
    referenceRoutes,
    rootRoute(faceOf(program, links, options.command ?? program), false),
    ...more,
  ];
  return buildApp<SharedContext>({
    options: { ...options, seedCalls: false, moreMetrics: metrics.text },
    names,
    openapi: { title: `Headroom ${program}`, event: "Problem", description },
    events: NO_EVENTS,
    metrics: (gauges) => new TelemetryMetrics({ program, problem, version, metrics }, gauges),
    context: (shared) => shared,
    routes,
  });
}
