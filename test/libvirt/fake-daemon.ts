/**
 * A libvirt daemon inside the test: speaks the protocol over a pair of streams, answers as scripted, and can misbehave in every
 * way a real one or an attacker might. Only what the tests of the client need; real daemons are in test/lab.
 */
import { Duplex } from "node:stream";
import { encodeFrame, FRAME_STATUS, FRAME_TYPE, type Frame, FrameSplitter } from "../../src/drivers/libvirt/frame.js";
import {
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  PROCEDURE,
  type ProcedureName,
  REMOTE_PROGRAM,
} from "../../src/drivers/libvirt/procedures.js";
import type { OpenStream } from "../../src/drivers/libvirt/transport.js";
import { XdrReader, XdrWriter } from "../../src/drivers/libvirt/xdr.js";

/** Two ends; what is written to one is read from the other. */
function streamPair(): readonly [Duplex, Duplex] {
  const make = (other: () => Duplex) =>
    new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        other().push(chunk);
        done();
      },
      final: (done) => {
        other().push(null);
        done();
      },
      destroy: (error, done) => {
        if (!other().destroyed) other().push(null);
        done(error);
      },
    });
  const left: Duplex = make(() => right);
  const right: Duplex = make(() => left);
  return [left, right];
}

/** Null: never answered. */
export type Answer = XdrWriter | { readonly code: number; readonly message: string } | null;
export type Handler = (arguments_: XdrReader, frame: Frame) => Answer | Promise<Answer>;

export const nothing = (): XdrWriter => new XdrWriter();
export const text = (value: string): XdrWriter => new XdrWriter().string(value);

const NAMES = new Map<number, ProcedureName>(
  (Object.entries(PROCEDURE) as [ProcedureName, number][]).map(([name, number]) => [number, name]),
);

export class FakeDaemon {
  /** Connections asked for, and accepted, so far. */
  attempts = 0;
  accepted = 0;
  /** Refuses connections with this error while it is set. */
  refusal: Error | null = null;
  /** Reads, and says nothing. */
  frozen = false;
  readonly calls: ProcedureName[] = [];
  pings = 0;
  pongs = 0;
  readonly #handlers = new Map<ProcedureName, Handler>();
  #stream: Duplex | null = null;

  constructor() {
    this.on("authList", () => new XdrWriter().uint(1).int(0));
    this.on("connectSupportsFeature", () => new XdrWriter().int(1));
    this.on("connectOpen", nothing);
    this.on("connectClose", nothing);
    this.on("domainEventCallbackRegisterAny", () => new XdrWriter().int(0));
    this.on("connectGetType", () => text("QEMU"));
    this.on("connectGetHostname", () => text("fake"));
    this.on("connectGetAllDomainStats", () => new XdrWriter().uint(0).uint(0));
  }

  on(procedure: ProcedureName, handler: Handler): this {
    this.#handlers.set(procedure, handler);
    return this;
  }

  /** The way to it, for the driver. */
  readonly open: OpenStream = async () => {
    this.attempts++;
    if (this.refusal) throw this.refusal;
    const [client, server] = streamPair();
    this.accepted++;
    this.#stream = server;
    const splitter = new FrameSplitter();
    server.on("data", (chunk: Buffer) => {
      for (const frame of splitter.push(chunk)) void this.#answer(server, frame);
    });
    server.on("end", () => server.destroy());
    return client;
  };

  async #answer(stream: Duplex, frame: Frame): Promise<void> {
    if (frame.program === KEEPALIVE_PROGRAM) {
      if (frame.procedure === KEEPALIVE.pong) this.pongs++;
      else {
        this.pings++;
        if (!this.frozen) this.keepAlive(KEEPALIVE.pong);
      }
      return;
    }
    const name = NAMES.get(frame.procedure);
    if (name) this.calls.push(name);
    if (this.frozen) return;
    const handler = name ? this.#handlers.get(name) : undefined;
    const answer = handler
      ? await handler(new XdrReader(frame.body), frame)
      : { code: 3, message: `this function is not supported: ${name}` };
    if (answer === null || stream.destroyed) return;
    const isError = !(answer instanceof XdrWriter);
    const body = isError
      ? new XdrWriter().int(answer.code).int(0).optionalString(answer.message).int(2).uint(0).uint(0).uint(0).uint(0)
      : answer;
    const status = isError ? FRAME_STATUS.error : FRAME_STATUS.ok;
    stream.write(encodeFrame({ ...frame, type: FRAME_TYPE.reply, status }, body));
  }

  keepAlive(procedure: number): void {
    const header = { program: KEEPALIVE_PROGRAM, version: 1, procedure };
    this.raw(encodeFrame({ ...header, type: FRAME_TYPE.message, serial: 0, status: 0 }, null));
  }

  message(procedure: ProcedureName, body: XdrWriter): void {
    const header = { program: REMOTE_PROGRAM, version: 1, procedure: PROCEDURE[procedure] };
    this.raw(encodeFrame({ ...header, type: FRAME_TYPE.message, serial: 1, status: 0 }, body));
  }

  /** Any bytes at all, to the last connection. */
  raw(bytes: Buffer): void {
    this.#stream?.write(bytes);
  }

  hangUp(): void {
    this.#stream?.destroy();
  }
}
