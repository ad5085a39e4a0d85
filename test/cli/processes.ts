/** `headroom` as processes of their own: started with arguments, watched by their log, ended whatever happens. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PROGRAM } from "../support/program.js";

export interface Process {
  readonly child: ChildProcess;
  /** Everything on standard error so far. */
  readonly log: () => string;
  readonly ended: Promise<number | null>;
}

export class Processes {
  private readonly children = new Set<ChildProcess>();

  constructor(private readonly folder: string) {}

  start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Process {
    const child = spawn(process.execPath, [...PROGRAM, ...args], {
      cwd: this.folder,
      env: { PATH: process.env.PATH ?? "", ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.children.add(child);
    let text = "";
    child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    const ended = once(child, "close").then(([code]) => {
      this.children.delete(child);
      return code as number | null;
    });
    return { child, log: () => text, ended };
  }

  killAll(): void {
    for (const child of this.children) child.kill("SIGKILL");
  }
}

/** What `pattern` finds in the log, once it is there. Fails with the log when the process ends before. */
export async function logged(one: Process, pattern: RegExp): Promise<string> {
  let over = false;
  void one.ended.then(() => {
    over = true;
  });
  for (;;) {
    const found = pattern.exec(one.log());
    if (found !== null) return found[1] ?? found[0];
    assert.ok(!over, `the process ended:\n${one.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
