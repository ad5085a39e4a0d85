/**
 * The log in front of the segments: lines with checksums (../../line.ts), each some thousand samples, written with one call
 * and made durable together. Within a line the names of metrics stand once for all samples that have the same ones. What a
 * crash tore off the end was never said to be safe; a broken line before a whole one is damage.
 */
import { type FileHandle, open } from "node:fs/promises";
import { milliseconds } from "../../../../core/units.js";
import { OperationalError } from "../../../../ports/errors.js";
import type { Sample } from "../../../../ports/sample-store.js";
import { decodeLines, encodeLine } from "../../line.js";
import { syncFolder } from "../../sync-folder.js";

/** Lists of names of metrics, and rows: which list, host, VM, time, then the values. */
interface Line {
  readonly shapes: readonly (readonly string[])[];
  readonly rows: readonly (readonly [shape: number, host: string, vm: string | null, at: number, ...number[]])[];
}

function encode(samples: readonly Sample[]): Buffer {
  const shapes: string[][] = [];
  const numbers = new Map<string, number>();
  const rows = samples.map(({ host, vm, at, values }) => {
    const names = Object.keys(values);
    const key = names.join(",");
    let shape = numbers.get(key);
    if (shape === undefined) {
      shape = shapes.push(names) - 1;
      numbers.set(key, shape);
    }
    return [shape, host, vm, at, ...Object.values(values)];
  });
  return encodeLine({ shapes, rows });
}

function decode({ shapes, rows }: Line): readonly Sample[] {
  return rows.map(([shape, host, vm, at, ...values]) => {
    const names = shapes[shape]!;
    return { host, vm, at: milliseconds(at), values: Object.fromEntries(names.map((name, i) => [name, values[i]!])) };
  });
}

export interface ReadLog {
  readonly samples: readonly Sample[];
  /** Bytes of the whole lines. */
  readonly wholeBytes: number;
  readonly tornBytes: number;
}

async function bytesFrom(path: string, from: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, (await file.stat()).size - from));
    let done = 0;
    for (let read = -1; read !== 0 && done < bytes.length; done += read)
      ({ bytesRead: read } = await file.read(bytes, done, bytes.length - done, from + done));
    return bytes.subarray(0, done);
  } finally {
    await file.close();
  }
}

/** What stands in a log from byte `from` on. Throws `state-corrupt` where it is damaged. */
export async function readLog(path: string, from = 0): Promise<ReadLog> {
  const bytes = await bytesFrom(path, from);
  const { values, wholeBytes, damagedAt } = decodeLines(bytes);
  if (damagedAt !== null) {
    const where = `${path} is damaged at byte ${from + damagedAt}, and whole lines follow`;
    throw new OperationalError("state-corrupt", `the sample store: ${where}; move it away to go on without it`, false);
  }
  const samples = (values as readonly Line[]).flatMap(decode);
  return { samples, wholeBytes: from + wholeBytes, tornBytes: bytes.length - wholeBytes };
}

export class LogFile {
  private end = 0;

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  static async create(folder: string, path: string): Promise<LogFile> {
    const file = await open(path, "wx", 0o640);
    await syncFolder(folder);
    return new LogFile(path, file);
  }

  /** Resolves when the samples would survive a power cut. When it rejects, they are not in the log, or not surely. */
  async append(samples: readonly Sample[]): Promise<void> {
    const line = encode(samples);
    try {
      for (let done = 0; done < line.length; ) {
        const { bytesWritten } = await this.file.write(line, done, line.length - done, this.end + done);
        done += bytesWritten;
      }
      await this.file.datasync();
    } catch (cause) {
      await this.file.truncate(this.end);
      throw cause;
    }
    this.end += line.length;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
