/**
 * The part of `/metrics` that every server of Headroom has: requests, problems, events, and gauges that are set at scrape
 * time, so that a metric and the API never disagree. Base units (bytes, seconds) as Prometheus wants them; pCPUs are their
 * own unit. Unknown values have no series, rather than a zero that means something else.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EventSource } from "./event-stream.js";

const BYTES_PER_MIB = 1_048_576;
export const MS_PER_SECOND = 1000;
/** A status takes microseconds, a deploy of a real guest seconds. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Gauges of prom-client under the names of counters; their parts by type are there under right ones. */
const MISNAMED = ["nodejs_active_handles_total", "nodejs_active_requests_total", "nodejs_active_resources_total"];

export type Maybe = number | null;
export const bytes = (memoryMiB: Maybe): Maybe => (memoryMiB === null ? null : memoryMiB * BYTES_PER_MIB);

/** What the server reports of itself at scrape time. */
export interface ServerGauges {
  readonly requestsInFlight: () => number;
  readonly eventReaders: () => number;
}

/** What a service must offer to be measured; some report no events. */
interface Measured extends Partial<EventSource> {
  ready(): boolean;
}

/** A text of metrics that are none of the registry's; their names must not be either. */
export type MoreMetrics = () => Promise<string>;

type ServerValue = readonly [name: string, help: string, value: (server: ServerGauges) => number];
const SERVER_GAUGES: readonly ServerValue[] = [
  ["http_requests_in_flight", "Requests under way", (server) => server.requestsInFlight()],
  ["http_event_readers", "Open event streams", (server) => server.eventReaders()],
];

export abstract class ServerMetrics {
  protected readonly registry = new Registry();
  private readonly durations: Histogram<"method" | "route" | "status">;
  private readonly problems: Counter<"code">;
  private readonly plain = new Map<string, Gauge>();
  private more: MoreMetrics | null = null;

  /** `program` as it stands in names: `agent`, `scheduler`. */
  constructor(
    private readonly service: Measured,
    program: string,
    version: string,
    private readonly server: ServerGauges,
  ) {
    const registers = [this.registry];
    this.durations = new Histogram({
      name: "headroom_http_request_duration_seconds",
      help: "Time from the request's headers to the end of the answer",
      labelNames: ["method", "route", "status"],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.problems = new Counter({
      name: "headroom_http_problems_total",
      help: "Answers with a problem, by its code",
      labelNames: ["code"],
      registers,
    });
    if (service.subscribe !== undefined) this.countEvents(service as EventSource, program);
    new Gauge({ name: "headroom_build_info", help: "Always 1", labelNames: ["version"], registers }).set(
      { version },
      1,
    );
    this.add("up", `1 while the ${program} is ready for requests`, []);
    for (const [name, help] of SERVER_GAUGES) this.add(name, help, []);
  }

  private countEvents(source: EventSource, program: string): void {
    const events = new Counter({
      name: `headroom_${program}_events_total`,
      help: `Events of the ${program}, by kind`,
      labelNames: ["kind"],
      registers: [this.registry],
    });
    source.subscribe((event) => events.inc({ kind: event.kind }));
  }

  /** The process's own metrics; once per process, by the server that listens. */
  addProcessMetrics(): void {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
  }

  observe(method: string, route: string, status: number, durationMs: number): void {
    this.durations.observe({ method, route, status }, durationMs / MS_PER_SECOND);
  }

  countProblem(code: string): void {
    this.problems.inc({ code });
  }

  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;

  /** Metrics that are read elsewhere, shown behind the registry's. */
  addMore(more: MoreMetrics): void {
    this.more = more;
  }

  /** The exposition text, read now. */
  async text(): Promise<string> {
    this.set("up", {}, Number(this.service.ready()));
    for (const [name, , value] of SERVER_GAUGES) this.set(name, {}, value(this.server));
    this.read();
    const own = await this.registry.metrics();
    return this.more === null ? own : own + (await this.more());
  }

  /** Sets the gauges of the service. */
  protected abstract read(): void;

  protected add(name: string, help: string, labelNames: string[]): void {
    this.plain.set(name, new Gauge({ name: `headroom_${name}`, help, labelNames, registers: [this.registry] }));
  }

  protected set(name: string, labels: Record<string, string>, value: Maybe): void {
    if (value === null) this.plain.get(name)?.remove(labels);
    else this.plain.get(name)?.set(labels, value);
  }

  /** Forgets the series of a gauge whose labels come and go. */
  protected clear(name: string): void {
    this.plain.get(name)?.reset();
  }
}
