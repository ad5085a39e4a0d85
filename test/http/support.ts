/** Apps for HTTP conversations, and what they are asked with. */

import { milliseconds, ratio } from "../../src/core/units.js";
import { createApp } from "../../src/http/app.js";
import type { App } from "../../src/http/app-type.js";
import type { AppOptions } from "../../src/http/options.js";
import type { Clock } from "../../src/ports/clock.js";
import type { Log } from "../../src/ports/log.js";
import { AgentDouble } from "./agent-double.js";

export const IMAGES = "/var/lib/images";
export const IMAGE = `${IMAGES}/debian.qcow2`;

/** Keeps what is logged, so that a test can say that no bug was. */
export class LogBook implements Log {
  readonly errors: { fields: object; message: string }[] = [];
  debug = () => undefined;
  info = () => undefined;
  warn = () => undefined;
  error = (fields: object, message: string) => void this.errors.push({ fields, message });
}

export const realClock: Clock = {
  now: () => milliseconds(Date.now()),
  monotonic: () => milliseconds(performance.now()),
  sleep: (duration, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, duration);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

export interface Served<A> {
  readonly app: App;
  readonly agent: A;
  readonly log: LogBook;
}

export function serve(options: Partial<AppOptions> = {}): Served<AgentDouble> {
  return serveAgent(new AgentDouble(), options);
}

export function serveAgent<A extends AppOptions["agent"]>(agent: A, options: Partial<AppOptions> = {}): Served<A> {
  const log = new LogBook();
  const app = createApp({
    tokens: null,
    log,
    clock: realClock,
    seedCalls: true,
    maximumRatio: ratio(16),
    imageFolders: [IMAGES],
    version: "test",
    ...options,
    agent,
  });
  return { app, agent, log };
}

export const VM = { name: "web-1", vcpus: 2, memoryMiB: 2048, ratio: 2, image: IMAGE } as const;
