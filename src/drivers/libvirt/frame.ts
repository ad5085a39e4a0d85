/**
 * Frames of libvirt's RPC (libvirt.org, "RPC protocol"): a length that counts itself, six words of header, a body in XDR.
 * The splitter turns a stream of bytes into frames and refuses lengths that no libvirt sends.
 */
import { ProtocolError, type XdrWriter } from "./xdr.js";

/** What a frame is. Streams (3) and file descriptors (4, 5) are not used by Headroom. */
export const FRAME_TYPE = { call: 0, reply: 1, message: 2 } as const;
export const FRAME_STATUS = { ok: 0, error: 1, continue: 2 } as const;

export interface FrameHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export interface Frame extends FrameHeader {
  /** The body; a view that stays valid. */
  readonly body: Buffer;
}

const HEADER_BYTES = 28;
/** VIR_NET_MESSAGE_MAX of libvirt since 2.4: 32 MiB, and the length word itself. */
export const LONGEST_FRAME = 33_554_432 + 4;

export function encodeFrame(header: FrameHeader, body: XdrWriter | null): Buffer {
  const payload = body?.finish();
  const length = HEADER_BYTES + (payload?.length ?? 0);
  if (length > LONGEST_FRAME) throw new ProtocolError(`a message of ${length} bytes is more than libvirt takes`);
  const frame = Buffer.allocUnsafe(length);
  frame.writeUInt32BE(length, 0);
  frame.writeUInt32BE(header.program, 4);
  frame.writeUInt32BE(header.version, 8);
  frame.writeInt32BE(header.procedure, 12);
  frame.writeInt32BE(header.type, 16);
  frame.writeUInt32BE(header.serial, 20);
  frame.writeInt32BE(header.status, 24);
  payload?.copy(frame, HEADER_BYTES);
  return frame;
}

const decodeFrame = (bytes: Buffer): Frame => ({
  program: bytes.readUInt32BE(4),
  version: bytes.readUInt32BE(8),
  procedure: bytes.readInt32BE(12),
  type: bytes.readInt32BE(16),
  serial: bytes.readUInt32BE(20),
  status: bytes.readInt32BE(24),
  body: bytes.subarray(HEADER_BYTES),
});

export class FrameSplitter {
  /** Chunks of the frame that is not yet whole, and their total length. */
  #chunks: Buffer[] = [];
  #held = 0;
  /** Length of that frame; 0 until its first word is there. */
  #wanted = 0;

  /** The frames that `chunk` completes. Throws `ProtocolError` on a length that cannot be. */
  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    const frames: Frame[] = [];
    for (;;) {
      if (this.#wanted === 0) {
        if (this.#held < 4) return frames;
        this.#wanted = this.#join().readUInt32BE(0);
        if (this.#wanted < HEADER_BYTES || this.#wanted > LONGEST_FRAME) {
          throw new ProtocolError(`a frame says that it is ${this.#wanted} bytes long`);
        }
      }
      if (this.#held < this.#wanted) return frames;
      const bytes = this.#join();
      frames.push(decodeFrame(bytes.subarray(0, this.#wanted)));
      this.#chunks = bytes.length > this.#wanted ? [bytes.subarray(this.#wanted)] : [];
      this.#held = bytes.length - this.#wanted;
      this.#wanted = 0;
    }
  }

  #join(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks, this.#held)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }
}
