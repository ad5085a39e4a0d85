/** Runs committer-process.ts and listens to it. */
import { type ChildProcess, spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "./support.js";

const PROCESS = fileURLToPath(new URL("./committer-process.ts", import.meta.url));

export class Committer {
  private text = "";
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(context: TestContext, ...where: readonly string[]) {
    const args = ["--import", "tsx", PROCESS, ...where];
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        this.text += chunk;
      });
    }
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
    context.after(() => this.kill());
  }

  /** Whole lines so far. */
  get lines(): readonly string[] {
    return this.text
      .slice(0, this.text.lastIndexOf("\n") + 1)
      .split("\n")
      .slice(0, -1);
  }

  get epoch(): number {
    return Number(this.lines.find((line) => line.startsWith("leads"))?.slice("leads ".length));
  }

  /** Numbers of the acknowledged pairs. */
  get acknowledged(): readonly number[] {
    return this.lines.filter((line) => /^\d+$/.test(line)).map(Number);
  }

  says(line: string): Promise<void> {
    return eventually(() => this.lines.includes(line), `the committer says ${line} (it said ${this.text.slice(-300)})`);
  }

  commits(): Promise<void> {
    return eventually(() => this.acknowledged.length > 0, `the committer commits (it said ${this.text.slice(-300)})`);
  }

  freeze(): void {
    this.child.kill("SIGSTOP");
  }

  thaw(): void {
    this.child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
