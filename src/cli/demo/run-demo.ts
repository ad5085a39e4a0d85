/**
 * The demonstration as a whole: starts the agent, plays the hour, watches the host through the same HTTP interface, shows
 * it, and ends with a summary. Where there is no terminal it writes a line now and then.
 */
import { indexTopology } from "../../core/topology/index-topology.js";
import type { TopologyIndex } from "../../core/topology/model.js";
import { type AgentClient, agentClient } from "../../http/client.js";
import { joined } from "../../ports/signals.js";
import { agentLog } from "../host/agent-log.js";
import { type RunningAgent, runAgent } from "../host/run-agent.js";
import type { EventLine } from "../play/happening.js";
import { paintFor } from "../terminal.js";
import { demoHost } from "./demo-host.js";
import { renderFrame } from "./frame.js";
import type { HostDemoOptions } from "./options.js";
import { playHour } from "./player.js";
import { show } from "./show.js";
import { introduction, plainLine, summary } from "./story.js";
import type { DemoView, Moment, Totals } from "./view.js";
import { demoHour, HOUR_SECONDS } from "./workload.js";

const KEPT_EVENTS = 40;
const CLIENT_TIMEOUT_MS = 10_000;

/** What is known of the host so far: each look at it adds to it. */
class Watch {
  private readonly history: Moment[] = [];
  private readonly events: EventLine[] = [];
  private readonly ratios = new Set<number>();
  private totals: Totals = { arrived: 0, left: 0, refused: 0 };
  private readonly beganMs: number;
  private readonly index: TopologyIndex;
  mostSold = 0;

  constructor(
    private readonly running: RunningAgent,
    private readonly client: AgentClient,
    private readonly monotonic: () => number,
    private readonly speed: number,
  ) {
    this.beganMs = monotonic();
    this.index = indexTopology(running.agent.topology());
  }

  readonly note = (event: EventLine, totals: Totals): void => {
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.shift();
    this.totals = totals;
  };

  async look(): Promise<DemoView> {
    const [host] = await this.client.hosts();
    if (host === undefined) throw new Error("the agent knows no host");
    const atSeconds = Math.min(HOUR_SECONDS, (this.monotonic() - this.beganMs) / 1000);
    for (const pool of host.pools) this.ratios.add(pool.ratio);
    this.history.push({ atSeconds, sizes: new Map(host.pools.map((pool) => [pool.ratio, pool.pcpuCount])) });
    const sold = host.pools.reduce((sum, pool) => sum + pool.allocatedVcpus, 0);
    this.mostSold = Math.max(this.mostSold, sold);
    return {
      url: this.running.url,
      index: this.index,
      atSeconds,
      speed: this.speed,
      host,
      ratios: [...this.ratios].sort((a, b) => a - b),
      history: this.history,
      events: this.events,
      totals: this.totals,
    };
  }
}

export async function runDemo(options: HostDemoOptions): Promise<void> {
  const { terminal, seconds, signal } = options;
  const paint = paintFor(terminal);
  const speed = HOUR_SECONDS / seconds;
  const { settings, host } = demoHost(options.policy, options.port, speed, options.seed);
  const complaints: string[] = [];
  const log = agentLog("warn", "text", { write: (line: string) => complaints.push(line) });
  const running = await runAgent({ settings, host, log, version: options.version });
  try {
    terminal.write(introduction(running.url, seconds, paint));
    const keep = (await options.open(`${running.url}/`)) || options.keep;
    const client = agentClient({ baseUrl: running.url, timeoutMs: CLIENT_TIMEOUT_MS });
    const watch = new Watch(running, client, () => host.clock.monotonic(), speed);
    const done = new AbortController();
    const end = (): void => done.abort();
    // Whichever ends first, by its end or by a failure, ends the other.
    const [played] = await Promise.all([
      playHour({
        client,
        happenings: demoHour(options.seed),
        clock: host.clock,
        signal: joined(signal, done.signal).signal,
        onEvent: watch.note,
      }).finally(end),
      show({ look: () => watch.look(), line: plainLine, frame: renderFrame }, options, done.signal).finally(end),
    ]);
    const view = await watch.look();
    const metrics = running.agent.metrics();
    terminal.write(summary({ view, played, metrics, speed, mostSold: watch.mostSold }, paint));
    for (const complaint of complaints) terminal.write(`  ${complaint}`);
    if (keep && !signal.aborted) {
      terminal.write(`\nThe agent goes on at ${running.url}, its guests too; Ctrl-C ends it.\n`);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    }
  } finally {
    await running.close();
  }
}
