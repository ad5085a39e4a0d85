/** What both demonstrations are told, and what only that of one host is. */

import type { Terminal } from "../screen.js";
import type { Settings } from "../settings/agent-settings.js";

export interface DemoOptions {
  /** Wall time for the hour. */
  readonly seconds: number;
  readonly seed: number;
  /** Of the scheduler, or of the one host's agent; 0: any free one. */
  readonly port: number;
  /** What was started goes on after the hour, until `signal` aborts. */
  readonly keep: boolean;
  /** Opens the address in a browser; true: it did, and then the cluster is kept. */
  readonly open: (url: string) => Promise<boolean>;
  /** Lines instead of a screen. */
  readonly plain: boolean;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly terminal: Terminal & { readonly isTTY?: boolean };
}

export interface HostDemoOptions extends DemoOptions {
  readonly policy: Settings["policy"];
}
