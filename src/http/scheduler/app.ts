/** The HTTP application of a scheduler: ../base-app.ts has what every application has; this wires the cluster's routes to it. */
import { NotLeader } from "../../scheduler/service.js";
import type { App } from "../app-type.js";
import { buildApp } from "../base-app.js";
import type { SharedContext } from "../context.js";
import { eventsRoute } from "../routes/events.js";
import { healthRoute, metricsRoute } from "../routes/health.js";
import { referenceRoutes } from "../routes/reference.js";
import { type Face, rootRoute } from "../routes/root.js";
import { sessionRoute } from "../routes/session.js";
import { agentQuestions } from "./agents.js";
import type { SchedulerContext, SchedulerRoutes } from "./context.js";
import { Forwarder, notLeader } from "./forward.js";
import { SchedulerMetrics } from "./metrics.js";
import { SCHEDULER_LIMITS, type SchedulerAppOptions } from "./options.js";
import { agentRoutes } from "./routes/agents.js";
import { adoptRoute, clusterRoute, movesRoute, readyRoute } from "./routes/cluster.js";
import { estimatesRoutes } from "./routes/estimates.js";
import { explainRoute } from "./routes/explain.js";
import { hostRoutes } from "./routes/hosts.js";
import { poolsRoute } from "./routes/pools.js";
import { seedRoutes } from "./routes/seed.js";
import { hostTopologyRoute } from "./routes/topology.js";
import { createVmRoute, listVmsRoute, removeVmRoute, resizeVmRoute, showVmRoute, vmEventsRoute } from "./routes/vms.js";

const V1_ROUTES: readonly SchedulerRoutes[] = [
  createVmRoute,
  listVmsRoute,
  showVmRoute,
  vmEventsRoute,
  resizeVmRoute,
  removeVmRoute,
  hostRoutes,
  hostTopologyRoute,
  poolsRoute,
  explainRoute,
  estimatesRoutes,
  clusterRoute,
  movesRoute,
  adoptRoute,
  agentRoutes,
  eventsRoute,
  sessionRoute("scheduler"),
  healthRoute,
  readyRoute,
  metricsRoute,
  referenceRoutes,
];

const FACE: Face = {
  program: "scheduler",
  links: [
    { path: "/v1/cluster", about: "the cluster in sum: who leads, hosts and VMs by state, what is free" },
    { path: "/v1/hosts", about: "hosts: their state, pools, free resources" },
    { path: "/v1/vms", about: "VMs, and which host each is on" },
    { path: "/v1/pools", about: "CPU pools of every host" },
    { path: "/v1/estimates", about: "what hosts are expected to need, as the estimator says" },
    { path: "/v1/events", about: "events as they happen" },
    { path: "/metrics", about: "metrics for Prometheus" },
    { path: "/readyz", about: "whether the scheduler takes requests, and whether it leads" },
    { path: "/openapi.json", about: "this interface as an OpenAPI document" },
  ],
  seedLinks: [
    { path: "/status", about: "pools and free resources of every host as the earlier systems answered" },
    { path: "/listvm", about: "names of the VMs" },
  ],
  commands: ["headroom cluster status", "headroom host list", "headroom vm list"],
};

const OPENAPI = {
  title: "Headroom scheduler",
  event: "ClusterEvent",
  description: `The scheduler of a cluster: selects the host of each virtual machine, and keeps track of hosts and machines.

Any scheduler of the cluster may be asked: one that does not lead answers reads from the cluster's store and passes changes on
to the leader, or answers 503 \`not-leader\` with where it is. Errors are RFC 9457 problems with a stable \`code\`. Unknown
parameters and fields are refused. Memory is in MiB, CPU in pCPUs. The calls of the earlier systems (\`/status\`, \`/deploy\` ...)
can be switched off.`,
};

export function createSchedulerApp(options: SchedulerAppOptions): App {
  const { scheduler, version, seedCalls } = options;
  const root = rootRoute(FACE, seedCalls);
  return buildApp<SchedulerContext>({
    options,
    limits: SCHEDULER_LIMITS,
    names: {
      program: "scheduler",
      addressSetting: "HEADROOM_SCHEDULER_ADDRESS",
      portSetting: "HEADROOM_SCHEDULER_PORT",
      risk: "deploy and remove VMs",
    },
    openapi: OPENAPI,
    events: scheduler,
    metrics: (gauges) => new SchedulerMetrics(scheduler, version, gauges),
    context: (shared) => contextOf(options, shared),
    routes: seedCalls ? [...V1_ROUTES, root, seedRoutes] : [...V1_ROUTES, root],
    translate: (error) => (error instanceof NotLeader ? notLeader(error.leader, sentence(error.message)) : error),
  });
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function contextOf(options: SchedulerAppOptions, shared: SharedContext): SchedulerContext {
  const { scheduler, maximumRatio, imageFolders, clusterToken, dispatcher } = options;
  return {
    ...shared,
    scheduler,
    // Which host is large enough, and whether its template decides on ratios, is for the filters to say.
    rules: { hostPcpus: Number.POSITIVE_INFINITY, template: null, maximumRatio, imageFolders },
    forwarder: new Forwarder({ limits: shared.limits, token: clusterToken, dispatcher }),
    agents: agentQuestions({ token: clusterToken, dispatcher }),
  };
}
