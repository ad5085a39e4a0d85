/** Polling: listed addresses at every interval, other hosts when they are silent. All at once; nobody waits for another. */
import { milliseconds } from "../core/units.js";
import type { AgentClient, ReportOutcome } from "../ports/agent-client.js";
import { ask } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import { introduce } from "./inventory.js";
import type { Reign } from "./reign.js";

/** A host that is down is asked more rarely: each question to it waits for its whole deadline. */
const DOWN_FACTOR = 4;

/** Hosts that a poll is due for: a listed one at every interval, one that registers itself once it missed its heartbeat. */
export function duePolls(reign: Reign): HostEntry[] {
  const { heartbeatInterval } = reign.settings;
  const listed = new Set(reign.listed.values());
  const now = reign.now();
  return [...reign.entries.values()].filter((entry) => {
    if (entry.polling) return false;
    const polledAgo = now - (entry.lastPolled ?? Number.NEGATIVE_INFINITY);
    const heardAgo = now - (entry.lastHeard ?? Number.NEGATIVE_INFINITY);
    const interval = entry.state === "down" ? DOWN_FACTOR * heartbeatInterval : heartbeatInterval;
    return polledAgo >= interval && (listed.has(entry.id) || entry.distrusted || heardAgo > 1.5 * heartbeatInterval);
  });
}

export async function pollHost(reign: Reign, entry: HostEntry): Promise<void> {
  entry.polling = true;
  entry.lastPolled = reign.now();
  const { url } = entry.record;
  try {
    const tag = entry.reportedTag;
    const outcome = await ask(reign, entry, () => reign.polling.run(() => entry.client.report(tag, reign.lost)));
    if (outcome.kind === "report") await arrived(reign, url, outcome);
  } finally {
    entry.polling = false;
  }
}

async function arrived(
  reign: Reign,
  url: string,
  { report }: Extract<ReportOutcome, { kind: "report" }>,
): Promise<void> {
  const introduced = await introduce(reign, url, report, "list");
  if (introduced.ok) {
    if (reign.listed.has(url)) reign.listed.set(url, introduced.value.id);
    reign.listedProblems.delete(url);
  } else if (reign.listed.has(url)) reign.listedProblems.set(url, introduced.refusal.reason);
}

/** Listed addresses that no host is known for yet. */
export class StrangerPolls {
  private readonly clients = new Map<string, AgentClient>();
  private readonly lastPolled = new Map<string, number>();
  private readonly polling = new Set<string>();

  constructor(private readonly reign: Reign) {}

  due(): string[] {
    const { listed, settings, entries } = this.reign;
    // What a former leader learnt, and what registered itself meanwhile.
    for (const entry of entries.values())
      if (listed.get(entry.record.url) === null) listed.set(entry.record.url, entry.id);
    const now = this.reign.now();
    return [...listed].flatMap(([url, host]) => {
      const ago = now - (this.lastPolled.get(url) ?? Number.NEGATIVE_INFINITY);
      return host === null && !this.polling.has(url) && ago >= settings.heartbeatInterval ? [url] : [];
    });
  }

  async poll(url: string): Promise<void> {
    const { reign } = this;
    const client = this.clients.get(url) ?? reign.ports.clients(url);
    this.clients.set(url, client);
    this.lastPolled.set(url, milliseconds(reign.now()));
    this.polling.add(url);
    try {
      const outcome = await reign.polling.run(() => client.report(null, reign.lost));
      reign.mustLead();
      if (outcome.kind === "report") await arrived(reign, url, outcome);
      else if (outcome.kind !== "unchanged") reign.listedProblems.set(url, outcome.reason);
    } finally {
      this.polling.delete(url);
    }
  }
}
