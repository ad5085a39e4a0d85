/** What an agent tells schedulers: everything (a registration), or that it is alive and which state it is in (a heartbeat). */
import type { Clock } from "../../ports/clock.js";
import type { Heartbeat, Registration } from "../../ports/scheduler-client.js";
import type { AgentService } from "../service.js";

export type Reporting = Pick<AgentService, "hostReport" | "hostStatus" | "tag">;

/** What never changes while the agent runs. */
export type Identity = Pick<Heartbeat, "host" | "machineId">;

export function identityOf(agent: Reporting): Identity {
  const { host, machineId } = agent.hostStatus();
  return { host, machineId };
}

/** `url`: where the agent is reached. */
export const registration = (agent: Reporting, url: string, clock: Clock): Registration => ({
  url,
  report: agent.hostReport(),
  at: clock.now(),
});

export const heartbeat = (agent: Reporting, identity: Identity, clock: Clock): Heartbeat => ({
  ...identity,
  tag: agent.tag(),
  at: clock.now(),
});
