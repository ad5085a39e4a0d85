/**
 * The embedded history as the process that writes it has it: a log in front (log-file.ts), what the log has in memory
 * (tail.ts), segments behind (segments.ts). One process writes (folder-lock.ts); any number read beside it (reader.ts).
 *
 * What `write` takes is in the log a quarter of a second later. When the log has so many samples or is so old, the next one is begun
 * and what it had becomes segments in the background; then it is deleted. A merge that fails (no space) is tried again with
 * the next, and the samples stay in the log and in memory until then.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { milliseconds } from "../../../../core/units.js";
import type { Clock } from "../../../../ports/clock.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { Log } from "../../../../ports/log.js";
import type {
  Sample,
  SampleQuery,
  SampleStore,
  SampleStoreStatus,
  SourceSpan,
} from "../../../../ports/sample-store.js";
import { type FolderLock, lockFolder } from "../../folder-lock.js";
import { checkSamples } from "../check.js";
import { Engine } from "./engine.js";
import { History } from "./history.js";
import { Keeper, type Retention } from "./keeper.js";
import { LogFile, readLog } from "./log-file.js";
import { type LogName, listFolder, logName, newestGeneration } from "./names.js";
import { Segments } from "./segments.js";
import { Tail } from "./tail.js";

/** A quarter of the promised second; a busy machine and its disk have the rest. */
const FLUSH_MS = 250;
/** Samples per line of the log: some megabytes of text. */
const LINE_SAMPLES = 4_096;
/** Samples that may wait for a disk that does not take them. */
const MOST_UNFLUSHED = 65_536;
/** A log of so many samples, some twenty megabytes in memory, is merged. */
const MERGE_SAMPLES = 32_768;
/** So old a log is merged as well, so that programs that read Parquet see what is new. */
const MERGE_MS = 300_000;
/** Logs that are not merged yet: beyond it writes wait for the merge. */
const WAITED_TAILS = 3;
/** Logs that could not be merged; beyond it nothing more is taken. */
const MOST_TAILS = 10;
const TIDY_MS = 3_600_000;
/** What sorts do not keep in memory. */
const SPILL_FOLDER = "spill";

export interface EmbeddedSamplesSettings {
  /** Made if it is not there. On a local disk. */
  readonly folder: string;
  readonly retention: Retention;
  readonly clock: Clock;
  readonly log: Log;
  /** For tests: a log of so many samples is merged. */
  readonly mergeSamples?: number;
}

export interface EmbeddedSamples extends SampleStore {
  /** Merges the log, and does what is done every hour: merges segments, summarises and forgets old days. */
  tidy(): Promise<void>;
}

