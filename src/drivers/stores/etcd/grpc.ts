/**
 * gRPC over one HTTP/2 connection to one server, as node:http2 gives it (grpc/doc/PROTOCOL-HTTP2.md): a call is a stream,
 * a message has a flag, four bytes of length and the bytes, the status comes with the trailers. Calls with one answer have a
 * deadline; streams have none. Compression is not used.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Method } from "./messages.js";

/** grpc/doc/statuscodes.md */
export const STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** A snapshot's page has up to a few MiB; more room than the default 64 KiB keeps the line full. */
const WINDOW_BYTES = 8 * 1024 * 1024;
/** Longer answers than this are no answers of etcd to this store. */
const MOST_MESSAGE_BYTES = 64 * 1024 * 1024;
const PREFIX_BYTES = 5;

export class GrpcError extends Error {
  override readonly name = "GrpcError";
  constructor(
    readonly status: number,
    message: string,
    /** False: the server has surely not seen the call. */
    readonly wasSent: boolean,
  ) {
    super(message);
  }
}

/** Trust and identity for `https` endpoints, PEM. */
export interface Tls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** Name that the server's certificate must have, where it differs from the endpoint's. */
  readonly serverName?: string;
}

function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, PREFIX_BYTES);
  return framed;
}

/** Cuts what arrives into messages. */
class Splitter {
  private rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Buffer[] {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const messages: Buffer[] = [];
    while (this.rest.length >= PREFIX_BYTES) {
      const length = this.rest.readUInt32BE(1);
      if (this.rest[0] !== 0 || length > MOST_MESSAGE_BYTES) {
        throw new GrpcError(STATUS.internal, "what answers does not speak gRPC", true);
      }
      if (this.rest.length < PREFIX_BYTES + length) break;
      messages.push(this.rest.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
      this.rest = this.rest.subarray(PREFIX_BYTES + length);
    }
    return messages;
  }
}

/** The status of a call: from the trailers, or from the headers when there is nothing else. */
class StatusReader {
  private status: number | null = null;
  private message = "";
  private httpStatus: number | undefined;

  constructor(stream: ClientHttp2Stream) {
    stream.on("response", (headers) => {
      this.httpStatus = headers[":status"];
      this.read(headers);
    });
    stream.on("trailers", (trailers) => this.read(trailers));
  }

  get isKnown(): boolean {
    return this.status !== null;
  }

  /** The error of the finished call; null: it ended well. */
  error(): GrpcError | null {
    if (this.status === STATUS.ok) return null;
    if (this.status !== null) return new GrpcError(this.status, this.message, true);
    const why = this.httpStatus === undefined || this.httpStatus === 200 ? "no status" : `HTTP ${this.httpStatus}`;
    return new GrpcError(STATUS.unavailable, `the call ended with ${why}`, true);
  }

  private read(headers: Readonly<Record<string, string | string[] | number | undefined>>): void {
    const status = headers["grpc-status"];
    if (status === undefined) return;
    this.status = Number(status);
    this.message = decodeMessage(String(headers["grpc-message"] ?? `status ${status}`));
  }
}

/** Messages are percent-encoded; a broken one is shown as it is. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

/** A stream of messages both ways. */
export interface MessageStream<Question, Answer> {
  send(question: Question): void;
  /** Ends when the stream is cancelled; throws `GrpcError` when it breaks or the server ends it. Read once. */
  answers(): AsyncIterable<Answer>;
  cancel(): void;
}

export class GrpcConnection {
  private whyClosed: string | null = null;

  private constructor(
    private readonly session: ClientHttp2Session,
    readonly endpoint: string,
    private readonly metadata: Record<string, string>,
  ) {
    session.on("error", (error: NodeJS.ErrnoException) => this.close(error.code ?? error.message));
    session.on("goaway", () => this.close("the server ends the connection"));
    session.on("close", () => this.close("the connection is closed"));
  }

