/**
 * One connection to a libvirt daemon: calls are pipelined and answered in any order, each with a deadline; keep-alive pings
 * go both ways, so that a frozen daemon or a dead network is noticed. It ends once, for a reason, and is then useless:
 * reconnecting is the driver's business (link.ts). Leaves out streams and file descriptor passing.
 */
import type { Duplex } from "node:stream";
import type { Milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import { Deadlines, type Waiting } from "./deadlines.js";
import { encodeFrame, FRAME_STATUS, FRAME_TYPE, type Frame, FrameSplitter } from "./frame.js";
import {
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  KEEPALIVE_VERSION,
  PROCEDURE,
  type ProcedureName,
  REMOTE_PROGRAM,
  REMOTE_VERSION,
} from "./procedures.js";
import { readServerError } from "./server-error.js";
import { ProtocolError, XdrReader, type XdrWriter } from "./xdr.js";

export interface ConnectionOptions {
  readonly clock: Clock;
  /** Of a call that names none. */
  readonly deadline: Milliseconds;
  /** A ping after so long a silence; so many without a word back end the connection. */
  readonly keepAlive: { readonly interval: Milliseconds; readonly count: number };
  /** Messages that answer no call: events. What it throws ends the connection. */
  readonly onMessage: (frame: Frame) => void;
  /** Called once. Null: we closed it ourselves. */
  readonly onEnd: (reason: Error | null) => void;
}

interface Pending {
  readonly procedure: ProcedureName;
  /** Sent once there is room; null when it was. */
  frame: Buffer | null;
  readonly settle: (frame: Frame) => void;
  readonly fail: (error: Error) => void;
  readonly waiting: Waiting;
}

/**
 * A daemon reads no further from a client that has 5 calls under way (max_client_requests of libvirtd.conf), and then it does
 * not answer pings either. One less, and a slow call is never mistaken for a frozen daemon.
 */
const MOST_IN_FLIGHT = 4;

/** A serial is 32 bits; libvirt itself starts at 0 and lets it wrap. */
const SERIALS = 2 ** 32;

export class Connection {
  readonly #stream: Duplex;
  readonly #options: ConnectionOptions;
  readonly #splitter = new FrameSplitter();
  readonly #pending = new Map<number, Pending>();
  readonly #deadlines: Deadlines;
  readonly #ended = new AbortController();
  /** Serials of calls that wait for room. */
  #queue: number[] = [];
  #inFlight = 0;
  #serial = 0;
  #heardAtMs: number;

  constructor(stream: Duplex, options: ConnectionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
    this.#heardAtMs = options.clock.monotonic();
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", (error) => this.#end(error));
    stream.on("end", () => this.#end(new Error("the daemon closed the connection")));
    stream.on("close", () => this.#end(new Error("the connection was closed")));
  }

  /** Resolves with what `decode` reads from the answer. Throws `ServerError`, or `OperationalError` when none came. */
  call<T>(
    procedure: ProcedureName,
    body: XdrWriter | null,
    decode: (reader: XdrReader) => T,
    deadline: Milliseconds = this.#options.deadline,
  ): Promise<T> {
    if (this.#ended.signal.aborted) return Promise.reject(lost(procedure, new Error("the connection was closed")));
    const serial = this.#nextSerial();
    const header = { program: REMOTE_PROGRAM, version: REMOTE_VERSION, procedure: PROCEDURE[procedure] };
    const frame = encodeFrame({ ...header, type: FRAME_TYPE.call, serial, status: FRAME_STATUS.ok }, body);
    return new Promise<T>((resolve, reject) => {
      const waiting = this.#deadlines.add(deadline, () => {
        this.#forget(serial);
        reject(late(procedure, deadline));
      });
      const settle = (answer: Frame) => {
        const reader = new XdrReader(answer.body);
        if (answer.status === FRAME_STATUS.error) reject(readServerError(reader));
        else resolve(decode(reader));
      };
      this.#pending.set(serial, { procedure, frame, settle, fail: reject, waiting });
      this.#queue.push(serial);
      this.#sendQueued();
    });
  }

  isEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Pings from now on; only after the daemon said that it knows keep-alive. */
  startKeepAlive(): void {
    void this.#keepAlive();
  }

  /** Idempotent. Calls under way fail. */
  close(): void {
    this.#end(null);
  }

  #nextSerial(): number {
    do this.#serial = (this.#serial + 1) % SERIALS;
    while (this.#pending.has(this.#serial));
    return this.#serial;
  }

  #sendQueued(): void {
    while (this.#inFlight < MOST_IN_FLIGHT) {
      const serial = this.#queue.shift();
      if (serial === undefined) return;
      const pending = this.#pending.get(serial);
      // Its deadline passed before there was room.
      if (!pending?.frame) continue;
      this.#inFlight++;
      // Corking the stream for a turn of the event loop saves nothing measurable: with so few under way, answers come one by
      // one and so do the next calls (test/bench/libvirt-tick.bench.ts). Fewer calls do: see DomainIndex.
      this.#stream.write(pending.frame);
      pending.frame = null;
    }
  }

  #forget(serial: number): void {
    const pending = this.#pending.get(serial);
    if (!pending) return;
    this.#pending.delete(serial);
    this.#deadlines.forget(pending.waiting);
    if (pending.frame !== null) return;
    this.#inFlight--;
    this.#sendQueued();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended.signal.aborted) return;
    this.#heardAtMs = this.#options.clock.monotonic();
    try {
      for (const frame of this.#splitter.push(chunk)) this.#dispatch(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#end(error);
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.program === KEEPALIVE_PROGRAM) {
      if (frame.procedure === KEEPALIVE.ping) this.#sendKeepAlive(KEEPALIVE.pong);
      return;
    }
    if (frame.program !== REMOTE_PROGRAM || frame.version !== REMOTE_VERSION) {
      throw new ProtocolError(`a frame of program ${frame.program.toString(16)}, version ${frame.version}`);
    }
    if (frame.type === FRAME_TYPE.message) this.#options.onMessage(frame);
    else if (frame.type === FRAME_TYPE.reply) this.#settle(frame);
    else throw new ProtocolError(`a frame of type ${frame.type}`);
  }

  #settle(frame: Frame): void {
    const pending = this.#pending.get(frame.serial);
    // The answer to a call whose deadline has passed.
    if (!pending) return;
    if (frame.procedure !== PROCEDURE[pending.procedure]) {
      throw new ProtocolError(`procedure ${frame.procedure} answers a call of ${pending.procedure}`);
    }
    this.#forget(frame.serial);
    try {
      pending.settle(frame);
    } catch (error) {
      // Framing still holds: one answer that makes no sense is that call's failure alone.
      pending.fail(error as Error);
    }
  }

  async #keepAlive(): Promise<void> {
    const { clock, keepAlive } = this.#options;
    let silentPings = 0;
    while (!this.#ended.signal.aborted) {
      const pingedAtMs = clock.monotonic();
      await clock.sleep(keepAlive.interval, this.#ended.signal);
      if (this.#ended.signal.aborted) return;
      if (this.#heardAtMs >= pingedAtMs) silentPings = 0;
      else if (silentPings >= keepAlive.count) {
        const silenceSeconds = Math.round((clock.monotonic() - this.#heardAtMs) / 1000);
        return this.#end(
          new Error(`the daemon has not said a word for ${silenceSeconds} s: it hangs or the way is cut`),
        );
      }
      silentPings++;
      this.#sendKeepAlive(KEEPALIVE.ping);
    }
  }

  #sendKeepAlive(procedure: number): void {
    const header = { program: KEEPALIVE_PROGRAM, version: KEEPALIVE_VERSION, procedure };
    this.#stream.write(encodeFrame({ ...header, type: FRAME_TYPE.message, serial: 0, status: FRAME_STATUS.ok }, null));
  }

  #end(reason: Error | null): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#deadlines.clear();
    this.#stream.destroy();
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    this.#queue = [];
    for (const { procedure, fail } of waiting) fail(lost(procedure, reason ?? new Error("the connection was closed")));
    this.#options.onEnd(reason);
  }
}

const late = (procedure: ProcedureName, deadlineMs: number): OperationalError =>
  new OperationalError(
    "hypervisor-timeout",
    `libvirt did not answer ${procedure} within ${deadlineMs / 1000} s; it may still carry it out`,
    true,
  );

const lost = (procedure: ProcedureName, cause: Error): OperationalError =>
  new OperationalError("hypervisor-unreachable", `libvirt was lost during ${procedure}: ${cause.message}`, true, {
    cause,
  });
