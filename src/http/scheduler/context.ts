/** What every route of the scheduler gets. */
import type { SchedulerService } from "../../scheduler/service.js";
import type { Routes, SharedContext } from "../context.js";
import type { HostRules } from "../host-rules.js";
import type { AgentQuestions } from "./agents.js";
import type { Forwarder } from "./forward.js";

export interface SchedulerContext extends SharedContext {
  readonly scheduler: SchedulerService;
  /** What holds for any host of the cluster; the rest is for the filters to say. */
  readonly rules: HostRules;
  readonly forwarder: Forwarder;
  readonly agents: AgentQuestions;
}

export type SchedulerRoutes = Routes<SchedulerContext>;
