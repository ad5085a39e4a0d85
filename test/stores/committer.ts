/** Runs committer-process.ts and listens to it. */
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { TalkingProcess } from "../support/talking-process.js";
import { eventually } from "./support.js";

const PROCESS = fileURLToPath(new URL("./committer-process.ts", import.meta.url));

export class Committer extends TalkingProcess {
  constructor(context: TestContext, ...where: readonly string[]) {
    super(context, PROCESS, ...where);
  }

  get epoch(): number {
    return Number(this.lines.find((line) => line.startsWith("leads"))?.slice("leads ".length));
  }

  /** Numbers of the acknowledged pairs. */
  get acknowledged(): readonly number[] {
    return this.lines.filter((line) => /^\d+$/.test(line)).map(Number);
  }

  commits(): Promise<void> {
    return eventually(() => this.acknowledged.length > 0, `the committer commits (${this.said})`);
  }
}
