/**
 * Group commit: what is asked while a group is being written makes the next group, which takes one write and one fdatasync
 * however many commits it has (DeWitt et al., SIGMOD 1984). Decisions are taken against the state that the group will leave,
 * answers are given and reads see them when the group is durable and the lock still ours.
 *
 * A write that fails (disk full) is cut off again and its commits are refused; nothing has happened. When that fails too, or
 * fdatasync does, nobody can say what is on the disk (Rebello et al., "Can Applications Recover from fsync Failures?",
 * ATC 2020): those commits are of unknown outcome and the store stands still until it is opened again.
 */

import { OperationalError } from "../../../ports/errors.js";
import type { Log } from "../../../ports/log.js";
import { encodeLine } from "../line.js";
import { Draft } from "./draft.js";
import { copyState, type Entry, type State } from "./state.js";

/** A group is closed when it has about so many bytes; bounds memory and the wait of its first commit. */
const GROUP_BYTES = 4 * 1024 * 1024;
/** A new log is begun when this one is larger than the last snapshot twice over, and at least this large. */
const SMALLEST_ROTATION_BYTES = 4 * 1024 * 1024;
const ROTATION_FACTOR = 2;

export interface LogFile {
  write(bytes: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesWritten: number }>;
  datasync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface GroupLogParts {
  readonly state: State;
  readonly log: Log;
  readonly smallestRotationBytes?: number;
  /** Opens the log of this number, empty. */
  readonly openLog: (number: number) => Promise<LogFile>;
  /** Makes the state the snapshot that log `number` follows, and deletes what is older. Gives its bytes. */
  readonly snapshot: (number: number, state: State) => Promise<number>;
  readonly isHeld: () => Promise<boolean>;
  /** Called when a group is durable and applied, before it is answered. */
  readonly applied: (entries: readonly Entry[]) => void;
  /** Called once when the store cannot go on. */
  readonly broken: (reason: string) => void;
}

interface Request {
  readonly decide: (draft: Draft) => void;
  readonly answer: () => void;
  readonly fail: (error: unknown) => void;
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

export class GroupLog {
  private queue: Request[] = [];
  private running: Promise<void> | null = null;
  private rotation: Promise<void> = Promise.resolve();
  private rotating = false;
  private position = 0;
  private number = 0;
  /** Why nothing is taken any more. */
  private stopped: string | null = null;
  private isBroken = false;

  constructor(
    private readonly parts: GroupLogParts,
    private file: LogFile,
    private snapshotBytes: number,
  ) {}

  /** `decide` adds entries to the draft and gives the answer; the promise resolves with it when they are durable. */
  submit<T>(decide: (draft: Draft) => T): Promise<T> {
    if (this.stopped !== null) return Promise.reject(this.unreachable());
    return new Promise<T>((resolve, fail) => {
      let answer: { readonly value: T } | null = null;
      this.queue.push({
        decide: (draft) => {
          answer = { value: decide(draft) };
        },
        answer: () => resolve(answer!.value),
        fail,
      });
      this.running ??= this.run();
    });
  }

  /** Finishes what was asked, and closes the file. */
  async close(reason: string): Promise<void> {
    this.stopped ??= reason;
    await this.running;
    await this.rotation;
    await this.file.close();
  }

  private unreachable(): OperationalError {
    return new OperationalError("store-unreachable", `the cluster's store takes nothing: ${this.stopped}`, false);
  }

  private async run(): Promise<void> {
    // Everything asked in this turn of the event loop joins the first group.
    await Promise.resolve();
    while (this.queue.length > 0) {
      const draft = new Draft(this.parts.state);
      const group = this.takeGroup(draft);
      try {
        if (draft.entries.length > 0) await this.writeGroup(draft);
        for (const request of group) request.answer();
        if (draft.entries.length > 0) await this.rotateWhenLarge();
      } catch (error) {
        for (const request of group) request.fail(error);
      }
      if (this.isBroken) this.failAll();
    }
    this.running = null;
  }

  private failAll(): void {
    for (const request of this.queue.splice(0)) request.fail(this.unreachable());
  }

  private takeGroup(draft: Draft): readonly Request[] {
    const group: Request[] = [];
    let taken = 0;
    let counted = 0;
    for (let bytes = 0; taken < this.queue.length && bytes < GROUP_BYTES; taken++) {
      const request = this.queue[taken]!;
      try {
        request.decide(draft);
        group.push(request);
      } catch (error) {
        request.fail(error);
      }
      for (; counted < draft.entries.length; counted++) bytes += sizeOf(draft.entries[counted]!);
    }
    this.queue.splice(0, taken);
    return group;
  }

  private async writeGroup(draft: Draft): Promise<void> {
    await this.append(encodeLine(draft.entries));
    if (!(await this.parts.isHeld())) {
      throw this.break("another process has taken it over");
    }
    draft.apply();
    this.parts.applied(draft.entries);
  }

  private async append(line: Buffer): Promise<void> {
    try {
      for (let done = 0; done < line.length; ) {
        const { bytesWritten } = await this.file.write(line, done, line.length - done, this.position + done);
        done += bytesWritten;
      }
    } catch (cause) {
      await this.cutOff(cause);
      throw new OperationalError("store-failed", `the cluster's store cannot be written: ${messageOf(cause)}`, true, {
        cause,
      });
    }
    try {
      await this.file.datasync();
    } catch (cause) {
      throw this.break(`its disk does not confirm writes (${messageOf(cause)})`);
    }
    this.position += line.length;
  }

  private async cutOff(cause: unknown): Promise<void> {
    try {
      await this.file.truncate(this.position);
      await this.file.datasync();
    } catch (second) {
      const why = `it cannot be written (${messageOf(cause)}) nor mended (${messageOf(second)})`;
      throw this.break(why);
    }
  }

  private break(reason: string): OperationalError {
    this.isBroken = true;
    if (this.stopped === null) {
      this.stopped = reason;
      this.parts.broken(reason);
    }
    return new OperationalError(
      "store-outcome-unknown",
      `the cluster's store did not confirm the change: ${reason}`,
      false,
    );
  }

  /** The new log takes commits at once; the snapshot before it is written meanwhile, and the old files go when it is there. */
  private async rotateWhenLarge(): Promise<void> {
    const smallest = this.parts.smallestRotationBytes ?? SMALLEST_ROTATION_BYTES;
    const largest = Math.max(smallest, ROTATION_FACTOR * this.snapshotBytes);
    if (this.rotating || this.position <= largest) return;
    const number = this.number + 1;
    try {
      const fresh = await this.parts.openLog(number);
      const old = this.file;
      this.file = fresh;
      this.number = number;
      this.position = 0;
      await old.close();
    } catch (cause) {
      this.parts.log.warn({ err: cause }, "the cluster's store cannot begin a new log; it goes on with the old one");
      return;
    }
    this.rotating = true;
    this.rotation = this.writeSnapshot(number, copyState(this.parts.state));
  }

  private async writeSnapshot(number: number, state: State): Promise<void> {
    try {
      this.snapshotBytes = await this.parts.snapshot(number, state);
    } catch (cause) {
      // The logs so far stay, and are read after the last snapshot; the next rotation tries again.
      this.parts.log.warn({ err: cause }, "the cluster's store could not write a snapshot");
    } finally {
      this.rotating = false;
    }
  }
}

const sizeOf = (entry: Entry): number =>
  "r" in entry ? entry.put.reduce((sum, [key, value]) => sum + key.length + value.length, 100) : 100;
