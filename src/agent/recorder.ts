/** Writes a live host as a trace (spec 3), so that what the agent decided can be replayed. */
import type { PoolPolicy } from "../core/pool/policy.js";
import type { Milliseconds } from "../core/units.js";
import type { AgentState } from "./state.js";
import type { UsageState } from "./usage.js";

export interface Recorder {
  /** `at`: milliseconds since the epoch. Throws `OperationalError` where it cannot be written. */
  record(policy: PoolPolicy, state: AgentState, usage: UsageState | null, at: Milliseconds): Promise<void>;
}
