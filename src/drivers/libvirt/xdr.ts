/**
 * XDR, the encoding of libvirt's messages (RFC 4506): big-endian, everything padded to 4 bytes. The reader takes bytes from a
 * daemon that is not trusted: every length is checked against a limit and against what is left before anything is allocated.
 * Only the types that Headroom's calls use.
 */

/** Bytes that are not what the protocol promises. The connection they came from is not used any further. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

const paddingOf = (length: number): number => (4 - (length & 3)) & 3;

export class XdrWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  int(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeInt32BE(value, this.#length);
    return this;
  }

  uint(value: number): this {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value, this.#length);
    return this;
  }

  uhyper(value: bigint): this {
    this.#reserve(8);
    this.#length = this.#buffer.writeBigUInt64BE(value, this.#length);
    return this;
  }

  /** Variable-length opaque: its length, then the bytes. */
  bytes(value: Uint8Array): this {
    return this.uint(value.length).fixedBytes(value);
  }

  fixedBytes(value: Uint8Array): this {
    const padding = paddingOf(value.length);
    this.#reserve(value.length + padding);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    this.#buffer.fill(0, this.#length, this.#length + padding);
    this.#length += padding;
    return this;
  }

  string(value: string): this {
    return this.bytes(Buffer.from(value, "utf8"));
  }

  optionalString(value: string | null): this {
    return value === null ? this.uint(0) : this.uint(1).string(value);
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

export class XdrReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, start = 0) {
    this.#bytes = bytes;
    this.#at = start;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  uint(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  hyper(): bigint {
    return this.#bytes.readBigInt64BE(this.#take(8));
  }

  uhyper(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  bool(): boolean {
    const value = this.uint();
    if (value > 1) throw new ProtocolError(`a flag holds ${value}, neither 0 nor 1`);
    return value === 1;
  }

  /** A view of the message, not a copy. */
  bytes(longest: number): Buffer {
    const length = this.uint();
    if (length > longest) throw new ProtocolError(`${length} bytes where at most ${longest} are allowed`);
    return this.fixedBytes(length);
  }

  fixedBytes(length: number): Buffer {
    const start = this.#take(length + paddingOf(length));
    return this.#bytes.subarray(start, start + length);
  }

  string(longest: number): string {
    return this.bytes(longest).toString("utf8");
  }

  optionalString(longest: number): string | null {
    return this.bool() ? this.string(longest) : null;
  }

  /** `smallest`: bytes that one element takes at least, so that a lying count cannot make a huge array. */
  array<T>(most: number, smallest: number, element: (reader: XdrReader) => T): T[] {
    const count = this.uint();
    if (count > most) throw new ProtocolError(`${count} elements where at most ${most} are allowed`);
    if (count * smallest > this.left) throw new ProtocolError(`${count} elements announced in ${this.left} bytes`);
    const out: T[] = [];
    for (let i = 0; i < count; i++) out.push(element(this));
    return out;
  }

  #take(count: number): number {
    if (count > this.left) throw new ProtocolError(`the message ends ${count - this.left} bytes too early`);
    const start = this.#at;
    this.#at += count;
    return start;
  }
}
