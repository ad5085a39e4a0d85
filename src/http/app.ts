/** The HTTP application of one host agent: base-app.ts has what every application has; this wires the agent's routes to it. */
import { AgentHttpMetrics } from "./agent-metrics.js";
import type { App } from "./app-type.js";
import { buildApp } from "./base-app.js";
import type { HttpContext, Routes, SharedContext } from "./context.js";
import type { HostRules } from "./host-rules.js";
import type { AppOptions } from "./options.js";
import { eventsRoute } from "./routes/events.js";
import { explainRoute } from "./routes/explain.js";
import { healthRoute, metricsRoute, readyRoute } from "./routes/health.js";
import { hostRoutes } from "./routes/hosts.js";
import { migrationRoutes } from "./routes/migration.js";
import { poolsRoute } from "./routes/pools.js";
import { referenceRoutes } from "./routes/reference.js";
import { requestRoutes } from "./routes/requests.js";
import { AGENT_FACE, rootRoute } from "./routes/root.js";
import { seedRoutes } from "./routes/seed.js";
import { sessionRoute } from "./routes/session.js";
import { topologyRoute } from "./routes/topology.js";
import { createVmRoute, listVmsRoute, removeVmRoute, resizeVmRoute, showVmRoute } from "./routes/vms.js";

const V1_ROUTES: readonly Routes[] = [
  createVmRoute,
  listVmsRoute,
  showVmRoute,
  resizeVmRoute,
  removeVmRoute,
  hostRoutes,
  requestRoutes,
  migrationRoutes,
  poolsRoute,
  topologyRoute,
  explainRoute,
  eventsRoute,
  sessionRoute("agent"),
  healthRoute,
  readyRoute,
  metricsRoute,
  referenceRoutes,
];

const OPENAPI = {
  title: "Headroom agent",
  event: "Event",
  description: `The agent of one host: deploys virtual machines into CPU pools by allocation ratio, and says what is free.

Errors are RFC 9457 problems with a stable \`code\`. Unknown parameters and fields are refused. Memory is in MiB, CPU in
pCPUs. The calls of the earlier systems (\`/status\`, \`/deploy\` ...) can be switched off.`,
};

export function createApp(options: AppOptions): App {
  const { agent, version } = options;
  const root = rootRoute(AGENT_FACE, options.seedCalls);
  return buildApp<HttpContext>({
    options,
    names: {
      program: "agent",
      addressSetting: "HEADROOM_ADDRESS",
      portSetting: "HEADROOM_PORT",
      risk: "deploy and remove VMs",
    },
    openapi: OPENAPI,
    events: agent,
    metrics: (gauges) => new AgentHttpMetrics(agent, version, gauges, options.agentTotals ?? null),
    context: (shared) => contextOf(options, shared),
    routes: options.seedCalls ? [...V1_ROUTES, root, seedRoutes] : [...V1_ROUTES, root],
  });
}

function contextOf({ agent, maximumRatio, imageFolders }: AppOptions, shared: SharedContext): HttpContext {
  const facts = rememberedFacts(agent);
  return {
    ...shared,
    agent,
    hostRules: () => ({ ...facts(), maximumRatio, imageFolders }),
    hostId: () => facts().hostId,
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
