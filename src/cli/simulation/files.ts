/**
 * The files of a simulation: `metrics.jsonl` and `metrics.csv`, a line for each sample; `events.jsonl`, what happened; `summary.json`. Lines are
 * written as they come, so that a run that is interrupted leaves what it had. Nothing in them tells when, or how fast, the run was made.
 */
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Sample, sampleHeader, sampleRow } from "../../simulator/metrics.js";
import type { SimulationEvent, Summary } from "../../simulator/simulate.js";
import { makeFolder } from "../../trace/make-folder.js";
import { CommandFailure } from "../exit.js";

const FILES = ["metrics.jsonl", "metrics.csv", "events.jsonl"] as const;
type Lines = Record<(typeof FILES)[number], string[]>;

export class RunFiles {
  private readonly open: Map<keyof Lines, number>;
  private readonly waiting: Lines = { "metrics.jsonl": [], "metrics.csv": [], "events.jsonl": [] };
  private samples = 0;

  /** Throws `OperationalError` and `CommandFailure`. */
  constructor(private readonly folder: string) {
    makeFolder(folder);
    try {
      this.open = new Map(FILES.map((name) => [name, openSync(join(folder, name), "w")]));
    } catch (error) {
      throw new CommandFailure(`--out ${folder}: cannot be written: ${(error as Error).message}`);
    }
  }

  event(event: SimulationEvent): void {
    this.waiting["events.jsonl"].push(`${JSON.stringify(event)}\n`);
  }

  sample(sample: Sample): void {
    if (this.samples++ === 0) this.waiting["metrics.csv"].push(sampleHeader(sample));
    this.waiting["metrics.csv"].push(sampleRow(sample));
    this.waiting["metrics.jsonl"].push(`${JSON.stringify(sample)}\n`);
    this.flush();
  }

  /** Throws `CommandFailure`. */
  finish(summary: Summary): void {
    this.flush();
    for (const file of this.open.values()) closeSync(file);
    writeFileSync(join(this.folder, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  }

  private flush(): void {
    for (const name of FILES) {
      const lines = this.waiting[name].splice(0);
      if (lines.length > 0) writeSync(this.open.get(name)!, lines.join(""));
    }
  }
}
