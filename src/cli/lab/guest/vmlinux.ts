/**
 * Unpacks the ELF kernel out of a bzImage: QEMU enters it directly (PVH), and a guest saves the second it would spend on
 * unpacking itself. Layout: Linux's Documentation/arch/x86/boot.rst; LZ4 blocks: lz4_Block_format.md.
 */
import { gunzipSync } from "node:zlib";
import { decompress as unzstd } from "fzstd";

const ELF = 0x7f454c46;
const LZ4_LEGACY = 0x184c2102;
const GZIP = 0x1f8b;
const ZSTD = 0x28b52ffd;

/** Null where the kernel is packed in a way that is not known here: QEMU boots the bzImage as well, only slower. */
export function unpackKernel(bzImage: Buffer): Buffer | null {
  const setupSectors = bzImage[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c));
  // The last four bytes repeat the unpacked size.
  const size = payload.readUInt32LE(payload.length - 4);
  const packed = payload.subarray(0, -4);
  const kernel = unpack(packed, size);
  return kernel && kernel.readUInt32BE(0) === ELF ? kernel : null;
}

function unpack(packed: Buffer, size: number): Buffer | null {
  if (packed.readUInt32LE(0) === LZ4_LEGACY) return unpackLz4(packed.subarray(4), size);
  if (packed.readUInt16BE(0) === GZIP) return gunzipSync(packed);
  if (packed.readUInt32BE(0) === ZSTD) return Buffer.from(unzstd(packed));
  return null;
}

function unpackLz4(packed: Buffer, size: number): Buffer {
  const out = Buffer.alloc(size);
  let at = 0;
  for (let block = 0; block + 4 <= packed.length; ) {
    const length = packed.readUInt32LE(block);
    if (length === 0) break;
    at = unpackLz4Block(packed.subarray(block + 4, block + 4 + length), out, at);
    block += 4 + length;
  }
  return out.subarray(0, at);
}

function unpackLz4Block(block: Buffer, out: Buffer, start: number): number {
  let at = start;
  let from = 0;
  /** A nibble of 15 goes on in further bytes until one is not 255. */
  const longer = (nibble: number): number => {
    let value = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; value += byte) byte = block[from++]!;
    return value;
  };
  while (from < block.length) {
    const token = block[from++]!;
    const literals = longer(token >> 4);
    block.copy(out, at, from, from + literals);
    at += literals;
    from += literals;
    if (from >= block.length) break;
    const distance = block.readUInt16LE(from);
    from += 2;
    const matched = longer(token & 15) + 4;
    // Source and target may overlap: that is how runs are written.
    for (let source = at - distance, end = at + matched; at < end; ) out[at++] = out[source++]!;
  }
  return at;
}
