/**
 * Runs of a sweep or a trade-off that are done, as lines of `runs.jsonl`: written as they come, so that one that is interrupted, or that one
 * run of fails, has them when it is begun again. A run is known again by a digest of all that decides it, this version among it; a
 * line that a crash cut off is made again.
 */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { serialize } from "node:v8";
import { writeWhole } from "../../report/files.js";
import type { CaseResult, SimulationCase } from "../../simulator/case.js";
import { makeFolder } from "../../trace/make-folder.js";
import { CommandFailure } from "../exit.js";

interface Line {
  readonly key: string;
  /** For people. */
  readonly name: string;
  readonly result: CaseResult;
}

export class KeptRuns {
  readonly path: string;
  private readonly lines = new Map<string, Line>();

  /** Throws `OperationalError` where the folder cannot be written. */
  constructor(
    folder: string,
    private readonly version: string,
  ) {
    this.path = join(folder, "runs.jsonl");
    makeFolder(folder);
    if (!existsSync(this.path)) return;
    for (const text of readFileSync(this.path, "utf8").split("\n")) {
      const line = lineOf(text);
      if (line !== null) this.lines.set(line.key, line);
    }
    writeWhole(this.path, [...this.lines.values()].map(textOf).join(""));
  }

  /** Null: it is still to be made. */
  result(one: SimulationCase): CaseResult | null {
    return this.lines.get(this.keyOf(one))?.result ?? null;
  }

  /** Throws `CommandFailure`. */
  keep(one: SimulationCase, result: CaseResult): void {
    const line = { key: this.keyOf(one), name: one.name, result };
    try {
      appendFileSync(this.path, textOf(line));
    } catch (error) {
      throw new CommandFailure(`${this.path}: cannot be written: ${(error as Error).message}`);
    }
    this.lines.set(line.key, line);
  }

  private keyOf({ workload, plan, hosts }: SimulationCase): string {
    const all = serialize([this.version, workload, plan, hosts]);
    return createHash("sha256").update(all).digest("hex").slice(0, 32);
  }
}

const textOf = (line: Line): string => `${JSON.stringify(line)}\n`;

/** Null: it is not whole. */
function lineOf(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Partial<Line> | null;
    return typeof line?.key === "string" && typeof line.result?.hosts === "number" ? (line as Line) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
