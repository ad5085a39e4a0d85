/** Runs a program of the tests in a process that can be killed or frozen, and listens to the lines that it says. */
import { type ChildProcess, spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { afterwards, eventually } from "../stores/support.js";

export class TalkingProcess {
  /** Whole lines so far. */
  readonly lines: string[] = [];
  private rest = "";
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(context: TestContext, program: string, ...where: readonly string[]) {
    const args = ["--import", "tsx", program, ...where];
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

  says(line: string): Promise<void> {
    return eventually(() => this.lines.includes(line), `the process says ${line} (${this.said})`);
  }

  /** The last that it said, for messages. */
  protected get said(): string {
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
