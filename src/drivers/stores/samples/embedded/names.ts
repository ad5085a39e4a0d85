/**
 * The files in the folder of an embedded history. Logs (`log-G-N`) take what is written; segments hold a day, or a part of
 * one, of what logs held: Parquet, ordered by host, VM and time (decision 0011). `2026-11-27.G-N.0.parquet` has what log G-N
 * had of that day; one that was merged of several carries the number of the last and counts on behind it, since a name
 * never gets other contents: somebody may be reading. Of two segments that hold the same source at the same time the later
 * name is right. `.coarse` marks summaries of old days. G counts the openings of the folder (folder-lock.ts), so that what an
 * ousted process still writes is never read.
 */
import { readdir } from "node:fs/promises";

const DAY_MS = 86_400_000;

export interface LogName {
  readonly generation: number;
  readonly number: number;
}

export interface SegmentName extends LogName {
  /** Days since the epoch, UTC. */
  readonly day: number;
  /** How often its contents were merged. */
  readonly revision: number;
  readonly coarse: boolean;
}

const LOG = /^log-(\d{8,})-(\d{6,})$/;
const SEGMENT = /^(\d{4}-\d\d-\d\d)\.(\d{8,})-(\d{6,})\.(\d+)(\.coarse)?\.parquet$/;
/** A segment that is being written: it gets its name when it is whole and durable. */
const UNFINISHED = /\.parquet\.(\d{8,})\.new$/;

const numbered = ({ generation, number }: LogName): string =>
  `${String(generation).padStart(8, "0")}-${String(number).padStart(6, "0")}`;

export const logName = (name: LogName): string => `log-${numbered(name)}`;

export const dayOf = (at: number): number => Math.floor(at / DAY_MS);
export const startOfDay = (day: number): number => day * DAY_MS;
const dateOf = (day: number): string => new Date(startOfDay(day)).toISOString().slice(0, 10);

export const segmentName = (name: SegmentName): string =>
  `${dateOf(name.day)}.${numbered(name)}.${name.revision}${name.coarse ? ".coarse" : ""}.parquet`;

export const unfinishedName = (name: SegmentName, generation: number): string =>
  `${segmentName(name)}.${String(generation).padStart(8, "0")}.new`;

/** Which of two is right where both have the same sample: the larger. Summaries give way to what they were made of. */
export const compareNames = (a: SegmentName, b: SegmentName): number =>
  Number(b.coarse) - Number(a.coarse) || a.generation - b.generation || a.number - b.number || a.revision - b.revision;

/** The name of what is made of all these: of the last, and of none of them. */
export const mergedName = (parts: readonly SegmentName[]): SegmentName => ({
  ...parts.at(-1)!,
  revision: Math.max(...parts.map(({ revision }) => revision)) + 1,
});

export interface Listing {
  /** Oldest first. */
  readonly logs: readonly LogName[];
  /** By day, and the right ones last. */
  readonly segments: readonly SegmentName[];
  /** Names of segments that were not finished, with the generation of who wrote them. */
  readonly unfinished: readonly (readonly [name: string, generation: number])[];
}

/** The store's files; others are left out. */
export async function listFolder(folder: string): Promise<Listing> {
  const logs: LogName[] = [];
  const segments: SegmentName[] = [];
  const unfinished: (readonly [string, number])[] = [];
  for (const name of await readdir(folder)) {
    const log = LOG.exec(name);
    if (log) logs.push({ generation: Number(log[1]), number: Number(log[2]) });
    const segment = SEGMENT.exec(name);
    if (segment) {
      const [, date = "", generation, number, revision] = segment;
      segments.push({
        day: dayOf(Date.parse(`${date}T00:00:00Z`)),
        generation: Number(generation),
        number: Number(number),
        revision: Number(revision),
        coarse: segment[5] !== undefined,
      });
    }
    const part = UNFINISHED.exec(name);
    if (part) unfinished.push([name, Number(part[1])]);
  }
  logs.sort((a, b) => a.generation - b.generation || a.number - b.number);
  segments.sort((a, b) => a.day - b.day || compareNames(a, b));
  return { logs, segments, unfinished };
}

export async function newestGeneration(folder: string): Promise<number> {
  const { logs, segments, unfinished } = await listFolder(folder);
  const generations = [...logs, ...segments].map(({ generation }) => generation);
  return [...generations, ...unfinished.map(([, generation]) => generation)].reduce((a, b) => Math.max(a, b), 0);
}
