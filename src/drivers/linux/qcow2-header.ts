/**
 * What a disk image file says of other files: a qcow2 image may name a backing file and an external data file, which QEMU
 * opens with its own rights. An image that names what lies outside the image folders would hand a tenant any file of the
 * host (CVE-2013-2096 and its kin), so the names are read before an image is accepted. After QEMU's docs/interop/qcow2.txt.
 */

/** Enough for the header, its extensions and the backing file's name, which all lie in the first cluster. */
export const QCOW2_PROLOGUE_BYTES = 64 * 1024;

export interface Qcow2References {
  /** As written: relative names count from the image's own folder. Null: it stands alone. */
  readonly backingFile: string | null;
  /** The guest's data lie in another file, which the header may name. */
  readonly externalData: boolean;
}

const MAGIC = 0x514649fb;
const HEADER_V3_BYTES = 104;
const INCOMPATIBLE_EXTERNAL_DATA = 1 << 2;
const LONGEST_BACKING_NAME = 1023;

const HEADER_V2_BYTES = 72;

export const isQcow2 = (prologue: Buffer): boolean =>
  prologue.length >= HEADER_V2_BYTES && prologue.readUInt32BE(0) === MAGIC;

/** Null: not a qcow2 image (raw, or anything else). Throws `RangeError` on a header that contradicts itself. */
export function readQcow2References(prologue: Buffer): Qcow2References | null {
  if (!isQcow2(prologue)) return null;
  const version = prologue.readUInt32BE(4);
  const offset = prologue.readBigUInt64BE(8);
  const length = prologue.readUInt32BE(16);
  const features = version >= 3 && prologue.length >= HEADER_V3_BYTES ? prologue.readUInt32BE(76) : 0;
  const externalData = (features & INCOMPATIBLE_EXTERNAL_DATA) !== 0;
  if (offset === 0n || length === 0) return { backingFile: null, externalData };
  if (length > LONGEST_BACKING_NAME || offset + BigInt(length) > BigInt(prologue.length)) {
    throw new RangeError("the backing file's name lies outside the header");
  }
  return { backingFile: prologue.toString("utf8", Number(offset), Number(offset) + length), externalData };
}