  /** Throws `GrpcError` when there is no connection in time. */
  static open(endpoint: string, tls: Tls | undefined, timeoutMs: number): Promise<GrpcConnection> {
    const { serverName, ...trust } = tls ?? {};
    const named = serverName === undefined ? {} : { servername: serverName };
    const session = connect(endpoint, { ...trust, ...named, settings: { initialWindowSize: WINDOW_BYTES } });
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => {
        clearTimeout(timer);
        session.destroy();
        reject(new GrpcError(STATUS.unavailable, message, false));
      };
      const timer = setTimeout(() => fail(`no connection in ${timeoutMs} ms`), timeoutMs);
      session.on("error", (error: NodeJS.ErrnoException) => fail(error.message || (error.code ?? "no connection")));
      session.once("close", () => fail("the server closed the connection at once"));
      // Its settings prove that something speaks HTTP/2 there; a frozen server still accepts connections.
      session.once("remoteSettings", () => {
        clearTimeout(timer);
        session.setLocalWindowSize(WINDOW_BYTES);
        resolve(new GrpcConnection(session, endpoint, {}));
      });
    });
  }

  /** Sent with every call from now on. */
  setMetadata(name: string, value: string): void {
    this.metadata[name] = value;
  }

  get isOpen(): boolean {
    return this.whyClosed === null;
  }

  /** Every call under way fails. */
  close(reason: string): void {
    if (this.whyClosed !== null) return;
    this.whyClosed = reason;
    this.session.destroy();
  }

  /** One question, one answer. Throws `GrpcError`. */
  ask<Question, Answer>(method: Method<Question, Answer>, question: Question, deadlineMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const stream = this.begin(method.path, { "grpc-timeout": `${Math.max(1, Math.round(deadlineMs))}m` });
      const status = new StatusReader(stream);
      const splitter = new Splitter();
      let answer: Buffer | undefined;
      const timer = setTimeout(() => {
        reject(new GrpcError(STATUS.deadlineExceeded, `no answer in ${Math.round(deadlineMs)} ms`, true));
        stream.close(constants.NGHTTP2_CANCEL);
      }, deadlineMs);
      const fail = (error: unknown): void => {
        reject(error instanceof GrpcError ? error : this.broken(error, stream));
        stream.destroy();
      };
      stream.on("data", (chunk: Buffer) => {
        try {
          answer = splitter.push(chunk)[0] ?? answer;
        } catch (error) {
          fail(error);
        }
      });
      stream.on("error", fail);
      stream.on("close", () => {
        clearTimeout(timer);
        const error = status.isKnown ? status.error() : this.broken(null, stream);
        if (error) reject(error);
        else if (answer === undefined) reject(new GrpcError(STATUS.internal, "an answer without a message", true));
        else settle(() => method.decode(answer!), resolve, reject);
      });
      stream.end(frame(method.encode(question)));
    });
  }

  /** A stream of questions and answers, which ends when the server loses its cluster's leader. */
  stream<Question, Answer>(method: Method<Question, Answer>): MessageStream<Question, Answer> {
    const stream = this.begin(method.path, { hasleader: "true" });
    const status = new StatusReader(stream);
    let isCancelled = false;
    let failure: unknown = null;
    stream.on("error", (error) => {
      failure = error;
    });
    const broken = (error: unknown): GrpcError => this.broken(error, stream);
    return {
      send: (question) => void stream.write(frame(method.encode(question))),
      cancel: () => {
        isCancelled = true;
        stream.close(constants.NGHTTP2_CANCEL);
      },
      async *answers() {
        const splitter = new Splitter();
        try {
          for await (const chunk of stream) for (const message of splitter.push(chunk)) yield method.decode(message);
        } catch (error) {
          if (isCancelled) return;
          throw error instanceof GrpcError ? error : broken(error);
        }
        if (isCancelled) return;
        throw failure === null ? (status.error() ?? broken(null)) : broken(failure);
      },
    };
  }

  private begin(path: string, metadata: Record<string, string>): ClientHttp2Stream {
    if (this.whyClosed !== null) throw new GrpcError(STATUS.unavailable, this.whyClosed, false);
    return this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...this.metadata,
      ...metadata,
    });
  }

  private broken(error: unknown, stream: ClientHttp2Stream): GrpcError {
    const message = this.whyClosed ?? (error instanceof Error ? error.message : "the call was broken off");
    const refused = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM;
    return new GrpcError(STATUS.unavailable, message, !refused);
  }
}

function settle<T>(get: () => T, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  try {
    resolve(get());
  } catch (error) {
    reject(error);
  }
}
