/** `headroom agent` as a process of its own over a lab host: started, killed, started again, as in real life. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type AgentClient, agentClient } from "../../src/http/client.js";
import { PROGRAM } from "../support/program.js";
import type { LabHost } from "./lab-host.js";

/** A guest's start may take seconds on a busy machine. */
const CLIENT_TIMEOUT_MS = 120_000;
const READY_TIMEOUT_MS = 60_000;
export const TICK_SECONDS = 0.5;

export class AgentProcess {
  readonly child: ChildProcess;
  readonly url: string;
  readonly client: AgentClient;
  readonly ended: Promise<number | null>;
  readonly #log: () => string;

  private constructor(child: ChildProcess, url: string, ended: Promise<number | null>, log: () => string) {
    this.child = child;
    this.url = url;
    this.client = agentClient({ baseUrl: url, timeoutMs: CLIENT_TIMEOUT_MS });
    this.ended = ended;
    this.#log = log;
  }

  /** Ready: its first tick is done, it answers HTTP. `settings`: more flags of `headroom agent`. */
  static async start(host: LabHost, ...settings: readonly string[]): Promise<AgentProcess> {
    const flags = {
      "--hypervisor": host.uri,
      "--domain-template": host.templatePath,
      "--accelerator": "tcg",
      "--state-folder": join(host.folder, "agent"),
      "--overlay-folder": join(host.folder, "overlays"),
      "--image-folders": join(host.folder, "images"),
      "--tick-seconds": String(TICK_SECONDS),
      "--port": "0",
      "--log-format": "json",
    };
    const child = spawn(process.execPath, [...PROGRAM, "agent", ...Object.entries(flags).flat(), ...settings], {
      cwd: host.folder,
      env: { PATH: process.env.PATH ?? "" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    host.alsoEnds(child);
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    const ended = once(child, "close").then(([code]) => code as number | null);
    const url = await readyUrl(() => text, ended);
    return new AgentProcess(child, url, ended, () => text);
  }

  /** Everything it wrote. */
  get log(): string {
    return this.#log();
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

async function readyUrl(log: () => string, ended: Promise<number | null>): Promise<string> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (const until = Date.now() + READY_TIMEOUT_MS; Date.now() < until; await sleep(20)) {
    const url = /"url":"([^"]+)".*"the agent is ready"/.exec(log())?.[1];
    if (url !== undefined) return url;
    assert.ok(!over, `the agent ended at its start:\n${log()}`);
  }
  throw new Error(`the agent is not ready:\n${log()}`);
}

/** Polls until `look` gives something other than null or false; fails with `what` after a minute. */
export async function eventually<T>(what: string, look: () => Promise<T | null | false>): Promise<T> {
  let last: unknown = null;
  for (const until = Date.now() + 60_000; Date.now() < until; await sleep(100)) {
    try {
      const found = await look();
      if (found !== null && found !== false) return found;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`it never happened that ${what}`, { cause: last });
}
