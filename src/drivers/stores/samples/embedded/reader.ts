/**
 * An embedded history as processes have it that only read: export, estimators, reports, beside the collector that writes. They
 * take no lock and hold nobody up: segments never change, and logs only grow. What the collector took within the last quarter of a
 * second is in its memory only, and not seen.
 */
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OperationalError } from "../../../../ports/errors.js";
import type {
  HostsQuery,
  Sample,
  SampleQuery,
  SampleStore,
  SampleStoreStatus,
  SourceSpan,
} from "../../../../ports/sample-store.js";
import { Engine } from "./engine.js";
import { History, type Look } from "./history.js";
import { readLog } from "./log-file.js";
import { listFolder, logName } from "./names.js";
import { Segments } from "./segments.js";
import { checkFolder } from "./store.js";
import { Tail } from "./tail.js";

interface FollowedLog {
  readonly tail: Tail;
  /** Bytes that were read so far. */
  read: number;
}

/** Throws `store-failed` when there is no folder. */
export async function openEmbeddedReader(folder: string): Promise<SampleStore> {
  checkFolder(folder);
  try {
    await stat(folder);
  } catch (cause) {
    const message = `there is no sample store in ${folder}: headroom collect makes it`;
    throw new OperationalError("store-failed", message, false, { cause });
  }
  return new ReadingStore(folder, await Engine.open(join(tmpdir(), `headroom-spill-${process.pid}`)));
}

const isGone = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

class ReadingStore implements SampleStore {
  private readonly logs = new Map<string, FollowedLog>();
  private readonly history: History;
  private looking: Promise<Look> | null = null;
  private isClosed = false;

  constructor(
    private readonly folder: string,
    private readonly engine: Engine,
  ) {
    this.history = new History(engine, new Segments(folder, engine, null), () => this.look());
  }

  write(): Promise<void> {
    const message = `the sample store ${this.folder} is open for reading only`;
    return Promise.reject(new OperationalError("store-failed", message, false));
  }

  async flush(): Promise<void> {
    // Nothing was taken.
  }

  sources(range: Parameters<SampleStore["sources"]>[0]): Promise<readonly SourceSpan[]> {
    return this.history.spans(range, range.host ?? null);
  }

  read(query: SampleQuery): AsyncIterable<Sample> {
    return this.history.read(query);
  }

  readHosts(query: HostsQuery): AsyncIterable<Sample> {
    return this.history.readHosts(query);
  }

  status(): SampleStoreStatus {
    const problem = this.isClosed ? "it is closed" : null;
    return { kind: "embedded", where: this.folder, reachable: !this.isClosed, problem, unflushed: 0 };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.engine.close();
  }

  /** Several at once share one. */
  private look(): Promise<Look> {
    this.looking ??= this.follow().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  private async follow(): Promise<Look> {
    for (;;) {
      const { logs, segments } = await listFolder(this.folder);
      const names = logs.map(logName);
      for (const name of this.logs.keys()) if (!names.includes(name)) this.logs.delete(name);
      try {
        for (const name of names) await this.readOn(name);
        return { tails: names.map((name) => this.logs.get(name)!.tail), segments };
      } catch (error) {
        // Merged between the look and the reading: its segments have their names by now.
        if (!isGone(error)) throw error;
      }
    }
  }

  private async readOn(name: string): Promise<void> {
    const log = this.logs.get(name) ?? { tail: new Tail(), read: 0 };
    const path = join(this.folder, name);
    if ((await stat(path)).size > log.read) {
      const { samples, wholeBytes } = await readLog(path, log.read);
      for (const sample of samples) log.tail.add(sample);
      log.read = wholeBytes;
    }
    this.logs.set(name, log);
  }
}
