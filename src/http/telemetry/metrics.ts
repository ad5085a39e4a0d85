/**
 * `/metrics` of the probe and of the collector: the server's own metrics and what the program makes; or the program's alone, for
 * readers of the seed's flat form, whose aggregator an empty line would end.
 */
import { type MoreMetrics, type ServerGauges, ServerMetrics } from "../server-metrics.js";

export interface TelemetryText {
  readonly text: MoreMetrics;
  /** Nothing else may stand beside it. */
  readonly alone: boolean;
}

interface TelemetryMetricsOptions {
  readonly program: string;
  readonly version: string;
  readonly problem: () => string | null;
  readonly metrics: TelemetryText;
}

export class TelemetryMetrics extends ServerMetrics {
  readonly #source: TelemetryText;

  constructor({ program, version, problem, metrics }: TelemetryMetricsOptions, gauges: ServerGauges) {
    super({ ready: () => problem() === null }, program, version, gauges);
    this.#source = metrics;
  }

  override text(): Promise<string> {
    return this.#source.alone ? this.#source.text() : super.text();
  }

  protected override read(): void {
    // All of it is in the program's own text.
  }
}
