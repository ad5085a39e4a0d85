/** How the online estimator behaves. The command line fills it from the operator's settings. */
import type { OnlineSettings } from "../core/estimator/online/host-estimator.js";
import type { Milliseconds } from "../core/units.js";

export interface WatchSettings extends OnlineSettings {
  /** Hosts to estimate; empty: all that the store has. */
  readonly hosts: readonly string[];
  /** A window is looked at so long after its end: readings come late. What comes later still is not seen. */
  readonly delay: Milliseconds;
  /** Windows of the past that a host begins with, and the most that are caught up on; 0: it begins with the present one. */
  readonly pastWindows: number;
  /** Between two attempts when the store does not answer. */
  readonly retry: Milliseconds;
  /** Hosts read at once. */
  readonly atOnce: number;
}

/** Windows of silence after which a host is forgotten: what was learnt of it is of another time. */
export const FORGOTTEN_MS = 7 * 86_400_000;
