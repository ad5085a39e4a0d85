/** A controller of the command line as a process of its own over a lab host, and the rounds that it reported in JSON. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAM } from "../support/program.js";
import type { LabHost } from "./lab-host.js";

export class ControllerProcess<Round> {
  readonly rounds: Round[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  errors = "";

  constructor(host: LabHost, command: string, intervalSeconds: number, ...more: readonly string[]) {
    const words = [command, String(intervalSeconds), "--json", "--connect", host.uri, ...more];
    this.#child = spawn(process.execPath, [...PROGRAM, ...words], {
      cwd: host.folder,
      env: { PATH: process.env.PATH ?? "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    host.alsoEnds(this.#child);
    let rest = "";
    this.#child.stdout?.setEncoding("utf8").on("data", (piece: string) => {
      const lines = (rest + piece).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.rounds.push(JSON.parse(line));
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
      this.errors += piece;
    });
    this.ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  /** Waits for a round of which `what` holds; of those from now on. */
  async until(what: string, holds: (round: Round) => boolean, timeoutMs = 60_000): Promise<void> {
    const until = Date.now() + timeoutMs;
    for (let seen = this.rounds.length; ; await sleep(50)) {
      for (; seen < this.rounds.length; seen++) if (holds(this.rounds[seen]!)) return;
      if (Date.now() > until) {
        const last = this.rounds.slice(-3).map((round) => JSON.stringify(round));
        throw new Error(`not within ${timeoutMs / 1000} s: ${what}\n${last.join("\n")}\n${this.errors}`);
      }
    }
  }

  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.ended;
  }
}
