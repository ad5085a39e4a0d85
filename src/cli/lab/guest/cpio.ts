/** Writes the archive that Linux takes as its first file system ("newc" cpio), without root and without a program. */

export interface ArchiveEntry {
  readonly path: string;
  /** As stat(2) has it: type and permissions. */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Of a device node. */
  readonly device?: readonly [major: number, minor: number];
}

export const FILE_MODE = 0o100755;
export const FOLDER_MODE = 0o040755;
export const CHARACTER_DEVICE_MODE = 0o020600;

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length & 3)) & 3)]);

function entryBytes(entry: ArchiveEntry, inode: number): Buffer {
  const content = Buffer.from(entry.content ?? []);
  const [major, minor] = entry.device ?? [0, 0];
  const name = Buffer.from(`${entry.path}\0`);
  // inode, mode, uid, gid, links, time, size, device (2), device node (2), length of the name, checksum
  const fields = [inode, entry.mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)]);
}

export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const all = [...entries, { path: "TRAILER!!!", mode: 0 }];
  return Buffer.concat(all.map((entry, index) => entryBytes(entry, index + 1)));
}
