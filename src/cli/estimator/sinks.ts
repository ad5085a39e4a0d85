/** The sinks that settings ask for, opened. */
import type { Clock } from "../../ports/clock.js";
import type { EstimateSink } from "../../ports/estimates.js";
import type { Log } from "../../ports/log.js";
import type { EstimatorSettings } from "../settings/program.js";

export async function openSinks(
  settings: EstimatorSettings,
  _log: Log,
  clock: Clock,
): Promise<readonly EstimateSink[]> {
  const sinks: EstimateSink[] = [];
  const { webhookUrl: url, webhookSecret: secret } = settings;
  if (url !== null) {
    const { webhookSink } = await import("../../drivers/sinks/webhook.js");
    sinks.push(webhookSink({ url, secret, clock }));
  }
  return sinks;
}
