/**
 * The part of the Protocol Buffers wire format that etcd's messages need (protobuf.dev/programming-guides/encoding): varints,
 * length-delimited fields, nested messages. Unknown fields are skipped, so that newer servers are understood.
 */

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const GROUP = 0x80;

function varintBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= GROUP) {
    bytes.push((rest % GROUP) + GROUP);
    rest = Math.floor(rest / GROUP);
  }
  bytes.push(rest);
  return bytes;
}

/** Fields are written in the order of the calls. Numbers are non-negative safe integers; zero and false may be left out. */
export class Writer {
  private readonly parts: Uint8Array[] = [];

  int(field: number, value: number): this {
    this.parts.push(Uint8Array.from([...varintBytes(field * 8 + VARINT), ...varintBytes(value)]));
    return this;
  }

  flag(field: number, value: boolean): this {
    return this.int(field, value ? 1 : 0);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, value: Writer): this {
    return this.bytes(field, value.finish());
  }

  bytes(field: number, value: Uint8Array): this {
    this.parts.push(Uint8Array.from([...varintBytes(field * 8 + LENGTH), ...varintBytes(value.length)]), value);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.parts);
  }
}

export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

export class Reader {
  private position = 0;

  constructor(private readonly buffer: Buffer) {}

  /** Calls `read` with the number of each field; it reads the value by one of the methods below, or returns "skip". */
  fields(read: (field: number) => "skip" | undefined): void {
    while (this.position < this.buffer.length) {
      const tag = this.int();
      if (read(Math.floor(tag / 8)) === "skip") this.skip(tag % 8);
    }
  }

  /** Numbers beyond 2^53 (ids that are of no interest) lose their low bits; negative ones come out as huge. */
  int(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      const byte = this.buffer[this.position++];
      if (byte === undefined) throw new ProtobufError("a message ends within a number");
      value += (byte % GROUP) * factor;
      if (byte < GROUP) return value;
      factor *= GROUP;
    }
    throw new ProtobufError("a number of more than ten bytes");
  }

  flag(): boolean {
    return this.int() !== 0;
  }

  bytes(): Buffer {
    const length = this.int();
    const end = this.position + length;
    if (end > this.buffer.length) throw new ProtobufError("a message ends within a field");
    const value = this.buffer.subarray(this.position, end);
    this.position = end;
    return value;
  }

  text(): string {
    return this.bytes().toString();
  }

  message(): Reader {
    return new Reader(this.bytes());
  }

  private skip(wireType: number): void {
    if (wireType === VARINT) this.int();
    else if (wireType === LENGTH) this.bytes();
    else if (wireType === FIXED64) this.position += 8;
    else if (wireType === FIXED32) this.position += 4;
    else throw new ProtobufError(`a field of the unknown wire type ${wireType}`);
  }
}
