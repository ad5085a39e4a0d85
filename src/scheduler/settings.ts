/** How a scheduler behaves. The command line fills it from the operator's settings. */
import type { EstimateMode } from "../core/placement/estimate-mode.js";
import { type Milliseconds, milliseconds } from "../core/units.js";

export interface SchedulerSettings {
  /** Agents that do not register themselves: their addresses, polled. */
  readonly listedUrls: readonly string[];
  /** Between two heartbeats of an agent, and between two polls of a listed one. */
  readonly heartbeatInterval: Milliseconds;
  /** Silent for so long, a host takes no new VM. Three heartbeats: one lost and one late are no reason. */
  readonly suspectAfter: Milliseconds;
  /** Silent for so long, it counts as down. Nothing is done about its VMs: only an operator can say that a host is gone. */
  readonly downAfter: Milliseconds;
  /** Between two looks at who is silent, who is to be polled and what is unsettled. */
  readonly tickInterval: Milliseconds;
  /** How long a new leader waits for the hosts' answers before it begins to decide; who answers later joins later. */
  readonly takeoverPatience: Milliseconds;
  /** How long a caller waits for a request whose answer was lost, while the agent is asked what became of it. */
  readonly settlePatience: Milliseconds;
  /** Between two questions about the same unsettled request. */
  readonly settleInterval: Milliseconds;
  /** Polls, and questions about doubtful VMs, under way at once. */
  readonly mostCalls: number;
  /** Hosts that one request is offered to before it is refused: their views were all stale, so the cluster is in flux. */
  readonly mostCandidates: number;
  /** VMs of one host that are moved away at once, while it is drained. */
  readonly movesAtOnce: number;
  /** When a VM that could not be moved is tried again: room comes and goes. */
  readonly moveRetryInterval: Milliseconds;
  /** Live moves that may make room for a VM that no host takes, at most, 0 to 2; 0: it is refused at once. */
  readonly migrationBudget: number;
  /** Of those moves, at most so many in any hour. */
  readonly migrationsPerHour: number;
  /** Requests for which room is made at once; others are refused as without a budget. */
  readonly roomMakersAtOnce: number;
  /** How long a request waits for its moves; then they are ended. Within what HTTP waits for a change. */
  readonly roomPatience: Milliseconds;
  /** How far placement follows estimates; the placer's registry is to be of the same mode. */
  readonly estimates: EstimateMode;
  /** Share of a host by which what counts as free may pass what is measured free. */
  readonly estimateMargin: number;
  /** Answers remembered for request ids that come again. */
  readonly rememberedAnswers: number;
  /** VMs that are gone whose requests are still known, to the next leader too: in the store, a record each. */
  readonly rememberedRemovals: number;
}

export const DEFAULT_SCHEDULER_SETTINGS: SchedulerSettings = {
  listedUrls: [],
  heartbeatInterval: milliseconds(5_000),
  suspectAfter: milliseconds(15_000),
  downAfter: milliseconds(60_000),
  tickInterval: milliseconds(1_000),
  takeoverPatience: milliseconds(3_000),
  settlePatience: milliseconds(20_000),
  settleInterval: milliseconds(1_000),
  mostCalls: 256,
  mostCandidates: 20,
  movesAtOnce: 2,
  moveRetryInterval: milliseconds(60_000),
  migrationBudget: 0,
  migrationsPerHour: 60,
  roomMakersAtOnce: 8,
  roomPatience: milliseconds(45_000),
  estimates: "off",
  estimateMargin: 0.05,
  rememberedAnswers: 10_000,
  rememberedRemovals: 10_000,
};
