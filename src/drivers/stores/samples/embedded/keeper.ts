/**
 * Keeps the folder in order: merges small segments, makes old days coarser, forgets those that are older than history is
 * kept. Each step leaves the folder readable and is repeated when a crash interrupts it.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Milliseconds, Seconds } from "../../../../core/units.js";
import { newestToMerge } from "./merge-choice.js";
import { dayOf, listFolder, type SegmentName } from "./names.js";
import type { Segments } from "./segments.js";

const DAY_S = 86_400;

export interface Retention {
  /** Whole days that history is kept. */
  readonly keptDays: number;
  /** Whole days that every sample is kept; older ones are summarised. At least `keptDays`: none is. */
  readonly fineDays: number;
  /** What a summary spans. Divides a day. */
  readonly coarseSeconds: Seconds;
}

/** How long a day counts as not over: samples come late when a collector waited for its store. */
const LATE_DAYS = 1;

export class Keeper {
  constructor(
    private readonly segments: Segments,
    private readonly retention: Retention,
  ) {}

  /** Merges that keep the number of segments small; quick, after every merge of the log. */
  async mergeSmall(now: Milliseconds): Promise<void> {
    for (const [day, names] of await this.byDay()) {
      const fine = names.filter(({ coarse }) => !coarse);
      if (fine.length < 2) continue;
      const sized = await Promise.all(fine.map(async (name) => ({ rows: await this.segments.rows(name) })));
      const count = newestToMerge(sized, day + LATE_DAYS < dayOf(now));
      if (count > 0) await this.segments.merge(fine.slice(-count));
    }
  }

  /** Everything that time asks for. */
  async tidy(now: Milliseconds): Promise<void> {
    const { keptDays, fineDays, coarseSeconds } = this.retention;
    const today = dayOf(now);
    for (const [day, names] of await this.byDay()) {
      if (day < today - keptDays) {
        await this.segments.remove(names);
      } else if (day < today - fineDays) {
        const fine = names.filter(({ coarse }) => !coarse);
        const coarse = names.filter((name) => name.coarse);
        if (fine.length > 0) await this.segments.coarsen(fine, coarse, Math.min(coarseSeconds, DAY_S));
      }
    }
    await this.mergeSmall(now);
  }

  /** Deletes what processes before this one left unfinished. */
  async removeUnfinished(before: number): Promise<void> {
    const { unfinished } = await listFolder(this.segments.folder);
    for (const [name, generation] of unfinished)
      if (generation < before) await rm(join(this.segments.folder, name), { force: true });
  }

  private async byDay(): Promise<ReadonlyMap<number, readonly SegmentName[]>> {
    const days = new Map<number, SegmentName[]>();
    for (const name of (await listFolder(this.segments.folder)).segments) {
      const names = days.get(name.day);
      if (names === undefined) days.set(name.day, [name]);
      else names.push(name);
    }
    return days;
  }
}
