/** `headroom balloon` as a process of its own over a lab host, with the course's limits at a quarter, and what it reported. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { LabHost } from "./lab-host.js";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const TSX = fileURLToPath(import.meta.resolve("tsx"));

/** The lines of --json, as far as the tests read them. */
export interface Round {
  readonly at: string;
  readonly host: { readonly availableMiB: number; readonly reserveMiB: number; readonly budgetMiB: number | null };
  readonly guests: readonly {
    readonly name: string;
    readonly currentMiB: number;
    readonly usedMiB: number | null;
    readonly unusedMiB: number | null;
    readonly targetMiB: number | null;
    readonly reason: string;
  }[];
  readonly changes: readonly { readonly name: string; readonly toMiB: number; readonly problem: string | null }[];
}

export const QUARTER = { floorMiB: 25, minimumMiB: 50, stepMiB: 25, deadBandMiB: 3 } as const;

export class BalloonProcess {
  readonly rounds: Round[] = [];
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  errors = "";

  constructor(host: LabHost, intervalSeconds: number, ...more: readonly string[]) {
    const flags = {
      "--connect": host.uri,
      "--balloon-floor-mib": String(QUARTER.floorMiB),
      "--balloon-minimum-mib": String(QUARTER.minimumMiB),
      "--balloon-step-mib": String(QUARTER.stepMiB),
      "--balloon-dead-band-mib": String(QUARTER.deadBandMiB),
    };
    const words = ["balloon", String(intervalSeconds), "--json", ...Object.entries(flags).flat(), ...more];
    this.#child = spawn(process.execPath, ["--import", TSX, MAIN, ...words], {
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

  latest(name: string): Round["guests"][number] | undefined {
    return this.rounds.at(-1)?.guests.find((guest) => guest.name === name);
  }

  /** Sizes of a guest in the rounds from `since` on. */
  sizes(name: string, since = 0): readonly number[] {
    return this.rounds
      .slice(since)
      .flatMap(({ guests }) => guests.filter((guest) => guest.name === name).map((guest) => guest.currentMiB));
  }

  /** Waits for a round of which `what` holds. */
  async until(what: string, holds: (round: Round) => boolean, timeoutMs = 60_000): Promise<void> {
    const until = Date.now() + timeoutMs;
    for (let seen = this.rounds.length; ; await sleep(50)) {
      for (; seen < this.rounds.length; seen++) if (holds(this.rounds[seen]!)) return;
      if (Date.now() > until) {
        const last = this.rounds.slice(-3).map((round) => JSON.stringify(round.guests));
        throw new Error(`not within ${timeoutMs / 1000} s: ${what}\n${last.join("\n")}\n${this.errors}`);
      }
    }
  }

  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return this.ended;
  }
}
