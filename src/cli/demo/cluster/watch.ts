/** What is known of the demonstration's cluster so far: each look at it, and each event of its scheduler, adds to it. */
import type { Dispatcher } from "undici";
import { milliseconds } from "../../../core/units.js";
import type { SchedulerApiClient } from "../../../http/scheduler/client.js";
import { followEvents } from "../../../http/scheduler/follow-events.js";
import type { Clock } from "../../../ports/clock.js";
import type { HostState } from "../../../scheduler/service.js";
import type { EventLine } from "../../play/happening.js";
import type { Tally } from "../../play/player.js";
import type { Moment } from "../view.js";
import { HOUR_SECONDS } from "../workload.js";
import { type ClusterLine, type ClusterView, type HostLine, hostLine, poolSizes } from "./view.js";

const KEPT_EVENTS = 60;
const LOOK_FOR_HOSTS_MS = milliseconds(100);
const NOTHING_YET: Tally = { deployed: 0, removed: 0, waiting: 0, refusals: new Map(), deployMs: null };

interface WatchedScheduler {
  readonly url: string;
  readonly client: SchedulerApiClient;
  readonly dispatcher: Dispatcher;
}

export class ClusterWatch {
  tallyOf: () => Tally = () => NOTHING_YET;
  onHostLine: (line: HostLine) => void = () => undefined;
  private readonly events: ClusterLine[] = [];
  private readonly history: Moment[] = [];
  private readonly ratios = new Set<number>();
  private beganMs: number;

  constructor(
    private readonly scheduler: WatchedScheduler,
    /** Of the simulated hour, in ms. */
    private readonly monotonic: () => number,
    readonly speed: number,
  ) {
    this.beganMs = monotonic();
  }

  private get atSeconds(): number {
    return Math.min(HOUR_SECONDS, (this.monotonic() - this.beganMs) / 1000);
  }

  readonly note = (event: EventLine): void => this.keep(event);

  /** Something that the demonstration itself does to a host, or asks of the scheduler. */
  tell(text: string, state: HostLine["state"]): void {
    const line: HostLine = { atSeconds: this.atSeconds, kind: "host", state, text };
    this.keep(line);
    this.onHostLine(line);
  }

  private keep(line: ClusterLine): void {
    this.events.push(line);
    if (this.events.length <= KEPT_EVENTS) return;
    // What happened to hosts is rare, and outlives the crowd.
    const oldest = this.events.findIndex(({ kind }) => kind !== "host");
    this.events.splice(Math.max(0, oldest), 1);
  }

  /** Until so many hosts have registered; the hour begins then. */
  async awaitHosts(count: number, clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.hostsUp()) < count) await clock.sleep(LOOK_FOR_HOSTS_MS, signal);
    this.beganMs = this.monotonic();
  }

  private async hostsUp(): Promise<number> {
    return (await this.scheduler.client.cluster()).hosts.up;
  }

  /** The events of hosts, as the scheduler streams them, until `signal` aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { url, dispatcher } = this.scheduler;
    for await (const event of followEvents({ baseUrl: url, dispatcher }, signal)) {
      const line = hostLine(event, this.atSeconds);
      if (line === null) continue;
      this.keep(line);
      this.onHostLine(line);
    }
  }

  async hostState(host: string): Promise<{ readonly state: HostState; readonly vmCount: number }> {
    return this.scheduler.client.host(host);
  }

  async vmCounts(): Promise<ReadonlyMap<string, number>> {
    return new Map((await this.scheduler.client.hosts()).map(({ id, vmCount }) => [id, vmCount]));
  }

  /** Which host a VM of this kind would go to, and why not to `host`. */
  async explain(host: string): Promise<string> {
    const { chosen, hosts } = await this.scheduler.client.explain({ vcpus: 4, memoryMiB: 8192, ratio: 2 });
    const verdict = hosts.find((one) => one.host === host);
    const why = (verdict?.filters ?? [])
      .filter(({ passed }) => !passed)
      .map(({ reason }) => reason ?? "it does not fit");
    return `explain: 4 vCPUs at 2:1 would go to ${chosen ?? "no host"}; not to ${host}: ${why.join("; ")}`;
  }

  async look(): Promise<ClusterView> {
    const hosts = await this.scheduler.client.hosts();
    const { atSeconds } = this;
    const sizes = poolSizes(hosts);
    for (const ratio of sizes.keys()) this.ratios.add(ratio);
    this.history.push({ atSeconds, sizes });
    return {
      url: this.scheduler.url,
      atSeconds,
      speed: this.speed,
      hosts,
      ratios: [...this.ratios].sort((a, b) => a - b),
      history: this.history,
      events: this.events,
      tally: this.tallyOf(),
      elapsedSeconds: atSeconds / this.speed,
    };
  }
}