interface Part {
  readonly name: LogName;
  readonly tail: Tail;
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** Of a failure that was told to whoever asked: the next in line is not to blame. */
const ignored = (): void => undefined;

/** Throws `store-locked` when another process writes here, `state-corrupt` when a log is damaged. */
export async function openEmbeddedSamples(settings: EmbeddedSamplesSettings): Promise<EmbeddedSamples> {
  const { folder, clock } = settings;
  checkFolder(folder);
  const lock = await lockFolder(
    {
      folder,
      name: "the sample store",
      remedy: "stop that collector first; export and other readers work beside it",
      newestGeneration: () => newestGeneration(folder),
    },
    clock,
  );
  try {
    const parts = await recover(settings);
    const spill = join(folder, SPILL_FOLDER);
    await rm(spill, { recursive: true, force: true });
    const engine = await Engine.open(spill);
    const file = await LogFile.create(folder, join(folder, logName({ generation: lock.generation, number: 1 })));
    const store = new WritingStore(settings, lock, engine, file, parts);
    await store.start();
    return store;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** DuckDB reads these characters in names of files as patterns. */
export function checkFolder(folder: string): void {
  if (!/[*?[\]{}]/.test(folder)) return;
  const message = `the sample store's folder ${folder} has one of * ? [ ] { } in its name, which DuckDB cannot read`;
  throw new OperationalError("bad-settings", message, false);
}

/** The logs that processes before this one left. */
async function recover({ folder, log }: EmbeddedSamplesSettings): Promise<Part[]> {
  const parts: Part[] = [];
  for (const name of (await listFolder(folder)).logs) {
    const { samples, tornBytes } = await readLog(join(folder, logName(name)));
    if (tornBytes > 0)
      log.warn({ folder, tornBytes }, "cut off what a crash left at the end of the sample store's log");
    const tail = new Tail();
    for (const sample of samples) tail.add(sample);
    parts.push({ name, tail });
  }
  return parts;
}

class WritingStore implements EmbeddedSamples {
  private readonly segments: Segments;
  private readonly keeper: Keeper;
  private readonly history: History;
  private readonly ended = new AbortController();
  private current: Part;
  /** Taken and not in the log. */
  private pending: Sample[] = [];
  private beingWritten = 0;
  private writing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | null = null;
  private problem: string | null = null;
  private began: number;
  /** Merges and tidying follow one another. */
  private work: Promise<void> = Promise.resolve();
  private mergeQueued = false;
  /** Why logs could not be merged the last time. */
  private mergeProblem: string | null = null;
  private closing: Promise<void> | null = null;

  constructor(
    private readonly settings: EmbeddedSamplesSettings,
    private readonly lock: FolderLock,
    private readonly engine: Engine,
    private file: LogFile,
    /** Logs that are whole and become segments, oldest first. */
    private readonly parts: Part[],
  ) {
    this.segments = new Segments(settings.folder, engine, lock);
    this.keeper = new Keeper(this.segments, settings.retention);
    this.current = { name: { generation: lock.generation, number: 1 }, tail: new Tail() };
    this.began = settings.clock.monotonic();
    this.history = new History(engine, this.segments, async () => ({
      tails: [...this.parts, this.current].map(({ tail }) => tail),
      segments: (await listFolder(settings.folder)).segments,
    }));
  }

  /** Brings what was left into order, and keeps it so. */
  async start(): Promise<void> {
    await this.keeper.removeUnfinished(this.lock.generation);
    if (this.parts.length > 0) this.queueMerge();
    void this.tidyHourly();
  }

  async write(samples: readonly Sample[]): Promise<void> {
    this.mustBeOpen();
    checkSamples(samples);
    // Whoever writes faster than logs can be merged (an import) waits.
    while (this.parts.length >= WAITED_TAILS && this.mergeProblem === null) await this.work;
    if (this.parts.length >= MOST_TAILS || this.pending.length >= MOST_UNFLUSHED)
      throw this.failed(this.problem ?? this.mergeProblem ?? "its disk does not keep up", null);
    for (const sample of samples) {
      if (Object.keys(sample.values).length === 0) continue;
      this.current.tail.add(sample);
      this.pending.push(sample);
    }
    if (this.pending.length >= LINE_SAMPLES) await this.flush();
    else this.timer ??= setTimeout(() => void this.flushLater(), FLUSH_MS);
  }

  flush(): Promise<void> {
    return this.inTurn(() => this.writePending());
  }

  async sources(range: Parameters<SampleStore["sources"]>[0]): Promise<readonly SourceSpan[]> {
    this.mustBeOpen();
    return this.history.spans(range, range.host ?? null);
  }

  async *read(query: SampleQuery): AsyncIterable<Sample> {
    this.mustBeOpen();
    yield* this.history.read(query);
  }

  status(): SampleStoreStatus {
    return {
      kind: "embedded",
      where: this.settings.folder,
      reachable: this.problem === null && this.closing === null,
      problem: this.closing === null ? this.problem : "it is closed",
      unflushed: this.pending.length + this.beingWritten,
    };
  }

  async tidy(): Promise<void> {
    this.mustBeOpen();
    await this.inTurn(async () => {
      await this.writePending();
      await this.beginLog();
    });
    await this.enqueue(() => this.mergeParts());
    await this.enqueue(() => this.keeper.tidy(this.settings.clock.now()));
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    this.ended.abort();
    try {
      await this.flush();
      if (this.current.tail.size > 0) this.parts.push(this.current);
      await this.enqueue(() => this.mergeParts()).catch(this.notMerged);
    } finally {
      await this.work;
      await this.file.close();
      if (this.current.tail.size === 0) await rm(this.file.path, { force: true });
      this.engine.close();
      await this.lock.release();
    }
  }

  private mustBeOpen(): void {
    if (this.closing === null) return;
    throw new OperationalError("store-unreachable", "the sample store is closed", false);
  }

  private failed(why: string, cause: unknown): OperationalError {
    const text = `the sample store ${this.settings.folder} cannot be written: ${why}`;
    return new OperationalError("store-failed", text, true, { cause });
  }

  private async flushLater(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      this.settings.log.warn({ err: error }, "samples wait for the sample store's disk");
      if (this.closing === null) this.timer ??= setTimeout(() => void this.flushLater(), FLUSH_MS);
    }
  }

  private async writePending(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    while (this.pending.length > 0) {
      const line = this.pending.splice(0, LINE_SAMPLES);
      this.beingWritten = line.length;
      try {
        await this.file.append(line);
        if (!(await this.lock.isHeld())) throw new Error("another process has taken it over");
      } catch (cause) {
        this.pending = line.concat(this.pending);
        this.problem = messageOf(cause);
        throw this.failed(this.problem, cause);
      } finally {
        this.beingWritten = 0;
      }
      this.problem = null;
    }
    const isOld = this.settings.clock.monotonic() - this.began >= MERGE_MS;
    const { size } = this.current.tail;
    if (size >= (this.settings.mergeSamples ?? MERGE_SAMPLES) || (isOld && size > 0)) {
      await this.beginLog();
      this.queueMerge();
    }
  }

  /** The next samples go to a new log. */
  private async beginLog(): Promise<void> {
    if (this.current.tail.size === 0) return;
    const { generation, number } = this.current.name;
    const name = { generation, number: number + 1 };
    const fresh = await LogFile.create(this.settings.folder, join(this.settings.folder, logName(name)));
    const old = this.file;
    this.parts.push(this.current);
    this.current = { name, tail: new Tail() };
    // Taken while the file was made: they are in the old tail as well, which does no harm.
    for (const sample of this.pending) this.current.tail.add(sample);
    this.file = fresh;
    this.began = this.settings.clock.monotonic();
    await old.close();
  }

  private queueMerge(): void {
    if (this.mergeQueued) return;
    this.mergeQueued = true;
    const merging = this.enqueue(async () => {
      this.mergeQueued = false;
      await this.mergeParts();
      await this.keeper.mergeSmall(this.settings.clock.now());
    });
    merging.catch(this.notMerged);
  }

  private readonly notMerged = (error: unknown): void => {
    this.mergeProblem = messageOf(error);
    this.settings.log.warn({ err: error }, "the sample store could not merge its log, and will try again");
  };

  /** Writes to the log follow one another. */
  private inTurn(task: () => Promise<void>): Promise<void> {
    const next = this.writing.then(task);
    this.writing = next.catch(ignored);
    return next;
  }

  private enqueue(task: () => Promise<void>): Promise<void> {
    const next = this.work.then(task);
    this.work = next.catch(ignored);
    return next;
  }

  private async mergeParts(): Promise<void> {
    for (let part = this.parts[0]; part !== undefined; part = this.parts[0]) {
      const { name, tail } = part;
      for (const day of tail.days())
        await this.segments.write({ ...name, day, revision: 0, coarse: false }, tail.ofDay(day));
      // From here on readers find it in the segments; what they have begun to read of the tail stays theirs.
      this.parts.shift();
      this.mergeProblem = null;
      await rm(join(this.settings.folder, logName(name)), { force: true });
    }
  }

  private async tidyHourly(): Promise<void> {
    const { clock, log } = this.settings;
    const { signal } = this.ended;
    while (!signal.aborted) {
      try {
        await this.enqueue(() => this.keeper.tidy(clock.now()));
      } catch (error) {
        log.warn({ err: error }, "the sample store could not tidy its files, and will try again in an hour");
      }
      await clock.sleep(milliseconds(TIDY_MS), signal);
    }
  }
}
