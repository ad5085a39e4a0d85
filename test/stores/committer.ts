/** Runs committer-process.ts and listens to it. */
import { type ChildProcess, spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { afterwards, eventually } from "./support.js";

const PROCESS = fileURLToPath(new URL("./committer-process.ts", import.meta.url));

export class Committer {
  /** Whole lines so far, and what follows them. */
  readonly lines: string[] = [];
  private rest = "";
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(context: TestContext, ...where: readonly string[]) {
    const args = ["--import", "tsx", PROCESS, ...where];
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on("data", (chunk: Buffer) => {
        const parts = (this.rest + chunk).split("\n");
        this.rest = parts.pop()!;
        this.lines.push(...parts);
      });
    }
    this.ended = new Promise((resolve) => this.child.on("close", resolve));
    afterwards(context, () => this.kill());
  }

  get epoch(): number {
    return Number(this.lines.find((line) => line.startsWith("leads"))?.slice("leads ".length));
  }

  /** Numbers of the acknowledged pairs. */
  get acknowledged(): readonly number[] {
    return this.lines.filter((line) => /^\d+$/.test(line)).map(Number);
  }

  says(line: string): Promise<void> {
    return eventually(() => this.lines.includes(line), `the committer says ${line} (${this.said})`);
  }

  commits(): Promise<void> {
    return eventually(() => this.acknowledged.length > 0, `the committer commits (${this.said})`);
  }

  private get said(): string {
    return `it said ${this.lines.slice(-5).join("; ")} ${this.rest}`;
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
