/**
 * How many pCPUs a pool is expected to need at most in the next window. The forecast counts for the vCPUs that it was made
 * from; a newcomer counts like the others, but never with less than it was sold: what it will do nobody has seen. With nothing
 * known that is exactly what the ratio gives.
 */
import type { Forecast, PoolReading } from "./model.js";

/** `margin`: part that is added to what is forecast. Null: nothing is known. */
export function expectedPcpus(reading: PoolReading, forecast: Forecast | null, margin: number): number | null {
  if (forecast === null) return null;
  const { vcpus, freshVcpus, ratio } = reading;
  // No vCPU ever needs more than one pCPU.
  const each = Math.min(1, forecast.peak * (1 + margin));
  return (vcpus - freshVcpus) * each + freshVcpus * Math.max(each, 1 / ratio);
}
