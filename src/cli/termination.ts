/**
 * SIGTERM and SIGINT as an abort signal: the first asks for an orderly end, a second one of the same run ends the process at
 * once, for an operator who does not want to wait.
 */
import { EXIT } from "./exit.js";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

export interface Termination {
  readonly signal: AbortSignal;
  /** Signals have their usual effect again. */
  release(): void;
}

export function onTermination(): Termination {
  const controller = new AbortController();
  const handle = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.failed);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, handle);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, handle);
    },
  };
}
